"""What old deliveries hold is let go of, in small steps; their rows stay and know a late repeat."""

from __future__ import annotations

import threading
import time

import pytest

from tests.arrivals import arrival
from tikisync.database import Database
from tikisync.database.journal import Entry
from tikisync.errors import SetupError
from tikisync.inbox import deliveries, journal, queue, retention
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Delivery
from tikisync.inbox.queue import Limits, Routing
from tikisync.pipeline import administer
from tikisync.pipeline.retention import Retention

DAY = 86_400_000
NOW = 1_800_000_000_000
ROUTING = Routing("rules", lambda delivery: ())


def receive(database: Database, days_ago: int, *bodies: bytes) -> None:
    at = NOW - days_ago * DAY
    with database.transaction() as tx:
        for body in bodies:
            deliveries.add(tx, [arrival(body=body, body_key=body[:32].ljust(32), received_at=at, query="a=b")])


def finish(database: Database, days_ago: int, *outcomes: str) -> None:
    """End what is pending, lowest id first, each with an outcome of its own."""
    at = NOW - days_ago * DAY
    with database.transaction() as tx:
        claimed = queue.claim(tx, "w", ROUTING, Limits(), at) or []
        tries = [
            Attempt(each.delivery_id, "w", at, at, outcome, wrote=("item 1",))
            for each, outcome in zip(claimed, outcomes, strict=True)
        ]
        assert queue.finish(tx, tries)


def expire(database: Database, days: int = 30, *, dry_run: bool = False) -> list[retention.Step]:
    of_all = Retention(database, lambda: days * DAY, lambda: NOW / 1000)
    return list(of_all.steps(days * DAY, threading.Event(), dry_run=dry_run))


def look(database: Database, number: int) -> Delivery:
    return administer.delivery(database, number)[0]


def test_what_was_finished_long_ago_loses_its_content_and_the_rest_keeps_it(inbox: Database) -> None:
    receive(inbox, 40, b"done", b"ignored", b"failed", b"late")
    finish(inbox, 40, "done", "ignored", "failed", "done")
    with inbox.transaction() as tx:
        deliveries.replay(tx, [4])
    finish(inbox, 20, "done")
    receive(inbox, 20, b"young")
    finish(inbox, 20, "done")
    receive(inbox, 40, b"pending")

    assert sum(step.met for step in expire(inbox)) == 2

    for number in (1, 2):
        found, tries = administer.delivery(inbox, number)
        assert (found.body, found.headers, found.query, found.client_ip, found.expired_at) == (b"", (), "", "", NOW)
        assert tries == []
        assert found.size and found.finished_at == NOW - 40 * DAY
    for number, body in ((3, b"failed"), (4, b"late"), (5, b"young"), (6, b"pending")):
        found, tries = administer.delivery(inbox, number)
        assert (found.body, found.expired_at, bool(found.headers)) == (body, None, True)
        assert bool(tries) == (number != 6)
    assert sum(step.met for step in expire(inbox)) == 0


def test_a_repeat_of_what_has_expired_does_still_nothing(inbox: Database) -> None:
    receive(inbox, 40, b"order")
    finish(inbox, 40, "done")
    expire(inbox)
    receive(inbox, 0, b"order")
    found = look(inbox, 1)
    assert (found.duplicates, found.status) == (1, "done")
    with inbox.transaction() as tx:
        assert len(deliveries.listing(tx)) == 1


