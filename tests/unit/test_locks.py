"""The locks name a fitting release of all that is needed; the bill of materials and the container follow them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.manual_pages import ROOT
from tikisync import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == __version__


@pytest.mark.parametrize(
    ("lock", "groups"), [("runtime", []), ("build", ["build"]), ("tests", ["test", "senders", "build"])]
)
def test_a_lock_holds_a_fitting_release_of_each_dependency(lock: str, groups: list[str]) -> None:
    text = (ROOT / ".packaging" / f"{lock}.lock").read_text("utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==([^ ]+)", text, re.MULTILINE))
    asked = [] if lock == "build" else PROJECT["project"]["dependencies"]
    asked = [*asked, *(each for group in groups for each in PROJECT["dependency-groups"][group])]
    for each in map(Requirement, asked):
        name = re.sub("[-_.]+", "-", each.name).lower()
        assert name in locked and locked[name] in each.specifier, f"{each}: run scripts/lock"
    assert "http://" not in text and "https://" not in text


def test_the_locks_agree_with_each_other() -> None:
    runtime, tests = ((ROOT / ".packaging" / f"{name}.lock").read_text("utf-8") for name in ("runtime", "tests"))
    entry = re.compile(r"^[a-z0-9-]+==[^ ]+", re.MULTILINE)
    assert set(entry.findall(runtime)) <= set(entry.findall(tests))


def test_the_bill_of_materials_names_each_locked_release_with_its_hashes_and_what_needs_it() -> None:
    told = json.loads(subprocess.check_output([sys.executable, ROOT / "scripts" / "sbom"]))
    text = (ROOT / ".packaging" / "runtime.lock").read_text("utf-8")
    assert (told["bomFormat"], told["metadata"]["component"]["version"]) == ("CycloneDX", __version__)
    there = {f"{each['name']}=={each['version']}" for each in told["components"]}
    assert there == set(re.findall(r"^([a-z0-9-]+==[^ ]+)", text, re.MULTILINE))
    assert sum(len(each["hashes"]) for each in told["components"]) == text.count("sha256:")
    [own] = [each["dependsOn"] for each in told["dependencies"] if each["ref"] == "tikisync"]
    assert len(own) == len(PROJECT["project"]["dependencies"])
    needed = {purl for each in told["dependencies"] for purl in each["dependsOn"]}
    assert needed == {each["purl"] for each in told["components"]}


def test_the_container_file_copies_what_is_there() -> None:
    text = (ROOT / ".packaging" / "Containerfile").read_text("utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert len(copied) > 5
    assert all((ROOT / name).exists() for name in copied)
