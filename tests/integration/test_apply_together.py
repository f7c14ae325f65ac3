"""Many deliveries in one transaction write the rows that they would write one by one, whatever is among them."""

from __future__ import annotations

import itertools
import json
import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests import golden
from tests.arrivals import arrival
from tests.databases import TikiDatabase
from tests.dying import KilledError, dying
from tests.end_to_end.program import running, until
from tests.golden_state import Rows
from tests.integration.test_apply import ORDER_RULE, applier
from tests.integration.test_golden_cases import REFUSED, change_of
from tests.statements import carried_out
from tikisync.config import WorkerSettings
from tikisync.core.retry import RetrySettings
from tikisync.database import Database, Transaction
from tikisync.database.memory import Memory
from tikisync.errors import TikisyncError
from tikisync.inbox import attempts, deliveries
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline import together
from tikisync.pipeline.change import carry_out
from tikisync.pipeline.steps import Task
from tikisync.pipeline.worker import Worker
from tikisync.tiki import preferences, users
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.items import Situation

NOW = 1_800_000_042
LAST = "order-closed-modified"  # what the cases before it made is there to be updated
TWO_WAYS = ORDER_RULE.replace("[rule order]", "[rule by-name]\nwhen = body.by == 'name'")
TWO_WAYS += ORDER_RULE.replace("[rule order]", "[rule by-id]\nwhen = body.by == 'id'").replace("= Orders", "= 3")


def recorded() -> list[golden.Case]:
    """The cases that write an item; of two that make an order with the same id, which must be distinct, the first."""
    cases = [c for c in golden.cases() if c["mode"] != "api" and c["op"] != "delete" and c["name"] not in REFUSED]
    orders = [(c["op"], (c.get("fields") or {}).get("orderId", c["name"])) for c in cases]
    return [case for number, case in enumerate(cases) if orders[number] not in orders[:number]]


def tasks_of(tx: Transaction, cases: Sequence[golden.Case]) -> dict[int, Sequence[Task]]:
    found: dict[int, Sequence[Task]] = {}
    site = preferences.load(tx, {})
    for number, case in enumerate(cases):
        user = users.find(tx, case["user"])
        assert user is not None
        found[number] = [Task(change_of(case), user, Situation(Actor(user.login, "192.0.2.10"), NOW, site))]
    return found


@contextmanager
def as_found(tiki: TikiDatabase) -> Iterator[Rows]:
    """Put the database into the same state, automatic ids included, every time."""
    with tiki.admin.transaction() as tx:
        golden.load(tx, golden.state_before(LAST))
        for table, recorded in golden.fixture()["schema"].items():
            if any(column["extra"] == "auto_increment" for column in recorded["columns"]):
                tx.run(f"ALTER TABLE `{table}` AUTO_INCREMENT = 1000")
    with tiki.admin.transaction() as tx:
        yield golden.snapshot(tx)


def written(tiki: TikiDatabase, before: Rows) -> list[str]:
    with tiki.admin.transaction() as tx:
        return golden.lines(golden.mask(golden.difference(before, golden.snapshot(tx)), now=NOW))


def one_by_one(tiki: TikiDatabase, cases: Sequence[golden.Case], order: Sequence[int]) -> None:
    for number in order:
        with suppress(TikisyncError), tiki.transaction() as tx:
            carry_out(tx, tasks_of(tx, cases)[number][0])


def test_all_recorded_cases_at_once_write_the_rows_that_they_write_one_by_one(tiki: TikiDatabase) -> None:
    cases = recorded()
    with as_found(tiki) as before:
        pass
    with tiki.transaction() as tx:
        tx.remember(Memory())
        made = together.carry_out(tx, tasks_of(tx, cases))
    done = sorted(made, key=lambda number: made[number][0].item_id)
    rest = [number for number in range(len(cases)) if number not in done]
    one_by_one(tiki, cases, rest)
    at_once = written(tiki, before)

    with as_found(tiki) as before:
        pass
    one_by_one(tiki, cases, [*done, *rest])

    assert at_once == written(tiki, before)
    kinds = {cases[number]["op"] for number in done}
    assert len(done) > 10
    assert kinds == {"create", "update"}


