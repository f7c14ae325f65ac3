"""Following the inbox; on the server and in SQLite."""

from __future__ import annotations

from tests.arrivals import arrival
from tikisync.database import Database
from tikisync.inbox import attempts, deliveries
from tikisync.inbox.attempts import Attempt
from tikisync.pipeline.follow import Event, Follower


def receive(database: Database, *times: int) -> None:
    with database.transaction() as tx:
        deliveries.add(tx, [arrival(received_at=each) for each in times])


def test_each_event_is_told_once_and_in_its_order(inbox: Database) -> None:
    follower = Follower(inbox)
    receive(inbox, 1000)
    assert Follower(inbox).read() == []
    assert follower.read() == []
    receive(inbox, 2000, 4000)
    with inbox.transaction() as tx:
        attempts.record(tx, [Attempt(2, "w", 2500, 3000, "done", wrote=("order: created item 1",))])
        attempts.record(tx, [Attempt(3, "w", 4500, 5000, "retry", "passing", "the database is away")])
    assert follower.read() == [
        Event(2000, 2, "Shop", "received", "2 bytes from 192.0.2.7"),
        Event(3000, 2, "Shop", "done", "order: created item 1"),
        Event(4000, 3, "Shop", "received", "2 bytes from 192.0.2.7"),
        Event(5000, 3, "Shop", "retry", "the database is away"),
    ]
    assert follower.read() == []


def test_it_can_begin_some_deliveries_before_the_end(inbox: Database) -> None:
    assert Follower(inbox, 5).read() == []
    receive(inbox, 1000, 2000, 3000)
    with inbox.transaction() as tx:
        attempts.record(tx, [Attempt(number, "w", 0, number * 1000 + 1, "ignored", "why") for number in (1, 2, 3)])
    told = [(each.delivery, each.what) for each in Follower(inbox, 2).read()]
    assert told == [(2, "received"), (2, "ignored"), (3, "received"), (3, "ignored")]
    assert len(Follower(inbox, 100).read()) == 6
