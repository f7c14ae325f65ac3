"""From a kept delivery to Tiki's rows: rules, keys, permissions and what a delivery says afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.arrivals import arrival
from tests.databases import TikiDatabase
from tikisync import config as configuration
from tikisync.config import WorkerSettings
from tikisync.core.retry import RetrySettings
from tikisync.core.rules import Evaluation, changes_of
from tikisync.database import Database
from tikisync.errors import NotPermittedError
from tikisync.inbox import attempts, deliveries, queue
from tikisync.inbox.deliveries import Delivery
from tikisync.inbox.queue import Limits, Routing
from tikisync.pipeline import apply
from tikisync.pipeline.apply import Applier
from tikisync.pipeline.preview import preview
from tikisync.pipeline.worker import Worker

NOW = 1_800_000_000

ORDER_RULE = """
[rule order]
handler = Shop
tracker = Orders
key = orderId
field.orderId = body.id
field.orderTotal = {amount: body.total, currency: 'EUR'}
field.orderState = body.state
"""

Process = Callable[..., Delivery]


@pytest.fixture(params=["tiki", "sqlite_tiki"])
def site(request: pytest.FixtureRequest) -> Database:
    database: Database = request.getfixturevalue(request.param)
    return database


def applier(database: Database, tmp_path: Path, rules: str) -> Applier:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {database.shown}\n{rules}")
    return Applier(database, configuration.load(path), {}, lambda: NOW)


@pytest.fixture
def process(site: Database, tmp_path: Path) -> Process:
    """Keep a payload for handler Shop, let a worker try it once, and return the delivery as it then stands."""

    def run(rules: str, body: Any, user: str = "hook") -> Delivery:
        with site.transaction() as tx:
            deliveries.add(tx, [arrival(handler="Shop", user=user, body=json.dumps(body).encode(), body_key=None)])
            number = tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries")
        settings = WorkerSettings(retry=RetrySettings())
        Worker(site, applier(site, tmp_path, rules), "test", settings, lambda: NOW, lambda: 0.5).run_once()
        with site.transaction() as tx:
            delivery = deliveries.get(tx, number)
        assert delivery is not None
        return delivery

    return run


def wrote(database: Database, delivery: Delivery) -> tuple[str, ...]:
    with database.transaction() as tx:
        return attempts.of(tx, delivery.delivery_id)[-1].wrote


def error_of(database: Database, delivery: Delivery) -> str:
    with database.transaction() as tx:
        return attempts.of(tx, delivery.delivery_id)[-1].error


def values(database: Database, item: int) -> dict[str, str]:
    with database.transaction() as tx:
        rows = tx.all(
            "SELECT f.permName AS name, v.value FROM tiki_tracker_item_fields v "
            "JOIN tiki_tracker_fields f ON f.fieldId = v.fieldId WHERE v.itemId = :item",
            item=item,
        )
    return {str(row["name"]): str(row["value"]) for row in rows}


def count(database: Database, table: str) -> int:
    with database.transaction() as tx:
        return int(tx.value(f"SELECT COUNT(*) FROM {table}"))


def test_a_key_that_is_not_there_yet_creates_and_then_updates_the_item(site: Database, process: Process) -> None:
    first = process(ORDER_RULE, {"id": 7, "total": 10, "state": "open"})
    second = process(ORDER_RULE, {"id": "7", "total": "12.50", "state": "Paid"})

    assert wrote(site, first) == ("order: created item 1 of tracker Orders",)
    assert wrote(site, second) == ("order: updated item 1 of tracker Orders",)
    assert values(site, 1) | {"orderTotal": "12.50EUR", "orderState": "paid"} == values(site, 1)


def test_a_repeat_that_changes_nothing_says_unchanged_and_touches_no_row(site: Database, process: Process) -> None:
    body = {"id": 7, "total": 10, "state": "open"}
    process(ORDER_RULE, body)
    with site.transaction() as tx:
        before = tx.all("SELECT * FROM tiki_tracker_items")

    again = process(ORDER_RULE, body)

    assert (again.status, again.reason) == ("done", "unchanged")
    assert count(site, "tiki_tracker_item_field_logs") == 0
    with site.transaction() as tx:
        assert tx.all("SELECT * FROM tiki_tracker_items") == before


def test_a_null_leaves_a_field_alone_and_an_empty_text_empties_it(site: Database, process: Process) -> None:
    rule = "[rule company]\nhandler = Shop\ntracker = Companies\nkey = companyName\n"
    rule += "field.companyName = body.name\nfield.companyVat = body.vat\nfield.companyCode = body.code\n"
    process(rule, {"name": "ACME", "vat": "GB12345678", "code": "AC"})

    process(rule, {"name": "ACME", "code": ""})

    assert values(site, 1) | {"companyVat": "GB12345678", "companyCode": ""} == values(site, 1)


def test_a_list_fans_out_into_one_item_for_each_element(site: Database, process: Process) -> None:
    rule = "[rule companies]\nhandler = Shop\neach = body.companies\ntracker = Companies\nkey = companyName\n"
    rule += "field.companyName = each.name\nfield.companyEmployees = each.employees\n"

    done = process(rule, {"companies": [{"name": "A", "employees": 1}, {"name": "B", "employees": 2}]})

    assert wrote(site, done) == (
        "companies: created item 1 of tracker Companies",
        "companies: created item 2 of tracker Companies",
    )
    assert values(site, 2)["companyEmployees"] == "2"


def test_one_refused_element_leaves_nothing_of_the_whole_delivery(site: Database, process: Process) -> None:
    rule = "[rule companies]\nhandler = Shop\neach = body.companies\ntracker = Companies\nkey = companyName\n"
    rule += "field.companyName = each.name\nfield.companyEmployees = each.employees\n"

    failed = process(rule, {"companies": [{"name": "A", "employees": 1}, {"name": "B", "employees": "many"}]})

    assert (failed.status, count(site, "tiki_tracker_items")) == ("failed", 0)
    assert "rule companies, field companyEmployees" in error_of(site, failed)
    assert "many" not in error_of(site, failed)


def test_an_item_is_addressed_by_its_id(site: Database, process: Process) -> None:
    process(ORDER_RULE, {"id": 7, "total": 10, "state": "open"})
    rule = "[rule state]\nhandler = Shop\ntracker = 3\nitem = body.item\nfield.orderState = body.state\n"

    done = process(rule, {"item": 1, "state": "shipped"})
    missing = process(rule, {"item": 99, "state": "shipped"})

    assert (done.status, values(site, 1)["orderState"]) == ("done", "shipped")
    assert (missing.status, missing.reason) == ("failed", "item_missing")


def test_a_payload_that_no_rule_wants_is_ignored_with_the_reason(site: Database, process: Process) -> None:
    rule = ORDER_RULE + "when = body.kind == 'order'\n"

    ignored = process(rule, {"kind": "refund"})

    assert ignored.status == "ignored"
    assert ignored.reason == "rule order: its condition does not hold (body.kind == 'order')"


def test_two_items_with_one_key_fail_the_delivery_and_are_named(site: Database, process: Process) -> None:
    create = "[rule c]\nhandler = Shop\ntracker = Companies\nfield.companyName = body.name\n"
    process(create, {"name": "ACME"})
    process(create, {"name": "ACME"})

    failed = process(create + "key = companyName\n", {"name": "ACME"})

    assert (failed.status, failed.reason) == ("failed", "key_ambiguous")
    assert "items 1, 2" in error_of(site, failed)


def test_a_key_that_differs_only_in_case_finds_the_item(site: Database, process: Process) -> None:
    rule = "[rule c]\nhandler = Shop\ntracker = Contacts\nkey = contactEmail\n"
    rule += "field.contactEmail = body.email\nfield.contactName = body.name\n"
    process(rule, {"email": "Ada@Example.org", "name": "Ada"})

    done = process(rule, {"email": "ada@example.org", "name": "Ada"})

    assert wrote(site, done) == ("c: updated item 1 of tracker Contacts",)


def test_what_the_handlers_user_may_not_do_fails_and_names_the_permission(site: Database, process: Process) -> None:
    failed = process(ORDER_RULE, {"id": 1, "total": 1, "state": "open"}, user="reader")

    assert (failed.status, count(site, "tiki_tracker_items")) == ("failed", 0)
    assert "tiki_p_create_tracker_items" in error_of(site, failed)


def test_a_deleted_user_fails_the_delivery_and_says_where_to_choose_another(site: Database, process: Process) -> None:
    failed = process(ORDER_RULE, {"id": 1, "total": 1, "state": "open"}, user="gone")

    assert (failed.status, failed.reason) == ("failed", "user_missing")
    assert "Webhooks" in error_of(site, failed)


def test_all_problems_of_an_item_are_told_together(site: Database, process: Process) -> None:
    failed = process(ORDER_RULE, {"id": 1, "total": "much", "state": "lost"})

    told = error_of(site, failed)
    assert "orderTotal" in told
    assert "orderState" in told


def test_a_status_closes_and_reopens_an_item_with_history(site: Database, process: Process) -> None:
    rule = "[rule c]\nhandler = Shop\ntracker = Companies\nkey = companyName\nfield.companyName = body.name\n"
    rule += "status = body.closed && 'c' || 'o'\n"
    process(rule, {"name": "ACME", "closed": False})
    process(rule, {"name": "ACME", "closed": True})
    process(rule, {"name": "ACME", "closed": False})

    with site.transaction() as tx:
        assert tx.value("SELECT status FROM tiki_tracker_items") == "o"
        logged = tx.all("SELECT version, value FROM tiki_tracker_item_field_logs WHERE fieldId = -1 ORDER BY version")
    assert [(row["version"], row["value"]) for row in logged] == [(1, "o"), (2, "c")]


def test_the_action_close_closes_and_delete_removes(site: Database, process: Process) -> None:
    rule = "[rule c]\nhandler = Shop\ntracker = Companies\nkey = companyName\nfield.companyName = body.name\n"
    process(rule, {"name": "ACME"})

    closed = process(rule + "action = close\n", {"name": "ACME"})
    with site.transaction() as tx:
        assert tx.value("SELECT status FROM tiki_tracker_items") == "c"
    denied = process(rule + "action = delete\n", {"name": "ACME"}, user="contractor")
    deleted = process(rule + "action = delete\n", {"name": "ACME"}, user="tadmin")
    again = process(rule + "action = delete\n", {"name": "ACME"}, user="tadmin")

    assert wrote(site, closed) == ("c: updated item 1 of tracker Companies",)
    assert denied.status == "failed"
    assert wrote(site, deleted) == ("c: deleted item 1 of tracker Companies",)
    assert (again.status, again.reason) == ("done", "unchanged")
    assert (count(site, "tiki_tracker_items"), count(site, "tiki_tracker_item_fields")) == (0, 0)


def test_a_contact_is_written_into_the_address_book_of_the_handlers_user(site: Database, process: Process) -> None:
    rule = "[rule contact]\nhandler = Shop\ncontact.email = body.email\ncontact.firstName = body.name\n"

    done = process(rule, {"email": "ada@example.org", "name": "Ada"})

    assert wrote(site, done) == ("contact: created contact 1 of user hook",)
    with site.transaction() as tx:
        row = tx.first("SELECT firstName, `user` FROM tiki_webmail_contacts")
    assert row == {"firstName": "Ada", "user": "hook"}


def test_two_new_items_get_different_numbers(site: Database, process: Process) -> None:
    rule = "[rule c]\nhandler = Shop\ntracker = Contacts\nfield.contactName = body.name\n"
    process(rule, {"name": "A"})
    process(rule, {"name": "B"})

    assert [values(site, item)["contactRef"] for item in (1, 2)] == ["100", "101"]


def test_a_preview_shows_the_rows_and_writes_none(site: Database, tmp_path: Path) -> None:
    body = json.dumps({"id": 1, "total": 1, "state": "open"}).encode()
    made_up = Delivery(0, "Shop", "hook", NOW * 1000, body=body)

    shown = preview(applier(site, tmp_path, ORDER_RULE), made_up)

    assert [written.verb for written in shown.written] == ["created"]
    assert {"tiki_tracker_items", "tiki_tracker_item_fields", "tiki_queue"} <= {table for _, table, _ in shown.rows}
    assert count(site, "tiki_tracker_items") == 0


def test_a_body_that_is_not_json_fails_once_and_for_all(site: Database, tmp_path: Path) -> None:
    with site.transaction() as tx:
        deliveries.add(tx, [arrival(handler="Shop", user="hook", body=b"{oops", body_key=None)])
    Worker(site, applier(site, tmp_path, ORDER_RULE), "test", WorkerSettings(), lambda: NOW, lambda: 0.5).run_once()

    with site.transaction() as tx:
        (failed,) = deliveries.listing(tx)
    assert (failed.status, failed.reason, failed.attempts) == ("failed", "payload_unreadable", 1)


VERSIONED = ORDER_RULE + "version = body.at\n"


def test_news_older_than_what_was_applied_last_is_skipped_and_the_delivery_says_so(
    process: Process, site: Database
) -> None:
    process(VERSIONED, {"id": "A", "total": 10, "state": "open", "at": "2026-11-24T06:30:00Z"})
    older = process(VERSIONED, {"id": "A", "total": 99, "state": "open", "at": "2026-11-24T07:00:00+02:00"})
    assert (older.status, older.reason) == ("done", "older than what is applied already")
    with site.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_item_fields WHERE value = '99EUR'") == 0
        wrote = attempts.of(tx, older.delivery_id)[0].wrote
    assert wrote == ("order: skipped an item of tracker Orders (older than what is applied already)",)

    equal = process(VERSIONED, {"id": "A", "total": 11, "state": "open", "at": "2026-11-24T06:30:00Z"})
    unversioned = process(VERSIONED, {"id": "A", "total": 12, "state": "open"})
    other = process(VERSIONED, {"id": "B", "total": 13, "state": "open", "at": "2020-01-01"})
    assert [each.reason for each in (equal, unversioned, other)] == ["", "", ""]
    with site.transaction() as tx:
        found = tx.all("SELECT value FROM tiki_tracker_item_fields WHERE value LIKE '%EUR' ORDER BY value")
    assert [row["value"] for row in found] == ["12EUR", "13EUR"]


def test_a_change_that_fails_leaves_the_last_version_as_it_was(process: Process) -> None:
    process(VERSIONED, {"id": "A", "total": 10, "state": "open", "at": 5})
    failed = process(VERSIONED, {"id": "A", "total": 10, "state": "no such state", "at": 9})
    assert failed.status == "failed"
    assert process(VERSIONED, {"id": "A", "total": 11, "state": "open", "at": 7}).reason == ""


def test_an_item_deleted_by_newer_news_is_not_made_again_by_older(process: Process, site: Database) -> None:
    deleting = """
