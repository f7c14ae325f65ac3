"""Fuzz with atheris (dependency group ``fuzz``), which looks for inputs that reach new code; see ``scripts/fuzz``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path("build/fuzz")  # below it, for each target, the inputs found so far and those that crash
MAX_INPUT = 4096  # bytes
SLOW = 10  # seconds for one input, which is reported like a crash
MEMORY = 1024  # megabytes of the fuzzing process


def main() -> int:
    """Fuzz one target in this process, or all of them one after the other; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Look for inputs that crash a part of tikisync.")
    parser.add_argument("target", nargs="?", help="its name in tests/fuzz/targets.py; all where none is given")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    given = parser.parse_args()
    if given.target:
        return _fuzz(given.target, given.seconds)
    from tests.fuzz.targets import TARGETS

    failed = []
    for name in TARGETS:
        command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(given.seconds)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    sys.stdout.write(f"crashed: {', '.join(failed) or 'none'}\n")
    return bool(failed)


def _fuzz(name: str, seconds: int) -> int:
    import atheris

    with atheris.instrument_imports(include=["tikisync", "jmespath"]):
        from tests.fuzz.targets import TARGETS
    if name not in TARGETS:
        sys.stderr.write(f"scripts/fuzz: there is no target {name}; there are {', '.join(TARGETS)}\n")
        return 2
    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = {"max_total_time": seconds, "max_len": MAX_INPUT, "timeout": SLOW, "rss_limit_mb": MEMORY}
    flags = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup(
        [name, *flags, "-print_final_stats=1", f"-artifact_prefix={FOLDER}/{name}-", str(corpus)], TARGETS[name]
    )
    atheris.Fuzz()  # ends the process
    return 0


if __name__ == "__main__":
    sys.exit(main())
