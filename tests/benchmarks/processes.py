"""What running processes have cost so far, as Linux tells it in /proc; elsewhere nothing is known."""

from __future__ import annotations

import os
import time
from pathlib import Path

_IDLE = 0.01  # seconds of CPU time in a tenth of a second


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user's and system's, of a process and its children; 0 where it is not known."""
    return sum(_ticks(each) for each in _family(pid)) / os.sysconf("SC_CLK_TCK")


def until_idle(pid: int) -> None:
    """Return once a process has done nothing for a moment; after a minute in any case."""
    before, seconds = -1.0, 0.0
    deadline = time.monotonic() + 60
    while seconds - before > _IDLE and time.monotonic() < deadline:
        time.sleep(0.1)
        before, seconds = seconds, cpu_seconds(pid)


def peak_memory(pid: int) -> float:
    """Return the most memory that a process or one of its children has held, in MiB; 0 where it is not known."""
    return max(_peak(each) for each in _family(pid))


def _family(pid: int) -> list[int]:
    threads = (Path("/proc") / str(pid) / "task").glob("*/children")  # whichever of its threads started them
    return [pid, *(int(child) for each in threads for child in _read(str(each)).split())]


def _ticks(pid: int) -> int:
    fields = _read(f"{pid}/stat").rpartition(")")[2].split()  # the program's name may hold anything
    return sum(map(int, fields[11:15]))  # its own, and of the children that have ended


def _peak(pid: int) -> float:
    lines = _read(f"{pid}/status").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _read(name: str) -> str:
    try:
        return (Path("/proc") / name).read_text()
    except OSError:
        return ""
