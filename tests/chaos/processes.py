"""Processes of tikisync that can be killed, frozen, given a wrong clock, and started again."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Part(Enum):
    """What of a program is killed: it starts a process that applies."""

    WHOLE, PARENT, CHILD = range(3)


class Program:
    """A ``tikisync serve`` or ``work`` with the config file ``folder/NAME.ini``."""

    def __init__(self, command: str, config: Path) -> None:
        self.command, self.config = command, config
        self.log = config.with_suffix(".log")
        self._clock = config.with_suffix(".clock")
        self._process: subprocess.Popen[bytes] | None = None
        self.set_clock(0)

    def start(self) -> None:
        """Start it; do not wait until it answers."""
        wrong_clock = {"PYTHONPATH": str(Path(__file__).with_name("wrong_clock")), "WRONG_CLOCK": str(self._clock)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tikisync", self.command, "-c", self.config],
                cwd=ROOT,
                env={**os.environ, **wrong_clock},
                stdout=log,
                stderr=log,
            )

    def kill(self, which: Part = Part.WHOLE) -> None:
        """End a part of it at once."""
        children = self._children()
        if which != Part.CHILD and self._process:
            self._process.kill()
            self._process.wait()
        if which != Part.PARENT:
            _signal(children, signal.SIGKILL)

    def freeze(self) -> None:
        """Let it do nothing, and not know."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after ``freeze``."""
        self._signal(signal.SIGCONT)

    def set_clock(self, seconds: int) -> None:
        """Set its clock wrong by so many seconds."""
        self._clock.write_text(str(seconds))

    def limit_files(self, size: int = resource.RLIM_INFINITY) -> None:
        """Let its files become no larger than so many bytes, as if the disk were full then."""
        if self._process and self._process.poll() is None:
            with suppress(ProcessLookupError):
                resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def stop(self) -> int:
        """Let it end properly; return its exit code."""
        assert self._process
        self._process.terminate()
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    @property
    def has_ended(self) -> bool:
        """Tell whether it was started and runs no more."""
        return self._process is not None and self._process.poll() is not None

    def _signal(self, number: int) -> None:
        if self._process and self._process.poll() is None:
            _signal([self._process.pid, *self._children()], number)

    def _children(self) -> list[int]:
        """Return the processes that it has started: the one that applies."""
        if not self._process or self._process.poll() is not None:
            return []
        number = self._process.pid
        return [int(each) for each in Path(f"/proc/{number}/task/{number}/children").read_text().split()]


def _signal(numbers: Sequence[int], signal_number: int) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal_number)
