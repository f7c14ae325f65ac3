"""Several workers at once on one Tiki: no item, number or history twice, and counters true."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.arrivals import arrival
from tests.databases import TikiDatabase
from tikisync import config as configuration
from tikisync.config import WorkerSettings
from tikisync.database import Database
from tikisync.inbox import deliveries
from tikisync.pipeline.apply import Applier
from tikisync.pipeline.worker import Worker

PATIENCE = 60  # seconds before a test gives up; nothing is measured
RULES = """
[rule contact]
handler = Shop
when = body.email
tracker = Contacts
key = contactEmail
field.contactEmail = body.email
field.contactName = body.name

[rule same-item-by-another-rule]
handler = Shop
when = body.again
tracker = Contacts
key = contactName
field.contactName = body.again
field.contactPhone = body.phone

[rule company]
handler = Shop
when = body.company
tracker = Companies
field.companyName = body.company
"""


@pytest.fixture(params=["tiki", "tiki_myisam"])
def site(request: pytest.FixtureRequest) -> TikiDatabase:
    database: TikiDatabase = request.getfixturevalue(request.param)
    return database


@pytest.fixture
def process(site: TikiDatabase, tmp_path: Path) -> Callable[[list[object]], None]:
    """Keep payloads and let four workers, each with connections of its own, apply all of them."""
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {site.url}\n{RULES}")
    config = configuration.load(path)

    def run(payloads: list[object]) -> None:
        with site.transaction() as tx:
            bodies = [json.dumps(payload).encode() for payload in payloads]
            deliveries.add(tx, [arrival(handler="Shop", user="hook", body=body) for body in bodies])
        stop = threading.Event()
        databases = [Database(site.url) for _ in range(4)]
        workers = [
            Worker(each, Applier(each, config, {}, time.time), f"w{n}", WorkerSettings(batch=3), time.time, lambda: 0.1)
            for n, each in enumerate(databases)
        ]
        threads = [threading.Thread(target=worker.run, args=(stop, threading.Event())) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            _until_none_is_pending(site)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            for each in databases:
                each.close()

    return run


def _until_none_is_pending(site: Database) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with site.transaction() as tx:
            counts = deliveries.counts(tx)
        if not counts["pending"]:
            assert counts["failed"] == 0
            return
        time.sleep(0.05)
    raise AssertionError(f"deliveries are still waiting: {counts}")


def test_one_key_makes_one_item_however_many_workers_see_it_first(
    site: TikiDatabase, process: Callable[[list[object]], None]
) -> None:
    process([{"email": f"p{n % 5}@example.org", "name": f"Person {n % 5}", "turn": n} for n in range(40)])

    with site.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items") == 5
        assert tx.value("SELECT items FROM tiki_trackers WHERE name = 'Contacts'") == 5


def test_new_items_get_numbers_of_their_own(site: TikiDatabase, process: Callable[[list[object]], None]) -> None:
    process([{"email": f"p{n}@example.org", "name": f"Person {n}"} for n in range(30)])

    with site.transaction() as tx:
        numbers = tx.all("SELECT value FROM tiki_tracker_item_fields WHERE fieldId = 7")
        assert sorted(int(row["value"]) for row in numbers) == list(range(100, 130))
        assert tx.value("SELECT items FROM tiki_trackers WHERE name = 'Contacts'") == 30


def test_versions_of_an_items_history_are_not_used_twice(
    site: TikiDatabase, process: Callable[[list[object]], None]
) -> None:
    process([{"email": "p@example.org", "name": "Person"}])
    process([{"again": "Person", "phone": str(n)} for n in range(20)])

    with site.transaction() as tx:
        versions = tx.all("SELECT version FROM tiki_tracker_item_field_logs WHERE fieldId = 10 ORDER BY version")
        assert [row["version"] for row in versions] == list(range(1, 21))


def test_items_without_a_key_are_all_made(site: TikiDatabase, process: Callable[[list[object]], None]) -> None:
    process([{"company": f"Company {n}"} for n in range(30)])

    with site.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items") == 30
        assert tx.value("SELECT items FROM tiki_trackers WHERE name = 'Companies'") == 30
