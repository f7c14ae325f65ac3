from __future__ import annotations

from typing import Any

import pytest

from tests.arrivals import arrival
from tikisync.database import Database, Transaction
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import Delivery


def stored(database: Database) -> list[Delivery]:
    with database.transaction() as tx:
        return deliveries.load(tx, range(1, 1000))


def inserts(tx: Transaction) -> int:
    row = tx.first("SHOW SESSION STATUS LIKE 'Com_insert'")
    return int(row["Value"]) if row else 0


def test_a_delivery_is_read_back_byte_for_byte(inbox: Database) -> None:
    headers = (("content-type", "application/json"), ("x-name", "Jörg \x00\x7fÿ"), ("x-name", "a 'quoted': \\ one"))
    given = arrival(
        headers=headers,
        body=bytes(range(256)) * 10,
        query="a=%FF&b='",
        handler="Läden 🛒",
        client_ip="2001:db8::1",
    )
    with inbox.transaction() as tx:
        assert deliveries.add(tx, [given]) == 0
    with inbox.transaction() as tx:
        found = deliveries.get(tx, 1)
    assert found is not None
    for name in ("handler", "user", "received_at", "method", "path", "query", "client_ip", "body"):
        assert getattr(found, name) == getattr(given, name), name
    assert found.headers == headers
    assert (found.status, found.attempts, found.duplicates, found.size) == ("pending", 0, 0, 2560)


def test_headers_kept_as_json_by_an_earlier_version_are_read(inbox: Database) -> None:
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival()])
        tx.update("tikisync_deliveries", {"delivery_id": 1}, {"headers": '[["content-type","a/b"],["x-a","b: c"]]'})
    [found] = stored(inbox)
    with inbox.transaction() as tx:
        delivery = deliveries.get(tx, found.delivery_id)
    assert delivery and delivery.headers == (("content-type", "a/b"), ("x-a", "b: c"))


def test_a_header_holds_no_line_break_and_may_be_empty(inbox: Database) -> None:
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival(headers=(("x-a", "one\nx-b: two"), ("x-empty", "")))])
        delivery = deliveries.get(tx, 1)
    assert delivery and delivery.headers == (("x-a", "one x-b: two"), ("x-empty", ""))


def test_an_unknown_delivery_is_none(inbox: Database) -> None:
    with inbox.transaction() as tx:
        assert deliveries.get(tx, 1) is None


@pytest.mark.parametrize("key", ["id_key", "body_key"])
def test_a_duplicate_is_counted_and_not_stored(inbox: Database, key: str) -> None:
    keys: dict[str, Any] = {key: b"k" * 32}
    first, again = arrival(body=b"first", **keys), arrival(body=b"again", **keys)
    with inbox.transaction() as tx:
        assert deliveries.add(tx, [first]) == 0
    with inbox.transaction() as tx:
        assert deliveries.add(tx, [again]) == 1
    assert [(each.body, each.duplicates) for each in stored(inbox)] == [(b"first", 1)]


def test_either_key_alone_makes_a_duplicate(inbox: Database) -> None:
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival(id_key=b"1" * 32, body_key=b"a" * 32)])
        assert deliveries.add(tx, [arrival(id_key=b"1" * 32, body_key=b"b" * 32)]) == 1
        assert deliveries.add(tx, [arrival(id_key=b"2" * 32, body_key=b"a" * 32)]) == 1
        assert deliveries.add(tx, [arrival(id_key=b"2" * 32, body_key=b"b" * 32)]) == 0
    assert [each.duplicates for each in stored(inbox)] == [2, 0]


def test_handlers_do_not_share_keys(inbox: Database) -> None:
    with inbox.transaction() as tx:
        assert deliveries.add(tx, [arrival(handler_id=each, id_key=b"k" * 32) for each in (1, 2)]) == 0


def test_without_keys_nothing_is_a_duplicate(inbox: Database) -> None:
    with inbox.transaction() as tx:
        assert deliveries.add(tx, [arrival(), arrival()]) == 0
        assert deliveries.add(tx, [arrival()]) == 0
    assert len(stored(inbox)) == 3


def test_duplicates_within_one_group_are_counted_beside_new_ones(inbox: Database) -> None:
    one, two, three = (bytes([number]) * 32 for number in (1, 2, 3))
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival(id_key=one)])
        assert deliveries.add(tx, [arrival(id_key=key) for key in (two, one, two, three, one)]) == 3
    assert [each.duplicates for each in stored(inbox)] == [2, 1, 0]


def test_a_group_is_stored_with_one_statement(server_inbox: Database) -> None:
    with server_inbox.transaction() as tx:
        before = inserts(tx)
        deliveries.add(tx, [arrival(id_key=bytes([number]) * 32) for number in range(100)])
        assert inserts(tx) == before + 1


def test_a_listing_goes_from_newest_to_oldest_page_by_page(inbox: Database) -> None:
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival(body=b"x" * number) for number in range(1, 8)])
        first = deliveries.listing(tx, limit=3)
        second = deliveries.listing(tx, limit=3, before_id=first[-1].delivery_id)
    assert [each.size for each in first + second] == [7, 6, 5, 4, 3, 2]
    assert {each.body for each in first} == {b""}
    assert {each.headers for each in first} == {()}


def test_a_listing_can_be_of_one_status_and_one_handler(inbox: Database) -> None:
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival(handler=name) for name in ("Shop", "Form", "Shop", "shop")])
        deliveries.discard(tx, [3], 1_800_000_000_000)
        assert [each.delivery_id for each in deliveries.listing(tx, handler="Shop")] == [3, 1]
        assert [each.delivery_id for each in deliveries.listing(tx, status="pending")] == [4, 2, 1]
        assert [each.delivery_id for each in deliveries.listing(tx, status="pending", handler="Shop")] == [1]
        assert deliveries.listing(tx, status="failed") == []


def test_deliveries_are_counted_by_status(inbox: Database) -> None:
    with inbox.transaction() as tx:
        assert deliveries.counts(tx) == {"pending": 0, "done": 0, "failed": 0, "ignored": 0, "discarded": 0}
        deliveries.add(tx, [arrival(), arrival(), arrival()])
        deliveries.discard(tx, [1], 1_800_000_000_000)
        assert deliveries.counts(tx) == {"pending": 2, "done": 0, "failed": 0, "ignored": 0, "discarded": 1}


def test_the_oldest_pending_delivery_tells_how_long_the_inbox_waits(inbox: Database) -> None:
    with inbox.transaction() as tx:
        assert deliveries.oldest_pending(tx) is None
        deliveries.add(tx, [arrival(received_at=1_000), arrival(received_at=2_000)])
        assert deliveries.oldest_pending(tx) == 1_000
        deliveries.discard(tx, [1], 1_800_000_000_000)
        assert deliveries.oldest_pending(tx) == 2_000
