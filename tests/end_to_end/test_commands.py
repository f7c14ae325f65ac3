"""Every command, as an admin types it, on a Tiki with the recorded starting state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.program import free_port, run, running, until
from tikisync.database import Database

RULES = """
[rule order]
handler = Shop
when = body.kind == 'order'
tracker = Orders
key = orderId
field.orderId = body.id
field.orderTotal = {amount: body.total, currency: 'EUR'}
field.orderState = body.state
field.orderPlaced = body.placed

[rule lines]
handler = Forge
each = body.companies
tracker = Companies
key = companyName
field.companyName = each.name
field.companyEmployees = each.employees
"""
ORDER = {"kind": "order", "id": "A-1", "total": 36, "state": "open", "placed": "2024-05-01T12:00:00+02:00"}


@pytest.fixture
def config(sqlite_tiki: Database, tmp_path: Path) -> Path:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {sqlite_tiki.shown}\n\n[server]\nport = {free_port()}\n{RULES}")
    return path


@pytest.fixture
def order(tmp_path: Path) -> Path:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(ORDER))
    return path


def test_help_names_every_command() -> None:
    done = run("--help")

    assert done.returncode == 0
    site = ("init", "setup", "check", "grants", "handlers", "shadow")
    for command in ("demo", "serve", "work", *site, "send", "doctor", "learn", "try", "inbox", "spool"):
        assert command in done.stdout


def test_the_version_is_shown() -> None:
    assert run("--version").stdout.startswith("tikisync ")


def test_setting_up_twice_says_that_all_is_there_already(config: Path) -> None:
    assert run("setup", "-c", str(config)).returncode == 0

    again = run("setup", "-c", str(config))

    assert (again.returncode, "everything is set up already" in again.stdout) == (0, True)


def test_check_exits_with_2_and_says_how_to_mend_an_unknown_field(config: Path) -> None:
    config.write_text(config.read_text().replace("field.orderState", "field.orderStat"))

    done = run("check", "-c", str(config))

    assert done.returncode == 2
    assert "[rule order] field.orderStat" in done.stdout
    assert "orderState" in done.stdout  # among the fields there are


def test_check_as_json_lists_findings_with_level_place_message_and_hint(config: Path) -> None:
    done = run("check", "--json", "-c", str(config))

    findings = json.loads(done.stdout)
    assert {frozenset(finding) for finding in findings} == {frozenset(("level", "where", "message", "hint"))}
    assert [finding["where"] for finding in findings] == ["handler Bank", "handler Forge two"]
    assert done.returncode == 1


def test_a_config_with_several_mistakes_is_told_all_of_them_without_a_traceback(config: Path) -> None:
    config.write_text("[tiki]\nurl = sqlite://\n[rule a]\nhandlr = Shop\n[serve]\nport = x\n")

    done = run("check", "-c", str(config))

    assert done.returncode == 2
    assert "handlr" in done.stderr
    assert "serve" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_config_is_a_sentence(tmp_path: Path) -> None:
    done = run("check", "-c", str(tmp_path / "none.ini"))

    assert done.returncode == 2
    assert "none.ini" in done.stderr
    assert "Traceback" not in done.stderr


def test_handlers_are_listed_with_their_rules_and_without_secrets(config: Path) -> None:
    done = run("handlers", "-c", str(config))

    assert "X-Shop-Signature" in done.stdout
    assert "order" in done.stdout
    assert "shop-secret" not in done.stdout
    assert [row["name"] for row in json.loads(run("handlers", "--json", "-c", str(config)).stdout)] == [
        "Shop",
        "Forge",
        "Bank",
        "Forge two",
    ]


def test_trying_a_rule_shows_the_rows_and_writes_nothing(config: Path, order: Path, sqlite_tiki: Database) -> None:
    done = run("try", "order", str(order), "-c", str(config))

    assert done.returncode == 0, done.stderr
    assert "order: created a new item of tracker Orders" in done.stdout
    assert "tiki_tracker_item_fields" in done.stdout
    assert "'36EUR'" in done.stdout
    with sqlite_tiki.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items") == 0


def test_trying_a_payload_that_the_tracker_refuses_says_why(config: Path, order: Path) -> None:
    order.write_text(json.dumps(ORDER | {"state": "lost"}))

    done = run("try", "order", str(order), "-c", str(config))

    assert done.returncode == 1
    assert "orderState" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_webhook_goes_all_the_way_and_is_shown_and_replayed(config: Path, order: Path, sqlite_tiki: Database) -> None:
    port = int(config.read_text().split("port = ")[1].split()[0])
    inbox = ("inbox", "list", "--json", "-c", str(config))
    with running("serve", config, port) as service:
        sent = run("send", "Shop", str(order), "-c", str(config))
        assert (sent.returncode, "200" in sent.stdout) == (0, True), sent.stderr
        until(lambda: json.loads(run(*inbox).stdout)[0]["status"] == "done", service.log)

        shown = run("inbox", "show", "1", "-c", str(config))
        assert "order: created item 1 of tracker Orders" in shown.stdout
        assert "(hidden)" in shown.stdout
        assert '"id": "A-1"' in shown.stdout

        assert run("inbox", "replay", "--status", "done", "-c", str(config)).returncode == 0
        until(lambda: json.loads(run(*inbox).stdout)[0]["reason"] == "unchanged", service.log)
        assert service.stop() == 0
    with sqlite_tiki.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items") == 1


def test_an_unknown_delivery_is_a_sentence_with_a_way_out(config: Path) -> None:
    done = run("inbox", "show", "99", "-c", str(config))

    assert done.returncode == 2
    assert "there is no delivery 99" in done.stderr
    assert "inbox list" in done.stderr


def test_sending_to_a_service_that_is_not_there_says_how_to_start_it(config: Path, order: Path) -> None:
    done = run("send", "Shop", str(order), "-c", str(config))

    assert done.returncode == 1
    assert "tikisync serve" in done.stderr


def test_serving_before_set_up_says_to_set_up(sqlite_tiki: Database, config: Path) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.run("DROP TABLE tikisync_schema")

    done = run("serve", "-c", str(config))

    assert done.returncode == 2
    assert "tikisync setup" in done.stderr


def test_a_file_that_is_not_there_is_a_sentence(config: Path, tmp_path: Path) -> None:
    for command in ("try", "send"):
        done = run(command, "order" if command == "try" else "Shop", str(tmp_path / "none.json"), "-c", str(config))

        assert done.returncode == 2
        assert "none.json cannot be read" in done.stderr
        assert "Traceback" not in done.stderr
