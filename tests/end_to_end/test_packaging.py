"""What is built and installed: source archive, wheel, the installed command, its completion in shells."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.manual_pages import ROOT
from tikisync import __version__


def run(*command: str | Path, folder: Path = ROOT, environment: Mapping[str, str] = {}) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=110, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "200", "NO_COLOR": "1", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked(folder: str) -> set[str]:
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", folder).splitlines()
    return {name for name in listed if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source archive, and the wheel that is built from what it holds."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    [unpacked] = [each for each in folder.iterdir() if each.is_dir()]
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=unpacked)
    [wheel] = folder.glob("*.whl")
    return archive, wheel


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh environment with the wheel, and the tests' own dependencies beside it."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (packages / "tests.pth").write_text(sysconfig.get_path("purelib"))
    run(folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-deps", "--no-index", built[1], folder=folder)
    return folder / "bin"


def test_the_source_archive_holds_all_that_is_tracked(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    for part in ("tikisync", "tests", "scripts", ".packaging", "LICENSE", "README.md", "CHANGELOG.md"):
        assert tracked(part) <= names
    assert "config.example.ini" in names


def test_the_wheel_holds_the_package_with_its_pages_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as opened:
        names = set(opened.namelist())
    package = {name for name in names if not re.match(r"tikisync-[^/]+\.(dist-info|data)/", name)}
    assert package == tracked("tikisync")
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert {"tikisync/manual/fields.md", "tikisync/web/prometheus-alerts.yml", "tikisync/py.typed"} <= package
    shared = {name.partition("/data/share/tikisync/")[2] for name in names if "/data/" in name}
    assert shared == {
        "config.example.ini",
        *(name.removeprefix(".packaging/") for name in tracked(".packaging/systemd")),
    }


def test_the_installed_command_works(installed: Path) -> None:
    command = installed / "tikisync"
    assert run(command, "--version") == f"tikisync {__version__}\n"
    assert run(installed / "python", "-m", "tikisync", "--version") == f"tikisync {__version__}\n"
    assert "inbox" in run(command, "--help", folder=installed)
    assert run(command, "manual", "fields", folder=installed).startswith("# Field types")
    told = json.loads(run(command, "demo", "--json", folder=installed))
    assert [item["title"].split(",")[0] for item in told["items"]] == ["Orders", "Enquiries"]


@pytest.mark.parametrize(
    ("shell", "typed"),
    [
        ("bash", {"COMP_WORDS": "tikisync inbox re", "COMP_CWORD": "2"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "tikisync inbox re"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "tikisync inbox re", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_shells_complete_commands(installed: Path, shell: str, typed: dict[str, str]) -> None:
    assert "replay" in run(installed / "tikisync", environment={"_TIKISYNC_COMPLETE": f"complete_{shell}", **typed})
    script = run(installed / "tikisync", "--show-completion", shell)
    assert "_TIKISYNC_COMPLETE" in script