class Site:
    """A Tiki with a worker, and what became of the deliveries that it was given."""

    def __init__(self, database: Database, tmp_path: Path, rules: str = ORDER_RULE, batch: int = 50) -> None:
        self.database = database
        settings = WorkerSettings(batch=batch, lease=1_000, retry=RetrySettings())
        self.applier = applier(database, tmp_path, rules)
        self.worker = Worker(database, self.applier, "test", settings, lambda: NOW, lambda: 0.5)

    def receive(self, *orders: dict[str, Any], user: str = "hook") -> None:
        bodies = [json.dumps({"total": 10, "state": "open", **order}).encode() for order in orders]
        with self.database.transaction() as tx:
            deliveries.add(tx, [arrival(handler="Shop", user=user, body=body) for body in bodies])

    def kept(self) -> list[Delivery]:
        with self.database.transaction() as tx:
            return deliveries.listing(tx)[::-1]

    def wrote(self, number: int) -> tuple[str, ...]:
        with self.database.transaction() as tx:
            return attempts.of(tx, number)[-1].wrote

    def value(self, sql: str) -> Any:
        with self.database.transaction() as tx:
            return tx.value(sql)


@pytest.fixture(params=["tiki", "sqlite_tiki"])
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    return found


def test_one_that_fails_fails_alone_and_says_why(database: Database, tmp_path: Path) -> None:
    site = Site(database, tmp_path)
    site.receive({"id": 1}, {"id": 2, "state": "no such state"}, {"id": 3}, {"id": 4}, {"state": 5})
    site.receive({"id": 6}, user="reader")
    assert site.worker.run_once() == 6
    assert [each.status for each in site.kept()] == ["done", "failed", "done", "done", "failed", "failed"]
    assert [each.reason for each in site.kept()][1:] == [
        "unknown_option",
        "",
        "",
        "key_empty",
        "lacks_create_tracker_items",
    ]
    assert site.value("SELECT COUNT(*) FROM tiki_tracker_items") == 3
    assert site.value("SELECT items FROM tiki_trackers WHERE trackerId = 3") == 3


