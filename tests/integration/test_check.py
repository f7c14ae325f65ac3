"""``check`` finds what keeps webhooks from working, each finding with a way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tikisync import config as configuration
from tikisync.database import Database
from tikisync.pipeline.check import Finding, check

KEYED = "[rule order]\nhandler = Shop\ntracker = Orders\nkey = orderId\nfield.orderId = body.id\n"
RULE = KEYED + "field.orderTotal = {amount: body.total, currency: 'EUR'}\n"


def findings(database: Database, tmp_path: Path, rules: str = RULE, **warnings: Any) -> list[Finding]:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {database.shown}\n{rules}")
    return check(database, configuration.load(path), {}, **warnings)


def about(found: list[Finding], where: str) -> Finding:
    matching = [finding for finding in found if finding.where.startswith(where)]
    assert len(matching) == 1, found
    assert matching[0].hint
    return matching[0]


def change(database: Database, table: str, where: dict[str, Any], **changes: Any) -> None:
    with database.transaction() as tx:
        assert tx.update_now(table, where, changes) == 1


def test_a_site_where_all_fits_has_only_handlers_without_rules(sqlite_tiki: Database, tmp_path: Path) -> None:
    found = findings(sqlite_tiki, tmp_path)

    assert [(each.level, each.where) for each in found] == [
        ("warning", "handler Forge"),
        ("warning", "handler Bank"),
        ("warning", "handler Forge two"),
    ]


def test_a_database_without_handlers_is_no_tiki_25(tmp_path: Path) -> None:
    found = findings(Database(f"sqlite:///{tmp_path / 'empty.db'}"), tmp_path)

    assert [(each.level, each.message) for each in found] == [("error", "there is no table tiki_webhooks here")]


def test_tables_that_are_not_set_up_are_an_error(sqlite_tiki: Database, tmp_path: Path) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.run("DROP TABLE tikisync_schema")

    assert about(findings(sqlite_tiki, tmp_path), "tikisync's tables").hint == "run `tikisync setup`"


@pytest.mark.parametrize("preference", ["auth_webhooks", "feature_trackers"])
def test_a_switch_that_is_off_is_an_error(sqlite_tiki: Database, tmp_path: Path, preference: str) -> None:
    change(sqlite_tiki, "tiki_preferences", {"name": preference}, value="n")

    assert about(findings(sqlite_tiki, tmp_path), f"preference {preference}").level == "error"


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("secret", "", "has no secret"),
        ("algo", "rot13", "no HMAC with the algorithm 'rot13'"),
        ("verification", "rsa", "verification type 'rsa'"),
        ("user", "gone", "Tiki has no such user"),
    ],
)
def test_a_handler_that_can_accept_nothing_is_an_error(
    sqlite_tiki: Database, tmp_path: Path, column: str, value: str, told: str
) -> None:
    change(sqlite_tiki, "tiki_webhooks", {"name": "Shop"}, **{column: value})

    found = about(findings(sqlite_tiki, tmp_path), "handler Shop")

    assert (found.level, told in found.message) == ("error", True)


def test_no_handlers_at_all_is_a_warning_and_their_rules_are_errors(sqlite_tiki: Database, tmp_path: Path) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.run("DELETE FROM tiki_webhooks")

    found = findings(sqlite_tiki, tmp_path)

    assert about(found, "Tiki's admin").level == "warning"
    assert "no webhook handler named 'Shop'" in about(found, "[rule order]").message


def test_a_section_for_a_handler_that_tiki_does_not_have_is_an_error(sqlite_tiki: Database, tmp_path: Path) -> None:
    found = findings(sqlite_tiki, tmp_path, RULE + "[handler Shopp]\nduplicates = accept\n")

    assert about(found, "[handler Shopp]").level == "error"


def test_an_unknown_tracker_is_an_error(sqlite_tiki: Database, tmp_path: Path) -> None:
    found = findings(sqlite_tiki, tmp_path, RULE.replace("Orders", "Ordres"))

    assert "no tracker 'Ordres'" in about(found, "[rule order]").message


@pytest.mark.parametrize(
    ("field", "told"),
    [("orderNet", "Tiki calculates it"), ("orderIdd", "no field with the permanent name")],
)
def test_a_field_that_no_rule_can_write_is_an_error(
    sqlite_tiki: Database, tmp_path: Path, field: str, told: str
) -> None:
    found = findings(sqlite_tiki, tmp_path, f"{RULE}field.{field} = body.x\n")

    assert told in about(found, f"[rule order] field.{field}").message


def test_a_field_whose_type_is_switched_off_is_an_error(sqlite_tiki: Database, tmp_path: Path) -> None:
    change(sqlite_tiki, "tiki_preferences", {"name": "trackerfield_currency"}, value="n")

    found = findings(sqlite_tiki, tmp_path)

    assert "trackerfield_currency is off" in about(found, "[rule order] field.orderTotal").message


def test_a_mandatory_field_that_a_creating_rule_does_not_set_is_a_warning(
    sqlite_tiki: Database, tmp_path: Path
) -> None:
    creating = "[rule ticket]\nhandler = Shop\ntracker = Companies\nfield.companyCode = body.code\n"

    found = about(findings(sqlite_tiki, tmp_path, creating), "[rule ticket] tracker Companies")

    assert (found.level, "companyName, and it is mandatory" in found.message) == ("warning", True)
    updating = findings(sqlite_tiki, tmp_path, f"{creating}item = body.id\n")
    assert not [each for each in updating if "mandatory" in each.message]


def test_a_calculation_that_is_left_to_tiki_is_a_warning(sqlite_tiki: Database, tmp_path: Path) -> None:
    options = '{"calculation":"(random 1 6)"}'
    change(sqlite_tiki, "tiki_tracker_fields", {"permName": "orderNet"}, options=options)

    told = [each.message for each in findings(sqlite_tiki, tmp_path) if each.where.startswith("[rule order] tracker")]

    assert told[0] == "calculation field orderNet is left to Tiki: random: its result is random"


def test_a_status_that_the_tracker_hides_is_a_warning(sqlite_tiki: Database, tmp_path: Path) -> None:
    found = findings(sqlite_tiki, tmp_path, f"{RULE}status = 'closed'\n")

    assert about(found, "[rule order] status").level == "warning"


def test_a_user_who_may_not_create_is_an_error_and_who_may_not_modify_a_warning(
    sqlite_tiki: Database, tmp_path: Path
) -> None:
    change(sqlite_tiki, "tiki_webhooks", {"name": "Shop"}, user="reader")
    denied = [each for each in findings(sqlite_tiki, tmp_path) if each.where == "[rule order] handler Shop"]
    assert [each.level for each in denied] == ["error", "warning"]

    change(sqlite_tiki, "tiki_webhooks", {"name": "Shop"}, user="contractor")
    denied = [each for each in findings(sqlite_tiki, tmp_path) if each.where == "[rule order] handler Shop"]
    assert [each.level for each in denied] == ["warning"]


def test_a_delete_needs_the_right_to_remove(sqlite_tiki: Database, tmp_path: Path) -> None:
    change(sqlite_tiki, "tiki_webhooks", {"name": "Shop"}, user="contractor")

    found = findings(sqlite_tiki, tmp_path, f"{KEYED}action = delete\n")

    assert "tiki_p_remove_tracker_items" in about(found, "[rule order] handler Shop").message


def test_a_field_that_the_user_may_not_edit_is_an_error(sqlite_tiki: Database, tmp_path: Path) -> None:
    rule = "[rule ticket]\nhandler = Shop\ntracker = Tickets\nfield.ticketTitle = body.t\n"
    rule += "field.ticketVerdict = body.v\n"

    found = findings(sqlite_tiki, tmp_path, rule)

    assert "only tracker administrators" in about(found, "[rule ticket] handler Shop field.ticketVerdict").message


def test_warnings_of_the_system_configuration_are_passed_on(sqlite_tiki: Database, tmp_path: Path) -> None:
    found = findings(sqlite_tiki, tmp_path, warnings=("tiki.ini: yes is 1",))

    assert about(found, "Tiki's system configuration").message == "tiki.ini: yes is 1"


def test_myisam_tables_are_a_warning(tiki_myisam: Database, tiki_myisam_url: str, tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {tiki_myisam_url}\n{RULE}")

    found = check(tiki_myisam, configuration.load(path), {})

    assert about(found, "Tiki's tables").level == "warning"
