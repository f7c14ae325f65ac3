"""``tikisync shadow --listen`` as a web server's mirror has it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.databases import TikiDatabase
from tests.end_to_end.program import PATIENCE, free_port, until
from tests.integration.test_shadow import BODY, by_name
from tikisync.cli.client import post
from tikisync.core.verification import sign
from tikisync.errors import PassingError


def test_mirrored_requests_are_judged_until_it_is_stopped_and_then_counted(
    sqlite_tiki: TikiDatabase, tmp_path: Path
) -> None:
    config, port = tmp_path / "config.ini", free_port()
    config.write_text(f"[tiki]\nurl = {sqlite_tiki.url}\n")
    url = f"http://127.0.0.1:{port}/tiki-webhooks.php"
    command = [sys.executable, "-m", "tikisync", "shadow", "--listen", f"127.0.0.1:{port}", "--json", "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:

        def sends(handler: str) -> bool:
            chosen = by_name(sqlite_tiki)[handler]
            try:
                return post(url, BODY, {chosen.signature_header: sign(chosen, BODY)}) == (204, "")
            except PassingError:
                return False

        until(lambda: sends("Shop"))
        assert sends("Bank")
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=PATIENCE)

    report = json.loads(told)
    assert report["counts"] == {"same": 1, "documented": 1, "real": 0, "left out": 0}
    assert "from 127.0.0.1" in report["differences"][0]["request"]
    assert process.returncode == 1
