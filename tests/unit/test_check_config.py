"""Who may read the config file: a warning where it is everybody and there are secrets in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tikisync import config
from tikisync.pipeline import check_config

WITH_SECRETS = """
[tiki]
url = mysql+pymysql://tiki:a%20long%20password@db/tiki
[dashboard]
session_key = 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c
[handler Face]
recipe = meta
recipe.verify_token = shown-once-only
"""


@pytest.fixture
def file() -> Iterator[Path]:
    """A config file that everybody can reach and read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "config.ini"
        path.write_text(WITH_SECRETS)
        path.chmod(0o644)
        yield path


def findings(file: Path, **environment: str) -> list[str]:
    return [each.message for each in check_config.check(file, config.load(file, environment))]


def test_secrets_that_everybody_can_read_are_named_and_not_told(file: Path) -> None:
    [message] = findings(file)
    assert "[tiki] url, [dashboard] session_key, [handler Face] recipe.verify_token" in message
    assert "password" not in message


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_that_others_cannot_read_is_fine(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert findings(file) == []


def test_a_file_in_a_folder_that_others_cannot_enter_is_fine(file: Path) -> None:
    file.parent.chmod(0o700)
    assert findings(file) == []


@pytest.mark.parametrize(
    "place", ["path = /var/www/tiki", "url = mysql+pymysql://tiki@db/tiki", "url = sqlite:///tiki.db"]
)
def test_a_file_without_secrets_is_fine(file: Path, place: str) -> None:
    file.write_text(f"[tiki]\n{place}\n")
    assert findings(file) == []


def test_a_secret_that_stands_elsewhere_is_none_of_the_file(file: Path) -> None:
    file.write_text("[tiki]\nurl_file = url\n")
    (file.parent / "url").write_text("mysql+pymysql://tiki:a%20long%20password@db/tiki")
    assert findings(file) == []
    assert findings(file, TIKISYNC_DATABASE_URL="mysql+pymysql://tiki:another%20password@db/tiki") == []


def test_a_file_that_is_gone_by_now_is_none(file: Path) -> None:
    read = config.load(file, {})
    file.unlink()
    assert list(check_config.check(file, read)) == []
