"""Receiving without asking first: judged by the handlers seen last, stored only as long as they stand so."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import TikiDatabase
from tests.integration.test_receive import BODY, OK, UNAUTHORIZED, change, handler, request, stored, told
from tests.integration.test_web import Site, served
from tikisync.config import HandlerSettings
from tikisync.core.requests import Request
from tikisync.core.spooled import Spooled
from tikisync.core.verification import sign
from tikisync.database.nonblocking import NonBlockingConnection
from tikisync.inbox import deliveries
from tikisync.inbox.spool import Spool
from tikisync.pipeline.answering import Answer
from tikisync.pipeline.receive import Prepared, Receiver

SETTINGS = {"Forge": HandlerSettings(delivery_id="x-id", duplicates="id")}


@pytest.fixture
def receiver(tiki: TikiDatabase) -> Receiver:
    """A receiver that has seen the handlers."""
    receiver = Receiver(tiki, SETTINGS, {})
    assert receiver.prepare([request(handler(tiki))]) is None
    for _ in range(2):
        receiver.receive([request(None)])
    return receiver


@pytest.fixture(params=[None, deliveries.ADDITION], ids=["as text", "in bulk"])
def connection(tiki: TikiDatabase, request: pytest.FixtureRequest) -> Iterator[NonBlockingConnection]:
    connection = tiki.nonblocking(request.param)
    assert connection is not None
    if request.param and not connection.takes_rows:
        connection.close()
        pytest.skip("MySQL takes no rows in bulk")
    yield connection
    connection.close()


def prepared(receiver: Receiver, connection: NonBlockingConnection, *requests: Request) -> Prepared:
    found = receiver.prepare(requests, in_bulk=connection.takes_rows)
    assert found is not None
    return found


def answered(receiver: Receiver, connection: NonBlockingConnection, group: Prepared) -> list[Answer] | None:
    """Carry out the statements; return the answers, None where they were refused."""
    assert connection.send(group.statements)
    affected: list[int | None] = []
    while not affected:
        assert select.select([connection], [], [], 20)[0]
        affected = connection.answers()
    return None if affected[0] is None else receiver.complete(group, affected[0])


def test_it_stores_and_answers_just_what_receiving_in_a_transaction_does(
    tiki: TikiDatabase, receiver: Receiver, connection: NonBlockingConnection
) -> None:
    signed = handler(tiki)

    def group(*ids: str) -> list[Request]:
        odd = request(signed, b"it's \\ \xff\x00", x_id=ids[1], x_more="it's \\ \xfc")
        return [request(signed, b'{"id": 1}', x_id=ids[0]), request(None), odd]

    answers = answered(receiver, connection, prepared(receiver, connection, *group("1", "2")))
    assert answers == receiver.receive(group("3", "4"))
    assert told(answers) == [OK, UNAUTHORIZED, OK]
    alike = [
        replace(each, delivery_id=0, headers=tuple(header for header in each.headers if header[0] != "x-id"))
        for each in stored(tiki)
    ]
    assert alike[:2] == alike[2:]
    assert alike[1].headers[0] == ("x-more", "it's \\ \xfc")


def test_duplicates_are_counted_and_answered_like_the_first(
    tiki: TikiDatabase, receiver: Receiver, connection: NonBlockingConnection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    one = request(handler(tiki), x_id="1")
    for _ in range(2):
        assert told(answered(receiver, connection, prepared(receiver, connection, one, one)) or []) == [OK, OK]
    [delivery] = stored(tiki)
    assert delivery.duplicates == 3
    facts = [vars(record)["facts"] for record in caplog.records if record.message == "delivery.received"]
    assert [each["duplicates"] for each in facts] == [1, 2]


def new_secret(tiki: TikiDatabase) -> None:
    change(tiki, "UPDATE tiki_webhooks SET secret = 'another'")


def switch_off(tiki: TikiDatabase) -> None:
    change(tiki, "UPDATE tiki_preferences SET value = 'n' WHERE name = 'auth_webhooks'")


def no_user(tiki: TikiDatabase) -> None:
    change(tiki, "DELETE FROM users_users WHERE login = :login", login=handler(tiki).user)


def no_handlers(tiki: TikiDatabase) -> None:
    change(tiki, "DELETE FROM tiki_webhooks")


@pytest.mark.parametrize("edit", [new_secret, switch_off, no_user, no_handlers])
@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "unsigned"])
def test_nothing_is_stored_or_refused_by_handlers_that_have_changed_meanwhile(
    tiki: TikiDatabase,
    receiver: Receiver,
    connection: NonBlockingConnection,
    edit: Callable[[TikiDatabase], None],
    is_signed: bool,
) -> None:
    signed = handler(tiki)
    before = prepared(receiver, connection, request(signed, x_id="1"))
    group = prepared(receiver, connection, request(signed if is_signed else None, x_id="2"))
    assert told(answered(receiver, connection, before) or []) == [OK]
    edit(tiki)
    assert answered(receiver, connection, group) is None
    assert len(stored(tiki)) == 1


def test_handlers_that_changed_are_looked_at_as_they_are_from_then_on(
    tiki: TikiDatabase, receiver: Receiver, connection: NonBlockingConnection
) -> None:
    assert answered(receiver, connection, prepared(receiver, connection, request(handler(tiki), x_id="1")))
    new_secret(tiki)
    receiver.receive([request(None)])
    receiver.receive([request(None)])
    group = prepared(receiver, connection, request(handler(tiki), x_id="2"))
    assert told(answered(receiver, connection, group) or []) == [OK]
    assert len(stored(tiki)) == 2


def test_a_look_that_fails_is_not_taken_for_that_of_the_group_before(
    tiki: TikiDatabase, receiver: Receiver, connection: NonBlockingConnection
) -> None:
    signed = handler(tiki)
    assert told(answered(receiver, connection, prepared(receiver, connection, request(signed, x_id="1"))) or []) == [OK]
    group = prepared(receiver, connection, request(signed, x_id="2"))
    broken = replace(group, statements=["SELECT nothing FROM nowhere", group.statements[1]])
    assert answered(receiver, connection, broken) is None
    assert len(stored(tiki)) == 1


def test_with_webhooks_off_that_is_what_is_said(
    tiki: TikiDatabase, receiver: Receiver, connection: NonBlockingConnection
) -> None:
    switch_off(tiki)
    for _ in range(2):
        receiver.receive([request(None)])
    group = prepared(receiver, connection, request(handler(tiki)))
    assert told(answered(receiver, connection, group) or []) == [(403, "Feature not enabled")]
    assert receiver.seen is None


def test_what_waits_in_the_spool_comes_first(tiki: TikiDatabase, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1_000_000)
    receiver = Receiver(tiki, SETTINGS, {}, spool=spool)
    for _ in range(2):
        receiver.receive([request(None)])
    one = request(handler(tiki))
    assert receiver.prepare([one])
    spool.add([Spooled(one, "Forge")])
    assert receiver.prepare([one]) is None


def test_a_statement_longer_than_old_servers_take_is_not_prepared(tiki: TikiDatabase, receiver: Receiver) -> None:
    signed = handler(tiki)
    assert receiver.prepare([request(signed, b"\xff" * 400_000)])
    assert receiver.prepare([request(signed, b"\xff" * 500_001)]) is None


def test_where_a_delivery_cannot_be_stored_none_of_its_group_is(
    tiki: TikiDatabase, receiver: Receiver, connection: NonBlockingConnection
) -> None:
    signed = handler(tiki)
    too_long = replace(request(signed, x_id="2"), client_ip="1" * 65)
    group = prepared(receiver, connection, request(signed, x_id="1"), too_long, request(signed, x_id="3"))
    assert answered(receiver, connection, group) is None
    assert stored(tiki) == []
    assert told(answered(receiver, connection, prepared(receiver, connection, request(signed, x_id="1"))) or []) == [OK]


class CountingReceiver(Receiver):
    """Counts the groups that it receives in a thread."""

    groups = 0

    def receive(self, requests: Sequence[Request]) -> list[Answer]:
        self.groups += 1
        return super().receive(requests)


def test_served_so_a_change_in_tikis_admin_still_counts_from_the_next_request(tiki: TikiDatabase) -> None:
    receiver = CountingReceiver(tiki, SETTINGS, {})
    told: list[bool] = []
    with served(receiver, stored=lambda: told.append(True)) as port:
        site = Site(tiki, port)
        old = site.signature
        groups = -1
        while groups != receiver.groups:  # the first ones make it see, and connect
            groups = receiver.groups
            assert site.post() == OK
            assert len(told) < 100
        assert [site.post() for _ in range(5)] == [OK] * 5
        assert receiver.groups == groups
        change(tiki, "UPDATE tiki_webhooks SET secret = 'another'")
        assert site.post() == UNAUTHORIZED
        site.signature = sign(handler(tiki), BODY)
        assert site.post() == OK
        assert receiver.groups > groups
        site.signature = old
        assert site.post() == UNAUTHORIZED
    assert sum(each.duplicates + 1 for each in stored(tiki)) == len(told)
