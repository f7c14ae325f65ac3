"""Looking for deliveries and counting them; on the server and in SQLite."""

from __future__ import annotations

import pytest

from tests.arrivals import arrival
from tikisync.database import Database, Transaction
from tikisync.inbox import attempts, deliveries, search, statistics
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.search import Filter

START = 1_700_000_040_000  # a whole minute


@pytest.fixture
def filled(inbox: Database) -> Database:
    """Ten deliveries, one every 20 seconds: odd ones of Shop and done, even ones of Forge and pending; 7 has failed."""
    with inbox.transaction() as tx:
        for number in range(1, 11):
            handler = "Shop" if number % 2 else "Forge"
            body = f'{{"order": "A-{number}", "name": "Jörg"}}'.encode()
            received = START + (number - 1) * 20_000
            headers = (("x-trace", f"t{number}"),)
            deliveries.add(tx, [arrival(handler=handler, body=body, received_at=received, headers=headers)])
            if number % 2:
                changes = {"status": "failed" if number == 7 else "done", "finished_at": received + number}
                tx.update("tikisync_deliveries", {"delivery_id": number}, changes)
        attempts.record(tx, [Attempt(1, "w", 0, 1, "done", wrote=("order: created item 12 of tracker Läden",))])
        attempts.record(
            tx, [Attempt(7, "w", 0, 1, "retry", error="first"), Attempt(7, "w", 2, 3, "failed", error="no")]
        )
    return inbox


def ids(tx: Transaction, wanted: Filter, before: int | None = None, limit: int = 50) -> list[int]:
    return [each.delivery_id for each in search.search(tx, wanted, before, limit).found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), list(range(10, 0, -1))),
        (Filter(handler="Forge"), [10, 8, 6, 4, 2]),
        (Filter(status="done"), [9, 5, 3, 1]),
        (Filter(status="done", handler="Shop"), [9, 5, 3, 1]),
        (Filter(status="failed", handler="Forge"), []),
        (Filter(since=START + 140_000), [10, 9, 8]),
        (Filter(until=START + 40_000), [2, 1]),
        (Filter(since=START + 20_000, until=START + 60_000), [3, 2]),
        (Filter(since=START + 10**9), []),
        (Filter(text="A-1"), [10, 1]),
        (Filter(text="Jörg"), list(range(10, 0, -1))),
        (Filter(text="jörg"), []),
        (Filter(text="t4"), [4]),
        (Filter(text="item 12 of tracker Läden"), [1]),
        (Filter(text="%"), []),
        (Filter(text="first"), [7]),
    ],
)
def test_a_filter_finds_exactly_its_deliveries_newest_first(filled: Database, wanted: Filter, found: list[int]) -> None:
    with filled.transaction() as tx:
        assert ids(tx, wanted) == found


def test_pages_follow_each_other_without_a_gap(filled: Database) -> None:
    with filled.transaction() as tx:
        first = search.search(tx, Filter(), None, 4)
        assert ([each.delivery_id for each in first.found], first.next_before) == ([10, 9, 8, 7], 7)
        assert ids(tx, Filter(), 7, 4) == [6, 5, 4, 3]
        last = search.search(tx, Filter(), 3, 4)
        assert ([each.delivery_id for each in last.found], last.next_before) == ([2, 1], None)


def test_a_text_is_looked_for_in_so_many_deliveries_at_a_time(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SEARCHED", 4)
    with filled.transaction() as tx:
        page = search.search(tx, Filter(text="A-2"))
        assert (page.found, page.next_before) == ([], 7)
        page = search.search(tx, Filter(text="A-2"), page.next_before)
        assert (page.found, page.next_before) == ([], 3)
        page = search.search(tx, Filter(text="A-2"), page.next_before)
        assert ([each.delivery_id for each in page.found], page.next_before) == ([2], None)


def test_the_first_delivery_of_a_time_is_found_over_gaps(filled: Database) -> None:
    with filled.transaction() as tx:
        tx.delete("tikisync_deliveries", {"delivery_id": [1, 4, 5, 6]})
        assert search.first_at(tx, 0) == 2
        assert 3 < search.first_at(tx, START + 40_001) <= 7
        assert search.first_at(tx, START + 10**9) == 11


def test_an_empty_inbox_has_nothing_to_find_or_count(inbox: Database) -> None:
    with inbox.transaction() as tx:
        assert search.search(tx, Filter(text="x", since=1, until=2)).found == []
        assert search.last_words(tx, []) == {}
        assert statistics.per_minute(tx, START) == {}
        assert statistics.backlog(tx) == {"pending": 0, "failed": 0}
        assert statistics.times_to_done(tx) == statistics.times_to_apply(tx) == []


def test_what_became_of_each_is_told_by_its_last_attempt(filled: Database) -> None:
    with filled.transaction() as tx:
        words = search.last_words(tx, [1, 2, 7])
    assert words == {1: "order: created item 12 of tracker Läden", 7: "no"}


def test_deliveries_are_counted_by_minute_and_status(filled: Database) -> None:
    with filled.transaction() as tx:
        counted = statistics.per_minute(tx, START + 60_000)
    assert counted == {
        START + 60_000: {"done": 1, "pending": 2},
        START + 120_000: {"done": 1, "failed": 1, "pending": 1},
        START + 180_000: {"pending": 1},
    }


def test_the_backlog_and_the_times_from_receipt_to_done_are_told(filled: Database) -> None:
    with filled.transaction() as tx:
        assert statistics.backlog(tx) == {"pending": 5, "failed": 1}
        assert statistics.times_to_done(tx) == [1, 3, 5, 9]
        assert statistics.times_to_done(tx, last=2) == [5, 9]


def test_the_times_of_attempts_leave_out_those_whose_worker_died(filled: Database) -> None:
    with filled.transaction() as tx:
        attempts.record(tx, [Attempt(7, "w", 10, 17, "done"), Attempt(7, "w", 20, 9_999, "died")])
        assert statistics.times_to_apply(tx) == [1, 1, 1, 7]
        assert statistics.times_to_apply(tx, last=2) == [7]
