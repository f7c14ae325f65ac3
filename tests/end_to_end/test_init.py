"""``tikisync init`` as a person has it: in a terminal, up to a first item."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.databases import TikiDatabase
from tests.end_to_end.program import PATIENCE, free_port, run, running, until


class Terminal:
    """A program in a terminal; what it printed is in ``text``."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._terminal, far = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tikisync", *command],
            stdin=far, stdout=far, stderr=far, env={**os.environ, "COLUMNS": "200", **environment},
        )  # fmt: skip
        os.close(far)

    def answer(self, question: str, text: str) -> None:
        """Wait for a question and type a line."""
        self._read_until(question)
        os.write(self._terminal, f"{text}\n".encode())

    def end(self) -> int:
        """Return the exit code."""
        self._read_until(None)
        os.close(self._terminal)
        return self.process.wait(PATIENCE)

    def _read_until(self, awaited: str | None) -> None:
        begun, deadline = len(self.text), time.monotonic() + PATIENCE
        while awaited is None or awaited not in self.text[begun:]:
            assert time.monotonic() < deadline, self.text
            if select.select([self._terminal], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self._terminal, 4096).decode("utf-8", "replace")
                except OSError:  # the program has ended
                    assert awaited is None, self.text
                    return


def test_a_person_gets_from_a_running_tiki_to_a_first_item(sqlite_tiki: TikiDatabase, tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "config.ini"
    terminal = Terminal("init", "--port", str(port), "-c", str(config), TIKISYNC_DATABASE_URL=sqlite_tiki.url)
    terminal.answer("Folder of your Tiki", "")
    terminal.answer("address in a browser", "https://www.example.org")
    terminal.answer("Handler that the rule is for", "Shop")
    terminal.answer("Tracker that it fills", "Orders")
    terminal.answer("a file with its payload, or made-up", "")
    terminal.answer("Web server in front", "none")
    terminal.answer("Show a systemd unit?", "n")

    assert terminal.end() == 1, terminal.text  # other handlers have no rule yet, and check says so
    assert f"tikisync send Shop {tmp_path}/first-webhook.json" in terminal.text

    config.write_text(config.read_text().replace("[tiki]\n", f"[tiki]\nurl = {sqlite_tiki.url}\n"))
    with running("serve", config, port) as service:
        sent = run("send", "Shop", str(tmp_path / "first-webhook.json"), "-c", str(config))
        assert sent.returncode == 0, sent.stderr
        until(lambda: "created item 1 of tracker Orders" in service.log.read_text(), service.log)
        assert service.stop() == 0
