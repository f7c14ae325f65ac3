"""``tikisync inbox``: what it shows and does with many deliveries, and with old ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.arrivals import arrival
from tikisync.cli import program
from tikisync.database import Database
from tikisync.errors import SetupError
from tikisync.inbox import deliveries

LONG_AGO = 1_600_000_000_000


@pytest.fixture
def inbox(sqlite_tiki: Database, tmp_path: Path) -> Callable[..., Any]:
    """Runs a command over three deliveries, two done long ago and one failed; returns what it prints."""
    config = tmp_path / "config.ini"
    config.write_text(f"[tiki]\nurl = {sqlite_tiki.shown}\n")
    with sqlite_tiki.transaction() as tx:
        deliveries.add(tx, [arrival(body=b"12345", received_at=LONG_AGO)] * 3)
        tx.run(
            "UPDATE tikisync_deliveries SET status = CASE delivery_id WHEN 3 THEN 'failed' ELSE 'done' END, "
            "finished_at = :at",
            at=LONG_AGO,
        )

    def run(*arguments: str, as_json: bool = True) -> Any:
        options = ["-c", str(config), *(["--json"] if as_json else [])]
        result = CliRunner().invoke(program, ["inbox", *arguments, *options], catch_exceptions=False)
        return json.loads(result.stdout) if as_json else result.stdout

    return run


def test_old_deliveries_expire_when_asked_to_and_say_so_from_then_on(inbox: Callable[..., Any]) -> None:
    assert inbox("expire", "--keep", "99 years") == {"dry_run": False, "expired": 0, "bytes": 0}
    assert inbox("expire", "--dry-run") == {"dry_run": True, "expired": 2, "bytes": 10}
    assert "2 deliveries would expire" in inbox("expire", "--dry-run", as_json=False)
    assert "2 deliveries expired, with bodies of 0.0 MiB" in inbox("expire", as_json=False)
    assert inbox("expire")["expired"] == 0
    assert "Body, headers and attempts expired at 20" in inbox("show", "1", as_json=False)
    assert inbox("show", "1")["expired"].startswith("20")
    assert inbox("show", "3")["body"] == "12345"
    with pytest.raises(SetupError, match="delivery 1 expired at 20"):
        inbox("replay", "1")


@pytest.mark.parametrize(("keep", "told"), [("forever", "kept forever"), ("soon", "--keep: give a number of hours")])
def test_a_time_that_says_nothing_is_told(inbox: Callable[..., Any], keep: str, told: str) -> None:
    with pytest.raises(SetupError, match=told):
        inbox("expire", "--keep", keep)


def test_many_deliveries_are_chosen_by_status_and_handler(inbox: Callable[..., Any]) -> None:
    assert inbox("discard", "--status", "failed") == {"asked": 1, "met": 1}
    assert inbox("replay", "--status", "done", "--handler", "Shop") == {"asked": 2, "met": 2}
    assert inbox("replay", "--handler", "Forge") == {"asked": 0, "met": 0}
    assert [each["status"] for each in inbox("list")] == ["discarded", "pending", "pending"]


@pytest.mark.parametrize("arguments", [[], ["1", "--status", "done"]])
def test_which_deliveries_are_meant_must_be_clear(inbox: Callable[..., Any], arguments: list[str]) -> None:
    with pytest.raises(SetupError, match="by their numbers, or by --status and --handler"):
        inbox("discard", *arguments)
