"""Growth: what stays as quick with many handlers, many kept deliveries, many items and large bodies, next to few."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from tests.benchmarks import endpoints, load
from tests.benchmarks.endpoints import Endpoint
from tests.benchmarks.load import Figures
from tests.benchmarks.processes import peak_memory
from tests.benchmarks.receive import DatabaseServer, body_of, make_site
from tests.benchmarks.rounds import interleaved
from tests.databases import undone
from tikisync.core.questions import ItemsWithKey
from tikisync.core.verification import sign
from tikisync.database import Database
from tikisync.inbox import deliveries, queue
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Arrival
from tikisync.inbox.queue import Limits, Routing
from tikisync.inbox.search import Filter
from tikisync.pipeline import activity
from tikisync.tiki.answers import answer

FEW = "receive: a few handlers, 1 KiB"
MIB = 1 << 20
_ORDERS, _ORDER_ID = 3, 46  # a tracker of the recorded Tiki and its field orderId
_COPIED = "handler_id, handler, `user`, method, path, query, client_ip, headers, body, size, status, routed_by"


def receiving(
    server: DatabaseServer, *, handlers: int, connections: int, seconds: int, rounds: int
) -> Mapping[str, Sequence[Figures]]:
    """Receive with so many handlers, of one signature header and of headers of their own, and large bodies."""
    grown: dict[str, Callable[[Database], None]] = {
        FEW: lambda _: None,
        f"receive: {handlers:,} handlers, one header": partial(_add_handlers, count=handlers, header="X-Signature"),
        f"receive: {handlers:,} handlers, own headers": partial(_add_handlers, count=handlers, header="X-Signature-{}"),
    }
    with ExitStack() as stack:
        variants: dict[str, Callable[[int], Figures]] = {}
        for name, grow in grown.items():
            url = server.create()
            handler = make_site(url)
            opened = Database(url)
            grow(opened)
            opened.close()
            endpoint = stack.enter_context(endpoints.tikisync(url))
            for size, of_size in ((1024, name), (MIB, "receive: a few handlers, 1 MiB (KiB/s)")):
                if size == 1024 or name == FEW:
                    headers = {handler.signature_header: sign(handler, body_of(size))}
                    variants[of_size] = partial(_post, endpoint, body_of(size), headers, connections)
        return interleaved(variants, rounds=rounds, seconds=seconds)


def in_the_database(server: DatabaseServer, *, few: int, many: int, rounds: int) -> Mapping[str, Sequence[Figures]]:
    """Do what is done for each delivery where so few and so many deliveries and items are stored."""
    with ExitStack() as stack:
        variants: dict[str, Callable[[int], Figures]] = {}
        sites = {number: stack.enter_context(_filled(server, number)) for number in (few, many)}
        for name, (work, times) in _WORK.items():
            for number, site in sites.items():
                variants[f"{name}, {number:,}"] = partial(_timed, site, work, times)
        return interleaved(variants, rounds=rounds, seconds=1)


def beside(few: int, many: int) -> Mapping[str, str]:
    """Return for each figure of many what it is to be compared with."""
    return {f"{name}, {number:,}": f"{name}, {few:,}" for name in _WORK for number in (few, many)}


def _post(endpoint: Endpoint, body: bytes, headers: Mapping[str, str], connections: int, seconds: int) -> Figures:
    figures = load.post(endpoint.url, body, headers, connections=connections, seconds=seconds)
    if figures.failed:
        raise RuntimeError(f"{figures.failed} of {figures.requests} requests to {endpoint.url} failed")
    return replace(figures, requests=figures.requests * len(body) // 1024, memory=peak_memory(endpoint.pid))


def _timed(site: Database, work: Callable[[Database], object], times: int, _seconds: int) -> Figures:
    took = []
    for _ in range(times):
        started = time.perf_counter()
        work(site)
        took.append(time.perf_counter() - started)
    p50, p99 = (sorted(took)[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
    return Figures(times, sum(took), p50, p99, failed=0)


def _claim(site: Database) -> None:
    with undone(site) as tx:
        now = int(time.time() * 1000)
        claimed = queue.claim(tx, "bench", Routing("rules", lambda each: [b"%016d" % each.delivery_id]), Limits(), now)
        if not claimed or not queue.finish(tx, [Attempt(e.delivery_id, "bench", now, now, "done") for e in claimed]):
            raise RuntimeError("nothing could be claimed")


def _duplicate(site: Database) -> None:
    key = b"%032d" % 1
    arrival = Arrival(1, "Shop", "hook", "POST", "/", "", "192.0.2.7", 0, "", body_of(1024), key, None)
    with undone(site) as tx:
        if deliveries.add(tx, [arrival]) != 1:
            raise RuntimeError("a duplicate was not seen")


def _look_up(site: Database) -> None:
    questions = [ItemsWithKey(_ORDERS, ((_ORDER_ID, f"B-{number}"),)) for number in range(1, 51)]
    with site.transaction() as tx:
        answers = answer(tx, questions)
        if not all(answers[each] for each in questions):
            raise RuntimeError("an item was not found")


def _look_at(site: Database) -> None:
    activity.activity(site, {}, int(time.time() * 1000))
    activity.handlers(site)
    for wanted in (Filter(), Filter(status="pending"), Filter(handler="Shop")):
        activity.found(site, wanted, None)


_WORK: Mapping[str, tuple[Callable[[Database], object], int]] = {  # and how often in a round
    "claim and finish 50": (_claim, 20),
    "a duplicate": (_duplicate, 100),
    "50 look-ups by key": (_look_up, 50),
    "the dashboard's pages": (_look_at, 3),
}


@contextmanager
def _filled(server: DatabaseServer, number: int) -> Iterator[Database]:
    """Make a site with so many done deliveries, 100 pending ones, and so many items."""
    url = server.create()
    make_site(url)
    site = Database(url)
    _add_deliveries(site, number)
    _add_items(site, number)
    yield site
    site.close()


def _add_deliveries(site: Database, number: int) -> None:
    body = body_of(1024)
    with site.transaction() as tx:
        now = int(time.time() * 1000) - number * 1000  # one a second
        keyed = Arrival(1, "Shop", "hook", "POST", "/", "", "192.0.2.7", now, "", body, b"%032d" % 1, None)
        deliveries.add(tx, [keyed])
        tx.run("UPDATE tikisync_deliveries SET status = 'done', routed_by = 'rules', finished_at = received_at")
    there = 1
    while there < number:
        with site.transaction() as tx:
            there += tx.run(
                f"INSERT INTO tikisync_deliveries (received_at, finished_at, {_COPIED}) "
                f"SELECT received_at + :later, received_at + :later, {_COPIED} FROM tikisync_deliveries "
                "ORDER BY delivery_id LIMIT :more",
                later=there * 1000,
                more=min(there, number - there, 50_000),
            )
    with site.transaction() as tx:
        columns = "delivery_id, worker, started_at, finished_at, outcome, reason, error, wrote"
        tx.run(
            f"INSERT INTO tikisync_attempts ({columns}) "
            "SELECT delivery_id, 'w', 1, 1, 'done', '', '', '[]' FROM tikisync_deliveries"
        )
        pending = [keyed._replace(id_key=None)] * 100
        deliveries.add(tx, pending)


def _add_items(site: Database, number: int) -> None:
    row = {"trackerId": _ORDERS, "created": 1, "createdBy": "hook", "lastModif": 1, "status": "o"}
    columns = ", ".join(row)
    there = 1
    with site.transaction() as tx:
        tx.insert("tiki_tracker_items", {"itemId": 1, **row})
    while there < number:
        with site.transaction() as tx:
            there += tx.run(
                f"INSERT INTO tiki_tracker_items (itemId, {columns}) "
                f"SELECT itemId + :there, {columns} FROM tiki_tracker_items WHERE itemId <= :more",
                there=there,
                more=min(there, number - there, 50_000),
            )
    with site.transaction() as tx:
        value = "'B-' || itemId" if site.is_sqlite else "CONCAT('B-', itemId)"
        for field, text in ((_ORDER_ID, value), (_ORDER_ID + 2, "'open'")):
            insert = "INSERT INTO tiki_tracker_item_fields (itemId, fieldId, value) "
            tx.run(f"{insert} SELECT itemId, {field}, {text} FROM tiki_tracker_items")
    if not site.is_sqlite:
        with site.transaction() as tx:
            for table in ("tiki_tracker_items", "tiki_tracker_item_fields", "tikisync_deliveries", "tikisync_attempts"):
                tx.all(f"ANALYZE TABLE {table}")


def _add_handlers(site: Database, *, count: int, header: str) -> None:
    """Put so many handlers before those there are: whoever is tried in order is tried last."""
    with site.transaction() as tx:
        [user] = {
            row["user"] for row in tx.all("SELECT `user` FROM tiki_webhooks WHERE name = :n", n=endpoints.HANDLER)
        }
        highest = int(tx.value("SELECT MAX(webhookId) FROM tiki_webhooks")) + count
        for row in tx.all("SELECT webhookId AS id FROM tiki_webhooks"):
            tx.update("tiki_webhooks", {"webhookId": row["id"]}, {"webhookId": highest + row["id"]})
        rows = [
            {
                "webhookId": number, "name": f"Handler {number}", "user": user, "verification": "hmac",
                "algo": "sha256", "signatureHeader": header.format(number), "secret": f"secret {number}",
                "created": 0, "lastModif": 0,
            }
            for number in range(1, count + 1)
        ]  # fmt: skip
        there = tx.columns("tiki_webhooks")
        tx.insert_many("tiki_webhooks", [{name: row[name] for name in row if name in there} for row in rows])
