"""A MariaDB server that can be killed, and started again on what it has kept."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pymysql
from sqlalchemy.engine import URL

from tests import servers

_DURABLE = ("--innodb-flush-log-at-trx-commit=1", "--skip-name-resolve", "--bind-address=127.0.0.1")


class Node:
    """A server in a folder of its own; ``flags`` stand above those it gets otherwise."""

    def __init__(self, folder: Path, port: int, flags: Sequence[str] = ()) -> None:
        folder.mkdir()
        self.folder, self.port = folder, port
        self.url = URL.create("mysql+pymysql", "root", host="127.0.0.1", port=port)
        self._flags = flags
        self._command = servers.installed(os.environ, folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *flags: str) -> None:
        """Start it; do not wait until it answers."""
        own = [f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid", f"--port={self.port}"]
        sizes = ["--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *self._command, *own, *sizes, *_DURABLE, *self._flags, *flags],
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it at once."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Let it end properly."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        self.kill()

    @property
    def has_ended(self) -> bool:
        """Tell whether it was started and runs no more."""
        return self._process is not None and self._process.poll() is not None

    def is_synced(self) -> bool:
        """Tell whether it takes connections and is as the others of its cluster, if it has one."""
        try:
            servers.connect(self.url).close()
        except (servers.NoServerError, pymysql.Error):
            return False
        return True

    def told(self) -> str:
        """Return the end of its log."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]
