"""A moment of fuzzing for each target; ``scripts/fuzz`` goes on for as long as one likes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SEPARATOR, TARGETS

PIECES = [SEPARATOR, b"\n", b"\0", b"\xff", b"'", b'"', b"[", b"{", b"(", b"<", b"&", b"%", b"\\", b"=", b"a" * 300]


@pytest.mark.parametrize("name", TARGETS)
def test_what_it_begins_with_is_understood(name: str) -> None:
    assert any(TARGETS[name](seed) for seed in TARGETS[name].seeds)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_that_resembles_an_input_crashes_it(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(TARGETS[name].seeds))
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, len(seed)))
    piece = data.draw(st.binary(max_size=20) | st.sampled_from(PIECES))
    TARGETS[name](seed[:start] + piece * data.draw(st.sampled_from([1, 2, 1000])) + seed[end:])


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed (group fuzz)")
def test_the_fuzzer_finds_its_way_into_a_target(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "php-serialize", "--seconds", "2"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "build" / "fuzz" / "php-serialize").iterdir())) > len(TARGETS["php-serialize"].seeds)
