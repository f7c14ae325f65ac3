"""Look for known vulnerabilities of what tikisync needs to run, with pip-audit: ``python -m tests.audit``.

Where no service of theirs can be reached, or one that knows nothing, as behind a mirror of PyPI, it says so: whether it
knows anything is tried on a version that has been known to be vulnerable for years.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
CANARY = "jinja2==2.10"  # CVE-2019-10906
SERVICES = ("pypi", "osv")
NOT_AUDITED = 75  # EX_TEMPFAIL of sysexits.h

# Identifiers of findings that do not matter here, each with the reason.
ACCEPTED: Mapping[str, str] = {}


def main() -> int:
    """Print a line, and one for each finding; return 0, 1 where there are findings, or NOT_AUDITED."""
    lines = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    needed = sorted(f"{name}=={distribution(name).version}" for name in requirements(lines))
    for service in SERVICES:
        if findings(_asked(service, [CANARY]), {}):
            found = findings(_asked(service, needed), ACCEPTED)
            sys.stdout.write("\n".join([f"{len(needed)} packages, {len(found)} findings", *found]) + "\n")
            return bool(found)
    sys.stdout.write("not audited: no service that knows vulnerabilities can be reached\n")
    return NOT_AUDITED


def requirements(lines: Iterable[str]) -> set[str]:
    """Return the names of all installed packages that these requirements stand for, with what those need in turn."""
    found: set[str] = set()
    waiting = [*lines]
    while waiting:
        needed = Requirement(waiting.pop())
        if needed.name not in found and (not needed.marker or needed.marker.evaluate({"extra": ""})):
            found.add(needed.name)
            waiting += distribution(needed.name).requires or ()
    return found


def findings(told: Mapping[str, Any], accepted: Iterable[str]) -> list[str]:
    """Return a sentence for each vulnerability in pip-audit's report that is not accepted."""
    return [
        f"{package['name']} {package['version']}: {each['id']}, "
        f"mended in {', '.join(each['fix_versions']) or 'nothing yet'}"
        for package in told.get("dependencies", [])
        for each in package.get("vulns", [])
        if not {each["id"], *each["aliases"]} & {*accepted}
    ]


def _asked(service: str, packages: Iterable[str]) -> Mapping[str, Any]:
    """Return pip-audit's report (its --format json), nothing where the service does not answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(packages))
        file.flush()
        command = ["-m", "pip_audit", "--no-deps", "--disable-pip", "--format=json", "--timeout=15", "-s", service]
        done = subprocess.run([sys.executable, *command, "-r", file.name], capture_output=True, text=True, check=False)
    try:
        told: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {}
    return told


if __name__ == "__main__":
    sys.exit(main())
