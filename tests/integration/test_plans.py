"""How the server carries out the statements of every delivery: by index, whatever is stored already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests import golden, tiki_tables
from tests.arrivals import arrival
from tests.databases import undone
from tests.statements import watched
from tikisync.core.changes import ItemChange
from tikisync.core.deaths import Death
from tikisync.core.questions import FollowingItems, ItemsWithKey, ItemsWithValue, StoredItem
from tikisync.core.trackers import Json
from tikisync.database import Database, Transaction, result_sets
from tikisync.database.sessions import ServerSession, Session, Statement
from tikisync.inbox import attempts, deaths, deliveries, queue, retention, schema, search, statistics
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Delivery
from tikisync.inbox.queue import Limits, Routing
from tikisync.inbox.search import Filter
from tikisync.pipeline import together
from tikisync.pipeline.steps import Task
from tikisync.tiki import preferences, users
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.answers import answer
from tikisync.tiki.items import Situation

NOW = 1_800_000_000_000
DONE, WAITING = 100_000, 4_000  # deliveries; those waiting are of one item
ITEMS = 20_000  # of the tracker Orders, each with an id, a state that all share, and a line of history
ORDERS, ORDER_ID, STATE = 3, 46, 48

HOT = b"h" * 16


def route(delivery: Delivery) -> list[bytes]:
    return [HOT if delivery.body == b"hot" else str(delivery.delivery_id).encode().rjust(16)]


ROUTING = Routing("rules", route)


@pytest.fixture(scope="module")
def full_inbox(server_url: str) -> Iterator[Database]:
    """An inbox with many done deliveries, many that wait for one item, and a few that are due, retried, unrouted."""
    database = Database(server_url)
    with database.transaction() as tx:
        tiki_tables.create(tx)
        golden.load(tx, golden.fixture()["rows"])
        _fill_trackers(tx)
        schema.set_up(tx)
        _fill(tx)
    with database.transaction() as tx:
        assert len(queue.claim(tx, "w1", ROUTING, Limits(deliveries=1000), NOW) or []) == 1
        while queue.claim(tx, "w1", ROUTING, Limits(deliveries=1000), NOW) != []:
            pass
        deliveries.add(tx, [arrival(handler="Form", body=b"%d" % number) for number in range(200)])
        claimed = queue.claim(tx, "w1", ROUTING, Limits(deliveries=20), NOW) or []
        for each in claimed[:10]:
            queue.reschedule(tx, Attempt(each.delivery_id, "w1", NOW, NOW, "retry"), NOW + 5)
        queue.release(tx, "w1", [each.delivery_id for each in claimed[10:]])
    with database.transaction() as tx:
        filled = [table.name for table in schema.TABLES]
        filled += ["tiki_tracker_items", "tiki_tracker_item_fields", "tiki_tracker_item_field_logs"]
        for table in filled:
            tx.all(f"ANALYZE TABLE {table}")
    yield database
    database.close()


def _fill(tx: Transaction) -> None:
    deliveries.add(tx, [arrival(handler=f"Handler {number}") for number in range(100)])
    columns = "handler_id, handler, `user`, received_at, method, path, query, client_ip, headers, body, size"
    there = 100
    while there < DONE:
        there += tx.run(
            f"INSERT INTO tikisync_deliveries ({columns}) SELECT {columns} FROM tikisync_deliveries LIMIT :limit",
            limit=DONE - there,
        )
    tx.run("UPDATE tikisync_deliveries SET status = 'done', routed_by = 'rules', finished_at = :now", now=NOW)
    tx.run(
        "INSERT INTO tikisync_attempts (delivery_id, worker, started_at, finished_at, outcome, reason, error, wrote) "
        "SELECT delivery_id, 'w1', 1, 1, 'done', '', '', '[]' FROM tikisync_deliveries"
    )
    deliveries.add(tx, [arrival(body=b"hot")] * WAITING)


def _fill_trackers(tx: Transaction) -> None:
    columns = "itemId, trackerId, createdBy, status"
    tx.insert("tiki_tracker_items", {"itemId": 1, "trackerId": ORDERS, "createdBy": "hook", "status": "o"})
    there = 1
    while there < ITEMS:
        selected = "SELECT itemId + :there, trackerId, createdBy, status FROM tiki_tracker_items WHERE itemId <= :more"
        sql = f"INSERT INTO tiki_tracker_items ({columns}) {selected}"
        there += tx.run(sql, there=there, more=min(there, ITEMS - there))
    for field, value in ((ORDER_ID, "CONCAT('B-', itemId)"), (STATE, "'open'")):
        insert = "INSERT INTO tiki_tracker_item_fields (itemId, fieldId, value)"
        tx.run(f"{insert} SELECT itemId, {field}, {value} FROM tiki_tracker_items")
    insert = "INSERT INTO tiki_tracker_item_field_logs (version, itemId, fieldId, value)"
    tx.run(f"{insert} SELECT 1, itemId, {STATE}, 'new' FROM tiki_tracker_items")


def claim(tx: Transaction) -> None:
    assert len(queue.claim(tx, "w2", ROUTING, Limits(), NOW + 10) or []) == 50


def claim_in_vain(tx: Transaction) -> None:
    assert queue.claim(tx, "w2", ROUTING, Limits(deliveries=500), NOW + 10)
    assert not queue.claim(tx, "w2", ROUTING, Limits(), NOW + 10)


def claim_by_new_rules(tx: Transaction) -> None:
    queue.claim(tx, "w2", Routing("new rules", route), Limits(), NOW + 10)


def take_over(tx: Transaction) -> None:
    queue.claim(tx, "w2", ROUTING, Limits(deliveries=500), NOW + 10)
    assert len(queue.claim(tx, "w3", ROUTING, Limits(), NOW + 90_000) or []) == 1


def finish(tx: Transaction) -> None:
    claimed = queue.claim(tx, "w2", ROUTING, Limits(), NOW + 10) or []
    assert queue.finish(tx, [Attempt(each.delivery_id, "w2", NOW, NOW, "done") for each in claimed])


def give_back(tx: Transaction) -> None:
    ids = [each.delivery_id for each in queue.claim(tx, "w2", ROUTING, Limits(), NOW + 10) or []]
    queue.extend(tx, "w2", ids, NOW + 90_000)
    queue.reschedule(tx, Attempt(ids[0], "w2", NOW, NOW, "retry"), NOW + 5)
    queue.release(tx, "w2", ids[1:])


def list_deliveries(tx: Transaction) -> None:
    for status in (None, "done", "pending", "failed"):
        for handler in (None, "Handler 7", "Form"):
            deliveries.listing(tx, status, handler)
            deliveries.listing(tx, status, handler, before_id=50_000)


def look_up(tx: Transaction) -> None:
    deliveries.get(tx, 77)
    attempts.of(tx, 77)
    deliveries.oldest_pending(tx)


def administer(tx: Transaction) -> None:
    deliveries.replay(tx, [1, 2, DONE + 1])
    deliveries.discard(tx, [DONE + 2], 1_800_000_000_000)


def expire(tx: Transaction) -> None:
    within = retention.span(tx, NOW)
    for status in ("done", "ignored", "discarded"):
        retention.step(tx, status, 50_000, within, NOW, dry_run=True)
        retention.step(tx, status, 0, within, NOW)


def lose_a_worker(tx: Transaction) -> None:
    ids = [each.delivery_id for each in queue.claim(tx, "w2", ROUTING, Limits(), NOW + 10) or []]
    loss = deaths.Loss("w2", Death("worker_died", "it died"), tuple(ids[:1]))
    assert deaths.record(tx, loss, Limits(), NOW + 20, lambda times: 1_000) == [(ids[0], False)]


def find_one_item(tx: Transaction) -> None:
    assert answer(tx, [key_of(77)])[key_of(77)]


def find_items(tx: Transaction) -> None:
    """By keys of one and of two fields, by a value that must be distinct, by id, and by what follows them."""
    keys = [key_of(number) for number in range(100, 150)]
    longer = [ItemsWithKey(each.tracker_id, ((STATE, "open"), *each.key)) for each in keys]
    found = answer(tx, [*keys, *longer, *(ItemsWithValue(ORDER_ID, f"B-{number}") for number in range(100, 150))])
    assert [found[each] for each in keys] == [found[each] for each in longer]
    items = [item for each in keys for item in found[each]]
    assert len(items) == 50
    answer(tx, [question for item in items for question in (StoredItem(item), FollowingItems(ORDERS, item, 2))])


def write_items(tx: Transaction) -> None:
    """Create 25 items and update 25."""
    numbers = [*range(100, 125), *range(-25, 0)]
    user, site = users.find(tx, "hook"), preferences.load(tx, {})
    assert user is not None
    situation = Situation(Actor("hook"), NOW // 1000, site)
    values: dict[str, Json] = {"orderTotal": {"amount": 1, "currency": "EUR"}, "orderState": "paid"}
    changes = [
        ItemChange("r", "Orders", {"orderId": f"B-{n}"}, fields={"orderId": f"B-{n}", **values}) for n in numbers
    ]
    done = together.carry_out(tx, {n: [Task(change, user, situation)] for n, change in enumerate(changes)})
    assert Counter(each.verb for [each] in done.values()) == {"created": 25, "updated": 25}


def key_of(number: int) -> ItemsWithKey:
    return ItemsWithKey(ORDERS, ((ORDER_ID, f"B-{number}"),))


def look_at_the_dashboard(tx: Transaction) -> None:
    statistics.per_minute(tx, NOW - 3_600_000)
    statistics.backlog(tx)
    statistics.times_to_done(tx)
    deliveries.oldest_pending(tx)
    for wanted in (
        Filter(),
        Filter(status="failed"),
        Filter(handler="Form"),
        Filter(since=NOW),
        Filter(text="no such"),
    ):
        page = search.search(tx, wanted)
        search.last_words(tx, [each.delivery_id for each in page.found])


USES = [claim, claim_in_vain, claim_by_new_rules, take_over, lose_a_worker, finish, give_back, list_deliveries, look_up]
USES += [administer, expire, find_one_item, find_items, write_items, look_at_the_dashboard]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_no_statement_scans_or_sorts(full_inbox: Database, use: Callable[[Transaction], None]) -> None:
    plans: list[dict[str, Any]] = []
    with undone(full_inbox) as tx, _explained(full_inbox, plans):
        use(tx)
        tx.flush()  # while it is listened to: the last writes wait for a statement after them
    assert plans
    shown = ("type", "key", "rows", "Extra", "statement")
    costly = [" ".join(f"{name}={plan[name]}"[:150] for name in shown) for plan in plans if _is_costly(plan)]
    assert not costly, "\n".join(costly)


def test_a_claim_reads_only_what_it_takes_however_much_is_stored(full_inbox: Database) -> None:
    with undone(full_inbox) as tx:
        before = _rows_read(tx)
        claimed = queue.claim(tx, "w2", ROUTING, Limits(), NOW + 10) or []
        assert len(claimed) == 50
        assert _rows_read(tx) - before < 1_500  # each delivery met by a handful of statements
        before = _rows_read(tx)
        assert queue.finish(tx, [Attempt(each.delivery_id, "w2", NOW, NOW, "done") for each in claimed])
        assert _rows_read(tx) - before < 1_500


def test_a_step_of_retention_reads_only_what_it_lets_go_of(full_inbox: Database) -> None:
    with undone(full_inbox) as tx:
        within = retention.span(tx, NOW)
        before = _rows_read(tx)
        assert retention.step(tx, "done", 0, within, NOW).met == retention.AT_ONCE
        assert _rows_read(tx) - before < 10 * retention.AT_ONCE
        before = _rows_read(tx)
        assert retention.step(tx, "done", 0, within, NOW).met == retention.AT_ONCE  # what has expired is not met again
        assert _rows_read(tx) - before < 10 * retention.AT_ONCE


def _rows_read(tx: Transaction) -> int:
    return sum(int(row["Value"]) for row in tx.all("SHOW SESSION STATUS LIKE 'Handler_read%'"))


@contextmanager
def _explained(database: Database, plans: list[dict[str, Any]]) -> Iterator[None]:
    """Have the server explain each statement just before it is carried out."""

    def explain(session: Session, sent: Sequence[Statement]) -> None:
        assert isinstance(session, ServerSession)
        for each in sent:
            if not each.text.startswith("INSERT"):
                explained = result_sets.ask(session.driver, f"EXPLAIN FORMAT=TRADITIONAL {each.sql}")
                plans.extend({"statement": each.text, **row} for row in explained.rows)

    with watched(database, explain):
        yield


def _is_costly(plan: dict[str, Any]) -> bool:
    extra = plan["Extra"] or ""
    if plan["select_type"] == "UPDATE" or "GROUP BY" in plan["statement"]:  # places of rows to be written; groups
        extra = extra.replace("Using temporary", "")
    scan = plan["type"] in ("ALL", "index") and int(plan["rows"]) > 100
    return scan or "filesort" in extra or "temporary" in extra
