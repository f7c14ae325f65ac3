"""The real program: what its tests need of the process they run in."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture(autouse=True, scope="package")
def _ctrl_c_reaches_programs() -> None:
    """A program ignores Ctrl-C if its parent does, as the jobs of a shell in the background do."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
