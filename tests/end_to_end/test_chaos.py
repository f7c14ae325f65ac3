"""A short run of ``scripts/chaos``: nothing lost, nothing doubled, everything in order, whatever is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.faults import Kind

ROOT = Path(__file__).parents[2]


def chaos(*options: str) -> subprocess.CompletedProcess[str]:
    """Run it without measuring coverage, whose files break where a disk is full."""
    command = [sys.executable, "-m", "tests.chaos", *options]
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(command, cwd=ROOT, env=unmeasured, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.timeout(300)  # a machine that is busy with other things takes its time
def test_nothing_is_lost_doubled_or_out_of_order_whatever_is_killed() -> None:
    done = chaos("--minutes", "0.15", "--seed", "161", "--every", "0.5")

    assert done.returncode == 0, done.stderr
    assert "lost 0, doubled 0, out of order 0, otherwise wrong 0" in done.stdout
    assert all(kind.removeprefix("kill ") in done.stdout for kind in Kind)
