"""Several workers and receivers on one inbox: every delivery takes effect once, and in order per item."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.arrivals import arrival
from tests.effects import Effects
from tikisync.config import WorkerSettings
from tikisync.core.retry import RetrySettings
from tikisync.database import Database
from tikisync.errors import ConflictError, PassingError
from tikisync.inbox import attempts, deliveries, locks, queue
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Arrival, Delivery
from tikisync.inbox.queue import Limits, Routing
from tikisync.pipeline.worker import Worker


@pytest.fixture
def effects(server_inbox: Database) -> Effects:
    applier = Effects(server_inbox)
    applier.create()
    return applier


def add(database: Database, arrivals: Sequence[Arrival]) -> int:
    while True:
        try:
            with database.transaction() as tx:
                return deliveries.add(tx, arrivals)
        except ConflictError:
            continue


def pending(database: Database) -> int:
    with database.transaction() as tx:
        return deliveries.counts(tx)["pending"]


def wait_until_done(database: Database, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while pending(database):
        assert time.monotonic() < until, f"{pending(database)} deliveries are left"
        time.sleep(0.05)


def assert_once_and_in_order(effects: Effects, number: int) -> None:
    seen = effects.seen()
    assert Counter(each for _, each in seen) == Counter(range(1, number + 1))
    by_item: dict[str, list[int]] = defaultdict(list)
    for item, each in seen:
        by_item[item].append(each)
    assert {item: ids for item, ids in by_item.items() if ids != sorted(ids)} == {}


def test_workers_share_deliveries_that_keep_coming_and_failing(effects: Effects) -> None:
    chance = random.Random(7)
    items = [f"item {chance.randrange(12)}" for _ in range(400)]

    def fail_sometimes(delivery: Delivery) -> None:
        if chance.random() < 0.2:
            raise PassingError("away")

    settings = WorkerSettings(batch=10, poll=20, retry=RetrySettings(first_delay=1, longest_delay=30, attempts=100))
    stop = threading.Event()
    with ThreadPoolExecutor(5) as pool:
        running = []
        for name in ("w1", "w2", "w3", "w4"):
            applier = Effects(effects.database, fail_sometimes)
            worker = Worker(effects.database, applier, name, settings, time.time, random.random)
            running.append(pool.submit(worker.run, stop, threading.Event()))
        try:
            for start in range(0, 400, 8):
                add(effects.database, [arrival(body=item.encode()) for item in items[start : start + 8]])
            wait_until_done(effects.database)
        finally:
            stop.set()
        for each in running:
            each.result()
    assert_once_and_in_order(effects, 400)
    with effects.database.transaction() as tx:
        workers = tx.all(
            "SELECT worker, COUNT(*) AS number FROM tikisync_attempts WHERE outcome = 'done' GROUP BY worker"
        )
        assert tx.value("SELECT COUNT(*) FROM tikisync_order_keys") == 0
    assert len(workers) > 1


def test_what_killed_workers_had_in_hand_is_taken_over(effects: Effects, server_url: str) -> None:
    chance = random.Random(11)
    items = [f"item {chance.randrange(20)}" for _ in range(300)]
    add(effects.database, [arrival(body=item.encode()) for item in items])
    url = effects.database._url.render_as_string(hide_password=False)
    started = 0
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(3):
            for _ in range(2):
                started += 1
                command = [sys.executable, "-m", "tests.worker_process", url, f"w{started}"]
                processes.append(subprocess.Popen(command))
            seen, until = len(effects.seen()), time.monotonic() + 30
            while len(effects.seen()) < seen + 20:  # killed in the middle of their work
                assert time.monotonic() < until
                time.sleep(0.01)
            for process in processes:
                process.kill()
        processes.append(subprocess.Popen([sys.executable, "-m", "tests.worker_process", url, "last"]))
        wait_until_done(effects.database)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert_once_and_in_order(effects, 300)


def claim(database: Database, worker: str, now: int, *, takeovers: int = 3) -> list[Delivery] | None:
    routing, limits = Routing("rules", lambda delivery: ()), Limits(lease=1_000, takeovers=takeovers)
    with database.transaction() as tx:
        return queue.claim(tx, worker, routing, limits, now)


def test_a_lease_prolonged_at_the_last_moment_is_not_taken_over(server_inbox: Database) -> None:
    add(server_inbox, [arrival()])
    assert claim(server_inbox, "w1", 5_000)
    with ThreadPoolExecutor(1) as pool:
        with server_inbox.transaction() as tx:
            queue.extend(tx, "w1", [1], 9_000)
            other = pool.submit(claim, server_inbox, "w2", 6_000)
            time.sleep(0.3)  # the other has seen that the lease is over, and waits for the row
        assert other.result() == []


def test_a_delivery_finished_at_the_last_moment_is_not_given_up(server_inbox: Database) -> None:
    add(server_inbox, [arrival()])
    assert claim(server_inbox, "w1", 5_000)
    with ThreadPoolExecutor(1) as pool:
        with server_inbox.transaction() as tx:
            assert queue.finish(tx, [Attempt(1, "w1", 5_000, 6_000, "done")])
            other = pool.submit(claim, server_inbox, "w2", 6_000, takeovers=1)
            time.sleep(0.3)
        assert other.result() == []
    with server_inbox.transaction() as tx:
        assert [each.status for each in deliveries.listing(tx)] == ["done"]
        assert [each.outcome for each in attempts.of(tx, 1)] == ["done"]


def test_receivers_of_the_same_deliveries_store_each_once(server_inbox: Database) -> None:
    keys = [bytes([number]) * 32 for number in range(60)]

    def receive(seed: int) -> int:
        mine = random.Random(seed).sample(keys, len(keys))
        groups = [mine[start : start + 10] for start in range(0, len(mine), 10)]
        return sum(add(server_inbox, [arrival(id_key=key) for key in group]) for group in groups)

    with ThreadPoolExecutor(4) as pool:
        duplicates = sum(pool.map(receive, range(4)))
    assert duplicates == 3 * len(keys)
    with server_inbox.transaction() as tx:
        stored = deliveries.load(tx, range(1, 10_000))
    assert [each.duplicates for each in stored] == [3] * len(keys)


def test_a_lock_is_held_until_the_transaction_ends(server_inbox: Database) -> None:
    order: list[str] = []
    locked = threading.Event()

    def second() -> None:
        locked.wait()
        with server_inbox.transaction() as tx:
            locks.lock(tx, [b"other"])
            tx.flush()
            order.append("another name is free")
            locks.lock(tx, [b"a", b"b"])
            tx.flush()
            order.append("the second has it")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        with server_inbox.transaction() as tx:
            locks.lock(tx, [b"c", b"b"])
            tx.flush()
            locked.set()
            time.sleep(0.3)
            order.append("the first gives it back")
        waiting.result()
    assert order == ["another name is free", "the first gives it back", "the second has it"]


def test_locks_on_many_names_in_any_order_do_not_deadlock(server_inbox: Database) -> None:
    def lock_all(seed: int) -> None:
        for turn in range(20):
            names = random.Random(seed * 100 + turn).sample([b"%d" % number for number in range(40)], 20)
            with server_inbox.transaction() as tx:
                locks.lock(tx, names)
                tx.flush()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(lock_all, seed) for seed in range(4)]:
            done.result()


def test_locks_need_no_more_than_their_rows(inbox: Database) -> None:
    with inbox.transaction() as tx:
        locks.lock(tx, [b"a", b"a"])
        tx.flush()
        locks.lock(tx, [b"a"])
        tx.flush()
        assert int(tx.value("SELECT COUNT(*) FROM tikisync_locks")) == (0 if inbox.is_sqlite else 1)
