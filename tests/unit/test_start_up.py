"""Starting is quick: what takes long to load is loaded where it is needed, and nowhere before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAVY = {"sqlalchemy", "pymysql", "uvicorn", "starlette", "jinja2", "rich", "cryptography.x509", "jmespath"}

_TOLD = "import json, sys; print(json.dumps(sorted(sys.modules)))"
_SERVICE = """
from pathlib import Path
from tikisync import cli
from tikisync.app import open_app
from tikisync.cli.running import Background
from tikisync.web import application, server
application.of_app(open_app(Path(sys.argv[1])), print)
"""


def loaded(code: str, *arguments: str) -> set[str]:
    """Return which of the heavy packages a program has loaded at its end."""
    command = [sys.executable, "-c", f"import sys\n{code}\n{_TOLD}", *arguments]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return HEAVY & set(json.loads(told.splitlines()[-1]))


def test_the_command_line_loads_nothing_that_takes_long_before_it_knows_the_command() -> None:
    assert loaded("import tikisync.cli") == set()


def test_the_service_loads_no_pages_no_tables_and_no_public_keys(tmp_path: Path) -> None:
    config = tmp_path / "config.ini"
    config.write_text("[tiki]\nurl = sqlite:///tiki.db\n")
    assert loaded(_SERVICE, str(config)) == {"sqlalchemy", "pymysql", "uvicorn", "starlette", "jmespath"}


def test_the_dashboard_is_loaded_where_it_is_switched_on(tmp_path: Path) -> None:
    config = tmp_path / "config.ini"
    config.write_text("[tiki]\nurl = sqlite:///tiki.db\n[dashboard]\nenabled = yes\n")
    assert "jinja2" in loaded(_SERVICE, str(config))
