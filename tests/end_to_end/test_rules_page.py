"""Rules on a wiki page of Tiki's, edited while the service runs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.databases import TikiDatabase
from tests.end_to_end.program import free_port, run, running, until
from tests.integration.test_rules_page import NAME, block, save


def test_an_edit_of_the_page_counts_without_a_restart(sqlite_tiki: TikiDatabase, tmp_path: Path) -> None:
    port = free_port()
    config, order = tmp_path / "config.ini", tmp_path / "order.json"
    config.write_text(f"[tiki]\nurl = {sqlite_tiki.url}\n[server]\nport = {port}\n[rules]\npage = {NAME}\n")
    order.write_text('{"id": "A-1"}')
    save(sqlite_tiki, "[rule x]\nhandlr = Shop\n")
    sent = ("send", "Shop", str(order), "-c", str(config))
    listed = ("inbox", "list", "--json", "-c", str(config))
    with running("serve", config, port) as service:
        assert run(*sent).returncode == 0
        until(lambda: "rules_unknown" in service.log.read_text() or "cannot be used" in service.log.read_text())
        assert json.loads(run(*listed).stdout)[0]["status"] == "pending"
        assert f"Tiki page {NAME} (version 1)" in run("check", "-c", str(config)).stdout

        save(sqlite_tiki, block("shop"))

        until(lambda: json.loads(run(*listed).stdout)[0]["status"] == "done", service.log)
        assert service.stop() == 0
