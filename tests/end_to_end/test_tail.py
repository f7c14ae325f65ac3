"""``tikisync tail``, as an admin runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests import dashboards
from tests.end_to_end.program import run
from tikisync.database import Database


def test_tail_shows_what_was_received_and_what_became_of_it(sqlite_tiki: Database, tmp_path: Path) -> None:
    with dashboards.running(sqlite_tiki, tmp_path):
        shown = run("tail", "-c", str(tmp_path / "config.ini"), "--no-follow")
        assert (shown.returncode, shown.stderr) == (0, "")
        lines = shown.stdout.splitlines()
        assert len(lines) == 9
        assert " 1 Shop received " in lines[0]
        assert any(" 1 Shop done order: created item" in line for line in lines)
        as_json = run("tail", "-c", str(tmp_path / "config.ini"), "--no-follow", "--json", "-n", "1").stdout
        assert [json.loads(line)["what"] for line in as_json.splitlines()][-1] == "received"
        assert run("tail", "-c", str(tmp_path / "config.ini"), "--no-follow", "--handler", "Forge").stdout == ""
