"""Starting is quick: what takes long to load is loaded where it is needed, and nowhere before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NEEDED = {"sqlalchemy", "pymysql", "uvicorn", "starlette", "jmespath"}  # to receive
PAGES = {"jinja2", "tikisync.inspection", "tikisync.pipeline.apply", "tikisync.core.fields", "regex"}
HEAVY = {*NEEDED, *PAGES, "rich", "cryptography.x509", "opentelemetry", "tikisync.core.formulas"}

_TOLD = "import json, sys; print(json.dumps(sorted(sys.modules)))"
_SERVICE = """
from pathlib import Path
from tikisync import cli
from tikisync.app import open_app
from tikisync.cli.running import Background
from tikisync.web import application, server
service = application.of_app(open_app(Path(sys.argv[1])), print)
"""


def loaded(code: str, *arguments: str) -> set[str]:
    """Return which of the heavy packages a program has loaded at its end."""
    command = [sys.executable, "-c", f"import sys\n{code}\n{_TOLD}", *arguments]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return HEAVY & set(json.loads(told.splitlines()[-1]))


def test_the_command_line_loads_nothing_that_takes_long_before_it_knows_the_command() -> None:
    assert loaded("import tikisync.cli") == set()


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.ini"
    path.write_text("[tiki]\nurl = sqlite:///tiki.db\n[dashboard]\nenabled = yes\n")
    return str(path)


def test_before_it_listens_the_service_loads_only_what_it_receives_with(config: str) -> None:
    assert loaded(_SERVICE, config) == NEEDED


def test_the_pages_and_what_they_are_made_with_are_loaded_afterwards(config: str) -> None:
    assert loaded(f"{_SERVICE}service.load()", config) >= NEEDED | PAGES
