"""What the end of a worker process says about the delivery that it had in hand."""

from __future__ import annotations

import signal
from dataclasses import dataclass

OUT_OF_MEMORY = 12  # exit code of a worker that was refused memory: ENOMEM


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a worker process may use."""

    time_limit: int = 30  # seconds of processor time, for one delivery
    memory_limit: int = 512 << 20  # bytes, in all


@dataclass(frozen=True, slots=True)
class Death:
    """Why a worker ended: a ``reason`` for machines, and a sentence for people."""

    reason: str
    told: str
    is_certain: bool = True  # that what it had in hand is to blame; else somebody may have killed it


def death(exit_code: int, bounds: Bounds) -> Death:
    """Explain the exit code of a worker process, negative for a signal (``subprocess.Popen.returncode``)."""
    if exit_code == -signal.SIGXCPU:
        told = f"it took more than {bounds.time_limit} s of processor time, so its worker was ended"
        return Death("time_limit", f"{told} ([worker] time_limit)")
    if exit_code == OUT_OF_MEMORY:
        told = f"it needed more memory than {bounds.memory_limit >> 20} MiB, so its worker was ended"
        return Death("memory_limit", f"{told} ([worker] memory_limit)")
    if exit_code == -signal.SIGKILL:
        return Death("worker_died", "its worker was killed (SIGKILL), maybe by the system for want of memory", False)
    if exit_code < 0:
        name = next((each.name for each in signal.Signals if each == -exit_code), f"signal {-exit_code}")
        return Death("worker_died", f"its worker crashed ({name})")
    return Death("worker_died", f"its worker ended with exit code {exit_code}; see the log")
