from __future__ import annotations

import signal

import pytest

from tikisync.core.deaths import OUT_OF_MEMORY, Bounds, death


@pytest.mark.parametrize(
    ("exit_code", "reason", "told"),
    [
        (-signal.SIGXCPU, "time_limit", "it took more than 9 s of processor time, so its worker was ended"),
        (OUT_OF_MEMORY, "memory_limit", "it needed more memory than 200 MiB, so its worker was ended"),
        (-signal.SIGKILL, "worker_died", "its worker was killed (SIGKILL), maybe by the system for want of memory"),
        (-signal.SIGSEGV, "worker_died", "its worker crashed (SIGSEGV)"),
        (-99, "worker_died", "its worker crashed (signal 99)"),
        (1, "worker_died", "its worker ended with exit code 1; see the log"),
    ],
)
def test_the_end_of_a_worker_is_explained(exit_code: int, reason: str, told: str) -> None:
    found = death(exit_code, Bounds(time_limit=9, memory_limit=200 << 20))
    assert found.reason == reason
    assert found.told.startswith(told)
    assert found.is_certain == (exit_code != -signal.SIGKILL)
