"""The real program, started as its users start it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import leaks
from tikisync.cli.client import post
from tikisync.errors import PassingError

PATIENCE = 30  # seconds before a test gives up; nothing is measured


def run(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``tikisync`` with these arguments to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "tikisync", *arguments],
        input=stdin.decode(),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment},
        check=False,
    )
    leaks.output(f"tikisync {arguments[0]}", done.stdout + done.stderr)
    return done


def free_port() -> int:
    """Return a port of the loopback address that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Service:
    """A running ``tikisync serve`` or ``work``."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def post(self, body: bytes, headers: Mapping[str, str], path: str = "/tiki-webhooks.php") -> tuple[int, str]:
        """Send it a webhook."""
        status, text = post(f"http://127.0.0.1:{self.port}{path}", body, headers)
        return status, leaks.output(path, text)

    def workers(self) -> list[int]:
        """Return the processes that it has started to apply deliveries, first to last."""
        return [int(pid) for pid in re.findall(r"worker\.started.*\bpid=(\d+)", self.log.read_text())]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(command: str, config: Path, port: int = 0, *, under: Sequence[str] = ()) -> Iterator[Service]:
    """Start ``tikisync serve`` or ``work`` and, where it listens, wait until it answers; maybe ``under`` a command."""
    log = config.with_suffix(f".{command}.log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [*under, sys.executable, "-m", "tikisync", command, "-c", str(config)],
            stdout=output,
            stderr=output,
            text=True,
        )
    service = Service(process, port, log)
    try:
        if port:
            until(lambda: _answers(service) or process.poll() is not None, log)
        yield service
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def until(holds: object, log: Path | None = None) -> None:
    """Wait until the callable is true; fail with the log where it never is."""
    assert callable(holds)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log else "it never came true")


def _answers(service: Service) -> bool:
    try:
        return service.post(b"", {})[0] in (200, 403)
    except PassingError:
        return False
