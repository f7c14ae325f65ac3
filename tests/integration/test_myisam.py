"""Tables that cannot roll back: a repeat after a kill at any statement ends in the rows of an undisturbed run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import golden
from tests.arrivals import arrival
from tests.databases import TikiDatabase
from tests.dying import killed
from tests.golden_state import Rows
from tikisync import config as configuration
from tikisync.database import Database
from tikisync.errors import FieldValueError
from tikisync.inbox import deliveries, queue
from tikisync.inbox.deliveries import Delivery
from tikisync.inbox.queue import Limits, Routing
from tikisync.pipeline.apply import Applier, LeaseLostError
from tikisync.tiki import tables

NOW = 1_800_000_042
COMPANY = "[rule company]\nhandler = Shop\ntracker = Companies\nfield.companyName = body.name\n"
CONTACT = """
[rule contact]
handler = Shop
contact.email = body.email
contact.firstName = body.name
contact.Company = body.company
contact.City = body.city
contact.groups = body.groups
"""
ADA: dict[str, Any] = {"email": "ada@example.org", "name": "Ada", "company": "ACME", "groups": ["Sync", "Registered"]}
LATER = {**ADA, "name": "Countess", "company": "", "city": "London", "groups": ["Sync"]}
RECORDED = [
    *("contact-full", "order-ordinary", "invoice-b"),  # creates
    *("contact-partial", "area-wikilink", "category-remove-one", "relation-remove", "tags-set", "files-limit"),
    *("status-close", "order-status-update-admin", "status-pending-and-field"),
    *("order-delete", "contact-delete", "company-delete-linked"),
]

Restart = Callable[[], TikiDatabase]


@pytest.fixture
def restart(tiki_myisam: TikiDatabase, restore_myisam: Callable[[], None]) -> Restart:
    """Gives the site as it was at first, again and again."""

    def run() -> TikiDatabase:
        restore_myisam()
        return tiki_myisam

    return run


def rule_of(case: golden.Case) -> str:
    rule = f"[rule golden]\nhandler = Shop\ntracker = {case['tracker']}\n"
    if case["op"] != "create":
        rule += "item = body.item\n"
    if case["op"] == "delete":
        return f"{rule}action = delete\n"
    rule += "status = body.status\n"
    rule += "".join(f"field.{name} = body.fields.{name}\n" for name in case.get("fields") or {})
    return rule + ("field.contactNotes.trust = wiki\n" if case["name"] == "area-wikilink" else "")


def body_of(case: golden.Case) -> dict[str, Any]:
    return {"item": case["itemId"], "status": case["status"], "fields": case.get("fields") or {}}


def leased(database: Database, body: Any, user: str = "hook") -> Delivery:
    """Return a delivery that worker ``test`` has the lease of, whatever the time."""
    with database.transaction() as tx:
        deliveries.add(tx, [arrival(handler="Shop", user=user, body=json.dumps(body).encode(), body_key=None)])
        claimed = queue.claim(tx, "test", Routing("rules", lambda delivery: ()), Limits(lease=10**12), NOW * 1000)
    assert claimed
    return claimed[0]


def applier(database: Database, tmp_path: Path, rules: str, clock: Callable[[], float] = lambda: NOW) -> Applier:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {database.shown}\n{rules}")
    return Applier(database, configuration.load(path), {}, clock)


def rows(database: TikiDatabase) -> Rows:
    with database.admin.transaction() as tx:
        return golden.snapshot(tx)


def kept(database: Database) -> int:
    with database.transaction() as tx:
        return int(tx.value("SELECT COUNT(*) FROM tikisync_journal"))


def applied_by_dying_workers(database: Database, rules: str, delivery: Delivery, tmp_path: Path) -> int:
    """Apply by one process after the other, each killed after the first step that it gets further; return how many."""
    statements, before = 1, 0
    for tries in itertools.count():
        each = applier(database, tmp_path, rules, lambda: NOW + tries)  # noqa: B023  times that must not show
        if not killed(database, statements, partial(each.apply, delivery, "test")):
            return tries
        statements, before = 1 if kept(database) > before else statements + 1, kept(database)
    raise AssertionError


def recorded(database: TikiDatabase, name: str) -> Delivery:
    """Put the database into the state that a recorded case found; return the delivery that does the same."""
    case = golden.case(name)
    with database.admin.transaction() as tx:
        golden.place(tx, case)
    return leased(database, body_of(case), case["user"])


@pytest.mark.parametrize("name", RECORDED)
def test_what_killed_workers_began_is_completed_to_the_very_rows_of_an_undisturbed_run(
    restart: Restart, tmp_path: Path, name: str
) -> None:
    rule = rule_of(golden.case(name))
    database = restart()
    undisturbed = applier(database, tmp_path, rule).apply(recorded(database, name), "test")
    expected = rows(database)

    database = restart()
    tries = applied_by_dying_workers(database, rule, recorded(database, name), tmp_path)

    assert (undisturbed.status, undisturbed.reason) == ("done", "")
    assert tries > 6
    assert golden.difference(expected, rows(database)) == []
    assert kept(database) == 0


def test_one_repeat_is_enough_after_a_kill_at_any_statement(restart: Restart, tmp_path: Path) -> None:
    database, body = restart(), {"name": "ACME"}
    applier(database, tmp_path, COMPANY).apply(leased(database, body), "test")
    expected = rows(database)

    for statements in itertools.count():
        database = restart()
        delivery = leased(database, body)
        if not killed(database, statements, partial(applier(database, tmp_path, COMPANY).apply, delivery, "test")):
            break
        applier(database, tmp_path, COMPANY).apply(delivery, "test")
        assert golden.difference(expected, rows(database)) == []
    assert statements > 10


def test_a_contact_is_made_changed_and_shared_as_if_nothing_had_happened(restart: Restart, tmp_path: Path) -> None:
    def written(apply: Callable[[TikiDatabase, Delivery], object]) -> list[Rows]:
        database = restart()
        found = []
        for body in (ADA, LATER):
            apply(database, leased(database, body))
            found.append(rows(database))
        return found

    expected = written(lambda database, delivery: applier(database, tmp_path, CONTACT).apply(delivery, "test"))
    found = written(lambda database, delivery: applied_by_dying_workers(database, CONTACT, delivery, tmp_path))

    assert [len(each["tiki_webmail_contacts_fields"]) for each in expected] == [16, 16]
    assert expected[0]["tiki_webmail_contacts_ext"] != expected[1]["tiki_webmail_contacts_ext"]
    assert found == expected


def test_an_item_of_somebody_else_is_not_taken_for_the_one_that_was_begun(restart: Restart, tmp_path: Path) -> None:
    database = restart()
    mine = leased(database, {"name": "mine"})
    at_the_insert = 1  # noted, not carried out
    assert killed(database, at_the_insert, partial(applier(database, tmp_path, COMPANY).apply, mine, "test"))
    assert (kept(database) > 0, rows(database)["tiki_tracker_items"]) == (True, [])

    for body in ({"name": "another"}, None):  # in the same second, by the same user
        delivery = leased(database, body) if body else mine
        applier(database, tmp_path, COMPANY).apply(delivery, "test")

    named = [row for row in rows(database)["tiki_tracker_item_fields"] if row["value"] in ("mine", "another")]
    assert [(row["itemId"], row["value"]) for row in named] == [(1, "another"), (2, "mine")]


def test_a_worker_that_was_given_up_too_early_is_followed_by_one_that_writes_nothing_more(
    restart: Restart, tmp_path: Path
) -> None:
    database = restart()
    case = golden.case("order-ordinary")
    delivery = recorded(database, case["name"])

    calls = itertools.count(1)

    def taken_over_while_it_writes() -> float:
        if next(calls) == 3:  # the first row is about to be written
            with database.admin.transaction() as tx:
                tx.update("tikisync_deliveries", {"delivery_id": delivery.delivery_id}, {"leased_by": "another"})
        return NOW

    with pytest.raises(LeaseLostError):
        applier(database, tmp_path, rule_of(case), taken_over_while_it_writes).apply(delivery, "test")
    written = rows(database)

    assert applier(database, tmp_path, rule_of(case)).apply(delivery, "another").wrote == (
        "golden: created item 9 of tracker Orders",
    )
    assert golden.difference(written, rows(database)) == []


def test_a_worker_that_never_heard_that_its_delivery_is_done_does_not_write_it_again(
    restart: Restart, tmp_path: Path
) -> None:
    """As where the connection breaks after a commit and before its answer."""
    database = restart()
    delivery = leased(database, {"name": "A"})
    applier(database, tmp_path, COMPANY).apply(delivery, "test")
    written = rows(database)

    with pytest.raises(LeaseLostError):
        applier(database, tmp_path, COMPANY).apply(delivery, "test")

    assert golden.difference(written, rows(database)) == []
    assert kept(database) == 0


def test_one_refused_element_leaves_nothing_of_the_whole_delivery(restart: Restart, tmp_path: Path) -> None:
    rule = "[rule c]\nhandler = Shop\neach = body\ntracker = Companies\nkey = companyName\n"
    rule += "field.companyName = each.name\nfield.companyEmployees = each.employees\n"
    database = restart()
    before = rows(database)
    good = [{"name": name, "employees": 1} for name in ("A", "B")]

    with pytest.raises(FieldValueError):
        applier(database, tmp_path, rule).apply(leased(database, [*good, {"name": "C", "employees": "many"}]), "test")
    refused = rows(database)
    applier(database, tmp_path, rule).apply(leased(database, good), "test")

    assert golden.difference(before, refused) == []
    assert len(rows(database)["tiki_tracker_items"]) == 2
    assert kept(database) == 0


def test_once_the_tables_are_converted_deliveries_are_written_in_one_transaction(
    restart: Restart, tmp_path: Path
) -> None:
    database, now = restart(), [float(NOW)]
    service = applier(database, tmp_path, COMPANY, lambda: now[0])
    service.apply(leased(database, {"name": "A"}), "test")
    with database.admin.transaction() as tx:
        for table in tables.without_transactions(tx):
            tx.run(f"ALTER TABLE `{table}` ENGINE=InnoDB")
    before = rows(database)
    now[0] += 60

    assert killed(database, 5, partial(service.apply, leased(database, {"name": "B"}), "test"))
    assert golden.difference(before, rows(database)) == []


def test_what_only_some_tikis_keep_of_an_item_goes_with_it(restart: Restart, tmp_path: Path) -> None:
    database, case = restart(), golden.case("order-delete")
    delivery = recorded(database, case["name"])
    with database.admin.transaction() as tx:
        tx.run("CREATE TABLE tiki_user_votings (id VARCHAR(255)) ENGINE=MyISAM")
        tx.insert_many("tiki_user_votings", [{"id": "tracker.3.9.46"}, {"id": "tracker.3.91.46"}])

    applied_by_dying_workers(database.admin, rule_of(case), delivery, tmp_path)

    with database.admin.transaction() as tx:
        assert tx.value("SELECT GROUP_CONCAT(id) FROM tiki_user_votings") == "tracker.3.91.46"
