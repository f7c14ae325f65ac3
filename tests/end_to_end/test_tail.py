"""``tikisync tail``, as an admin runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests import dashboards
from tests.end_to_end.program import PATIENCE, run
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


def test_tail_goes_on_until_it_is_interrupted(sqlite_tiki: Database, tmp_path: Path) -> None:
    with dashboards.running(sqlite_tiki, tmp_path) as site:
        process = subprocess.Popen(
            [sys.executable, "-m", "tikisync", "tail", "-c", str(tmp_path / "config.ini"), "-n", "1", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        guard = threading.Timer(PATIENCE, process.kill)
        guard.start()
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["delivery"] == 5
        dashboards.store(site, dashboards.order(6), 1_800_000_000_000)
        assert json.loads(process.stdout.readline()) == {
            "at": 1_800_000_000_000, "delivery": 6, "handler": "Shop", "what": "received",
            "told": f"{len(dashboards.order(6))} bytes from 192.0.2.7",
        }  # fmt: skip
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=PATIENCE)
        guard.cancel()
        assert (process.returncode, rest, errors) == (0, "", "")