def test_a_failed_delivery_is_kept_until_it_is_discarded_and_then_as_long_as_others(
    inbox: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(inbox, 400, b"order")
    finish(inbox, 400, "failed")
    with inbox.transaction() as tx:
        journal.add(tx, 1, [Entry("insert", b"s" * 16, "1")])
    assert sum(step.met for step in expire(inbox)) == 0
    monkeypatch.setattr(time, "time", lambda: (NOW - 20 * DAY) / 1000)
    assert administer.discard(inbox, [1]) == 1
    assert sum(step.met for step in expire(inbox, 30)) == 0
    assert sum(step.met for step in expire(inbox, 10)) == 1
    with inbox.transaction() as tx:
        assert journal.entries(tx, 1) == []


def test_an_expired_delivery_is_not_applied_again_and_says_why(inbox: Database) -> None:
    receive(inbox, 40, b"a", b"b")
    finish(inbox, 40, "done", "failed")
    expire(inbox)
    with pytest.raises(SetupError, match="delivery 1 expired at 2027-01-15T08:00:00") as caught:
        administer.replay(inbox, [1])
    assert caught.value.reason == "delivery_expired"
    assert administer.replay(inbox, [1, 2]) == 1
    assert look(inbox, 1).status == "done"


def test_a_dry_run_says_what_would_expire_and_changes_nothing(inbox: Database) -> None:
    receive(inbox, 40, b"a", b"bcd")
    finish(inbox, 40, "done", "done")
    assert sum(step.bytes for step in expire(inbox, dry_run=True)) == 4
    assert look(inbox, 1).body == b"a"
    assert [step.met for step in expire(inbox)] == [2, 0, 0]


def test_steps_are_small_in_number_and_bytes(inbox: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    monkeypatch.setattr(retention, "_BYTES_AT_ONCE", 10)
    receive(inbox, 40, b"1", b"2", b"3", b"123456789", b"4", b"x" * 50, b"5")
    finish(inbox, 40, *["done"] * 7)
    of_all = Retention(inbox, lambda: None, lambda: NOW / 1000)
    assert of_all.expected(30 * DAY) == 7
    assert [step.met for step in expire(inbox) if step.met] == [3, 2, 1, 1]


def test_two_at_a_time_let_each_delivery_expire_once(server_inbox: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 5)
    receive(server_inbox, 40, *(b"%d" % number for number in range(50)))
    finish(server_inbox, 40, *["done"] * 50)
    met: list[int] = []
    threads = [threading.Thread(target=lambda: met.extend(step.met for step in expire(server_inbox))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(met) == 50


def test_what_is_replayed_meanwhile_is_left_alone(server_inbox: Database) -> None:
    receive(server_inbox, 40, b"a")
    finish(server_inbox, 40, "done")
    with server_inbox.transaction() as replaying:
        deliveries.replay(replaying, [1])
        thread = threading.Thread(target=expire, args=(server_inbox,))
        thread.start()
        time.sleep(0.2)  # it waits for the row
    thread.join()
    found = look(server_inbox, 1)
    assert (found.body, found.status) == (b"a", "pending")


def test_the_service_lets_them_go_by_itself_and_trouble_does_not_end_it(
    inbox: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tikisync.pipeline.retention._EVERY", 0.05)
    caplog.set_level("INFO")
    receive(inbox, 40, b"a")
    finish(inbox, 40, "done")
    stop = threading.Event()
    of_all = Retention(inbox, lambda: 30 * DAY, lambda: NOW / 1000)
    with inbox.transaction() as tx:
        tx.run("ALTER TABLE tikisync_attempts RENAME TO tikisync_away")
    thread = threading.Thread(target=of_all.run, args=(stop,))
    thread.start()
    try:
        _until(lambda: "retention.trouble" in caplog.text)
        with inbox.transaction() as tx:
            tx.run("ALTER TABLE tikisync_away RENAME TO tikisync_attempts")
        _until(lambda: "delivery.expired" in caplog.text)
    finally:
        stop.set()
        thread.join()
    assert look(inbox, 1).expired_at == NOW


def test_what_is_kept_forever_never_expires(inbox: Database) -> None:
    receive(inbox, 4000, b"a")
    finish(inbox, 4000, "done")
    stop = threading.Event()

    def keep() -> None:
        stop.set()

    Retention(inbox, keep, lambda: NOW / 1000).run(stop)
    assert look(inbox, 1).body == b"a"


def _until(holds: object) -> None:
    assert callable(holds)
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