[rule gone]
handler = Shop
when = body.gone
tracker = Orders
action = delete
key = orderId
field.orderId = body.id
version = body.at
"""
    rules = deleting + VERSIONED.replace("handler = Shop", "handler = Shop\nwhen = !(body.gone)")
    created = {"id": "A", "total": 10, "state": "open", "at": 1}
    process(rules, created, user="admin")
    process(rules, {"id": "A", "gone": True, "at": 3}, user="admin")
    assert process(rules, created | {"at": 2}, user="admin").reason == "older than what is applied already"
    with site.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items") == 0


def test_text_that_a_calculation_uses_makes_no_tag_of_its_result_and_is_found_again(
    site: Database, process: Process
) -> None:
    sent = {"id": "<img src=x onerror=alert(1)>", "total": 5, "state": "paid"}

    process(ORDER_RULE, sent)
    again = process(ORDER_RULE, sent)

    assert again.reason == "unchanged"
    assert values(site, 1)["orderLabel"] == "no<\N{WORD JOINER}img src=x onerror=alert(1)>/paid"


def test_what_was_read_of_tiki_serves_for_a_while_unless_told_to_look_anew(tiki: TikiDatabase, tmp_path: Path) -> None:
    tried = applier(tiki, tmp_path, ORDER_RULE)
    tried.holds = 60
    with tiki.transaction() as tx:
        for number in range(3):
            body = json.dumps({"id": number, "total": 1, "state": "open"}).encode()
            deliveries.add(tx, [arrival(handler="Shop", user="hook", body=body, body_key=None)])
    with tiki.transaction() as tx:
        routing = Routing(tried.fingerprint(), tried.route)
        first, second, third = queue.claim(tx, "test", routing, Limits(), int(NOW * 1000)) or []
    assert tried.apply(first, "test").status == "done"
    with tiki.admin.transaction() as tx:
        tx.delete("users_grouppermissions", {"groupName": "Sync"})
    assert tried.apply(second, "test").status == "done"
    tried.look_anew()
    with pytest.raises(NotPermittedError):
        tried.apply(third, "test")


def test_a_delivery_whose_rules_fail_has_no_order_keys(sqlite_tiki: Database, tmp_path: Path) -> None:
    rules = applier(
        sqlite_tiki, tmp_path, "[rule a]\nhandler = Shop\ntracker = Orders\nitem = body.id\nfield.orderId = 'x'\n"
    )
    bodies = [b'{"id": 7}', b'{"id": "seven"}', b"{"]
    assert [len([*rules.route(Delivery(n, "Shop", "hook", 0, body=body))]) for n, body in enumerate(bodies)] == [
        1,
        0,
        0,
    ]


def test_rules_are_evaluated_once_for_routing_and_applying_unless_they_changed(
    sqlite_tiki: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluations: list[str] = []

    def noted(*arguments: Any) -> Evaluation:
        evaluations.append("evaluated")
        return changes_of(*arguments)

    monkeypatch.setattr(apply, "changes_of", noted)
    rules = applier(sqlite_tiki, tmp_path, ORDER_RULE)
    delivery = Delivery(
        1, "Shop", "hook", 0, headers=(("content-type", "application/json"),), body=b'{"id": 1}', size=9
    )
    for config, times in ((rules.config, 1), (replace(rules.config), 3)):
        keys = rules.route(delivery)
        rules.config = config
        assert rules.evaluate(delivery).order_keys == keys
        assert len(evaluations) == times
    assert rules.evaluate(delivery).changes
    assert len(evaluations) == 4  # not kept beyond that