def test_two_that_would_create_the_same_item_create_it_once(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site = Site(database, tmp_path, TWO_WAYS)
    site.receive({"id": 7, "by": "name"}, {"id": 8, "by": "name"}, {"id": 7, "by": "id", "total": 20})
    assert site.worker.run_once() == 3
    assert "batch.undone" in caplog.text
    assert [site.wrote(number)[0].split(" item")[0] for number in (1, 2, 3)] == [
        "by-name: created",
        "by-name: created",
        "by-id: updated",
    ]
    assert site.value("SELECT COUNT(*) FROM tiki_tracker_items") == 2
    assert site.value("SELECT items FROM tiki_trackers WHERE trackerId = 3") == 2


def test_one_that_names_an_item_twice_creates_it_once(database: Database, tmp_path: Path) -> None:
    rule = "[rule companies]\nhandler = Shop\neach = body.names\ntracker = Companies\nkey = companyName\n"
    site = Site(database, tmp_path, f"{rule}field.companyName = each\n")
    site.receive({"names": ["ACME", "ACME"]}, {"names": [[]]})
    assert site.worker.run_once() == 2
    assert [each.status for each in site.kept()] == ["done", "failed"]
    assert [line.split(" item")[0] for line in site.wrote(1)] == ["companies: created", "companies: unchanged"]
    assert site.value("SELECT COUNT(*) FROM tiki_tracker_items") == 1


def test_two_that_update_the_same_item_both_do(database: Database, tmp_path: Path) -> None:
    site = Site(database, tmp_path, TWO_WAYS)
    site.receive({"id": 7, "by": "name"})
    site.worker.run_once()
    site.receive(
        {"id": 7, "by": "name", "total": 20},
        {"id": 9, "by": "name"},
        {"id": 7, "by": "id", "total": 20, "state": "paid"},
    )
    assert site.worker.run_once() == 3
    assert {each.status for each in site.kept()} == {"done"}
    for field, stored in ((47, "20EUR"), (48, "paid")):
        assert (
            site.value(f"SELECT value FROM tiki_tracker_item_fields WHERE itemId = 1 AND fieldId = {field}") == stored
        )
    assert site.value("SELECT MAX(version) FROM tiki_tracker_item_field_logs WHERE itemId = 1") == 2


def test_a_value_that_must_be_distinct_is_not_given_twice(tiki: TikiDatabase, tmp_path: Path) -> None:
    rule = "[rule company]\nhandler = Shop\ntracker = Companies\nfield.companyName = body.name\n"
    with tiki.admin.transaction() as tx:
        changes = {"validation": "distinct", "validationParam": "", "validationMessage": ""}
        tx.update("tiki_tracker_fields", {"permName": "companyName"}, changes)
    site = Site(tiki, tmp_path, rule)
    site.receive({"name": "ACME"}, {"name": "Umbrella"}, {"name": "acme"})
    assert site.worker.run_once() == 3
    assert [(each.status, each.reason) for each in site.kept()] == [
        ("done", ""),
        ("done", ""),
        ("failed", "not_distinct"),
    ]


def test_new_items_of_a_batch_are_numbered_one_after_the_other(database: Database, tmp_path: Path) -> None:
    rule = "[rule contact]\nhandler = Shop\ntracker = Contacts\nkey = contactName\nfield.contactName = body.id\n"
    site = Site(database, tmp_path, rule)
    for turn in range(2):
        site.receive(*({"id": f"Person {turn}-{number}"} for number in range(5)))
        assert site.worker.run_once() == 5
    with database.transaction() as tx:
        numbers = tx.all("SELECT value FROM tiki_tracker_item_fields WHERE fieldId = 7 ORDER BY itemId")
    assert [int(row["value"]) for row in numbers] == list(range(100, 110))


@pytest.mark.parametrize("total", [10, 20], ids=["creates", "updates"])
def test_a_batch_takes_as_many_statements_whatever_its_size(tiki: TikiDatabase, tmp_path: Path, total: int) -> None:
    taken = []
    for size in (2, 40):
        site = Site(tiki, tmp_path)
        names: list[str] = [f"{size}-{number}" for number in range(size)]
        for each in sorted({10, total}):
            site.receive(*[{"id": name, "total": each} for name in names])
            with carried_out(tiki) as statements:
                assert site.worker.run_once() == size
        taken.append(len(statements))
    assert taken[0] == taken[1]


def test_whenever_a_worker_is_killed_amid_a_batch_another_writes_what_it_would_have(
    tiki: TikiDatabase, tmp_path: Path
) -> None:
    orders: list[dict[str, Any]] = [{"id": 1}, {"id": 2, "state": "no such state"}, {"id": 3}]
    for statements in itertools.count(3):  # after the claim has begun
        with as_found(tiki) as before:
            pass
        with tiki.admin.transaction() as tx:
            tx.run("DELETE FROM tikisync_deliveries")
            tx.run("DELETE FROM tikisync_order_keys")
        site = Site(tiki, tmp_path)
        site.receive(*orders)
        was_killed = False
        try:
            with dying(tiki, statements):
                site.worker.run_once()
        except KilledError:
            was_killed = True
        another = Site(tiki, tmp_path).worker
        another.name, another.clock = "another", lambda: NOW + 60
        while another.run_once():
            pass
        assert [each.status for each in site.kept()] == ["done", "failed", "done"]
        rows = [line for line in written(tiki, before) if line.startswith("tiki_tracker_items +")]
        assert len(rows) == 2
        with tiki.transaction() as tx:
            assert tx.value("SELECT items FROM tiki_trackers WHERE trackerId = 3") == 2 + _orders(before)
        if not was_killed:
            break
    assert statements > 12


def _orders(rows: Rows) -> int:
    return next(int(row["items"]) for row in rows["tiki_trackers"] if row["trackerId"] == 3)


def test_kill_9_amid_batches_loses_nothing_and_writes_nothing_twice(tiki: TikiDatabase, tmp_path: Path) -> None:
    config = tmp_path / "config.ini"
    site = Site(tiki, tmp_path)
    config.write_text(f"[tiki]\nurl = {tiki.url}\n[worker]\nlease = 5 s\npoll = 100 ms\nbatch = 20\n{ORDER_RULE}")
    site.receive(*({"id": number} for number in range(200)))
    items = "SELECT COUNT(*) FROM tiki_tracker_items"
    for most in (20, 100):
        with running("work", config) as service:
            until(lambda: site.value(items) >= most)  # noqa: B023
            os.kill(service.workers()[-1], signal.SIGKILL)
    with running("work", config) as service:
        until(lambda: site.value("SELECT COUNT(*) FROM tikisync_deliveries WHERE status = 'done'") == 200, service.log)
        assert service.stop() == 0
    assert site.value(items) == 200
    assert site.value("SELECT items FROM tiki_trackers WHERE trackerId = 3") == 200
    assert site.value("SELECT COUNT(DISTINCT value) FROM tiki_tracker_item_fields WHERE fieldId = 46") == 200
