"""Receiving: verified by the handlers as they stand in Tiki's database, stored in the same transaction, answered."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.databases import TikiDatabase
from tikisync.config import HandlerSettings
from tikisync.core.requests import Request
from tikisync.core.verification import Handler, sign
from tikisync.database import Database, Transaction
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.answering import Answer
from tikisync.pipeline.receive import Receiver
from tikisync.tiki import handlers

BODY = b'{"id": 7, "name": "\xf0\x9f\x90\x99"}'
OK = (200, "ok")
UNAUTHORIZED = (403, "Webhook not authorized.")


@pytest.fixture(params=["tiki", "sqlite_tiki"])
def site(request: pytest.FixtureRequest) -> TikiDatabase:
    database: TikiDatabase = request.getfixturevalue(request.param)
    return database


class CountingDatabase(Database):
    """Counts its transactions."""

    transactions = 0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self.transactions += 1
        with super().transaction() as tx:
            yield tx


def counting(site: Database) -> CountingDatabase:
    return CountingDatabase(site._url)


def handler(site: Database, name: str = "Forge") -> Handler:
    with site.transaction() as tx:
        return next(each for each in handlers.load(tx) if each.name == name)


def request(signed_for: Handler | None, body: bytes = BODY, **more: str) -> Request:
    headers = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in more.items()]
    if signed_for:
        headers.append((signed_for.header, sign(signed_for, body).encode()))
    return Request("POST", "/tiki-webhooks.php", "a=1", tuple(headers), body, 1_700_000_000_123, "192.0.2.10")


def received(site: Database, *requests: Request, **settings: HandlerSettings) -> list[Answer]:
    return Receiver(site, settings, {}).receive(requests)


def told(answers: list[Answer]) -> list[tuple[int, str]]:
    return [(answer.status, answer.text) for answer in answers]


def stored(site: Database) -> list[Delivery]:
    with site.transaction() as tx:
        found = [deliveries.get(tx, each.delivery_id) for each in deliveries.listing(tx, limit=1000)]
    return [each for each in reversed(found) if each]


def change(site: TikiDatabase, sql: str, **parameters: object) -> None:
    with site.admin.transaction() as tx:
        assert tx.run(sql, **parameters)


def test_a_signed_request_is_stored_whole_and_answered_as_tiki_does(site: TikiDatabase) -> None:
    sent = request(handler(site), x_odd="caf\xe9", content_type="application/json")
    [answer] = received(site, sent)
    assert answer == Answer(200, "ok", "received", "Forge")
    [kept] = stored(site)
    assert (kept.handler, kept.user, kept.status, kept.attempts) == ("Forge", "second", "pending", 0)
    assert (kept.received_at, kept.method, kept.path, kept.query) == (
        1_700_000_000_123, "POST", "/tiki-webhooks.php", "a=1",
    )  # fmt: skip
    assert (kept.client_ip, kept.body, kept.duplicates) == ("192.0.2.10", BODY, 0)
    assert dict(kept.headers)["x-odd"] == "caf\xe9"
    assert dict(kept.headers)["x-signature"] == sign(handler(site), BODY)


@pytest.mark.parametrize("name", ["Shop", "Forge", "Bank", "Forge two"])
def test_every_handler_of_the_recorded_tiki_is_served(site: TikiDatabase, name: str) -> None:
    [answer] = received(site, request(handler(site, name)))
    assert (told([answer]), answer.handler) == ([OK], name)


def test_a_group_shares_one_transaction_and_each_request_gets_its_own_answer(site: TikiDatabase) -> None:
    forge, shop = handler(site), handler(site, "Shop")
    forged = replace(request(forge), body=b"altered")
    database = counting(site)
    answers = received(database, request(forge), forged, request(shop), request(None), request(forge, b"another"))
    database.close()
    assert told(answers) == [OK, UNAUTHORIZED, OK, UNAUTHORIZED, OK]
    assert [answer.reason for answer in answers] == [
        "received", "wrong_signature", "received", "no_signature_header", "received",
    ]  # fmt: skip
    assert [each.body for each in stored(site)] == [BODY, BODY, b"another"]
    assert database.transactions == 1


@pytest.mark.parametrize("value", ["n", "", "1", "Y", "yes", None])
def test_with_the_switch_off_in_tiki_nobody_is_verified(site: TikiDatabase, value: str | None) -> None:
    change(site, "UPDATE tiki_preferences SET value = :value WHERE name = 'auth_webhooks'", value=value)
    [answer] = received(site, request(handler(site)))
    assert answer == Answer(403, "Feature not enabled", "disabled")
    assert stored(site) == []


@pytest.mark.parametrize(("forced", "status"), [("n", 403), ("y", 200)])
def test_what_tikis_system_configuration_forces_stands_above_the_switch(
    site: TikiDatabase, forced: str, status: int
) -> None:
    other = {"y": "n", "n": "y"}[forced]
    change(site, "UPDATE tiki_preferences SET value = :v, name = 'auth_webhooks' WHERE name = 'auth_webhooks'", v=other)
    [answer] = Receiver(site, {}, {"auth_webhooks": forced}).receive([request(handler(site))])
    assert answer.status == status


def test_a_handler_changed_in_tiki_counts_from_the_next_request_on(site: TikiDatabase) -> None:
    old = handler(site)
    new = replace(old, secret="renewed é")
    receiver = Receiver(site, {}, {})
    assert told(receiver.receive([request(old)])) == [OK]
    change(site, "UPDATE tiki_webhooks SET secret = :secret WHERE name = 'Forge'", secret=new.secret)
    assert told(receiver.receive([request(old), request(new)])) == [UNAUTHORIZED, OK]
    change(site, "DELETE FROM tiki_webhooks WHERE name = 'Forge'")
    assert told(receiver.receive([request(new)])) == [UNAUTHORIZED]
    change(site, "DELETE FROM tiki_webhooks")
    assert receiver.receive([request(new)])[0].reason == "no_handlers"


@pytest.mark.parametrize("user", ["SECOND", "second ", "nobody at all", ""])
def test_a_handler_whose_user_is_not_exactly_in_tiki_is_refused(site: TikiDatabase, user: str) -> None:
    change(site, "UPDATE tiki_webhooks SET `user` = :user WHERE name = 'Forge'", user=user)
    [answer] = received(site, request(handler(site)))
    assert (told([answer]), answer.reason, answer.handler) == ([UNAUTHORIZED], "user_missing", "Forge")
    assert stored(site) == []


def test_users_are_found_whatever_the_collations_of_the_two_tables(tiki: TikiDatabase) -> None:
    with tiki.admin.transaction() as tx:
        tx.run("ALTER TABLE users_users CONVERT TO CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci")
    assert told(received(tiki, request(handler(tiki)))) == [OK]


def test_the_order_of_the_ids_decides_between_equal_handlers(site: TikiDatabase) -> None:
    change(site, "UPDATE tiki_webhooks SET secret = 'forge-secret' WHERE name = 'Forge two'")
    assert received(site, request(handler(site, "Forge two")))[0].handler == "Forge"


class TestDuplicates:
    def test_a_request_sent_again_is_welcome_kept_once_and_counted(self, site: TikiDatabase) -> None:
        sent = request(handler(site))
        assert told(received(site, sent)) == [OK]
        assert told(received(site, sent, sent)) == [OK, OK]
        [kept] = stored(site)
        assert kept.duplicates == 2

    def test_within_one_group_too(self, site: TikiDatabase) -> None:
        sent = request(handler(site))
        assert told(received(site, sent, sent)) == [OK, OK]
        assert [each.duplicates for each in stored(site)] == [1]

    def test_the_same_body_for_two_handlers_is_no_duplicate(self, site: TikiDatabase) -> None:
        assert told(received(site, request(handler(site)), request(handler(site, "Forge two")))) == [OK, OK]
        assert [each.handler for each in stored(site)] == ["Forge", "Forge two"]

    def test_a_known_delivery_id_is_a_duplicate_whatever_the_body(self, site: TikiDatabase) -> None:
        forge = handler(site)
        by_id = HandlerSettings(delivery_id="x-delivery", duplicates="id")
        first, again = (request(forge, body, x_delivery="1") for body in (b"one", b"two"))
        other = request(forge, b"one", x_delivery="2")
        assert told(received(site, first, again, other, Forge=by_id)) == [OK] * 3
        assert [(each.body, each.duplicates) for each in stored(site)] == [(b"one", 1), (b"one", 0)]

    def test_a_new_delivery_id_does_not_make_a_known_body_new_unless_allowed(self, site: TikiDatabase) -> None:
        forge = handler(site)
        both = HandlerSettings(delivery_id="x-delivery", duplicates="id+body")
        received(site, request(forge, x_delivery="1"), request(forge, x_delivery="2"), Forge=both)
        assert [each.duplicates for each in stored(site)] == [1]

    def test_where_they_are_accepted_each_is_kept(self, site: TikiDatabase) -> None:
        sent = request(handler(site))
        received(site, sent, sent, Forge=HandlerSettings(duplicates="accept"))
        assert [each.duplicates for each in stored(site)] == [0, 0]


class TestTrouble:
    @pytest.mark.parametrize("url", ["mysql+pymysql://nobody@127.0.0.1:1/tiki", "sqlite:////nowhere/at/all.db"])
    def test_with_the_database_away_everybody_is_told_to_come_back(self, url: str, sqlite_tiki: TikiDatabase) -> None:
        sent = request(handler(sqlite_tiki))
        answers = received(Database(url), sent, sent)
        assert {answer.status for answer in answers} == {503}

    def test_a_connection_that_died_meanwhile_is_replaced_at_once(self, tiki: TikiDatabase) -> None:
        database = counting(tiki)
        with database.transaction() as tx:
            connection = tx.value("SELECT CONNECTION_ID()")
        with tiki.transaction() as tx:
            tx.run(f"KILL {connection}")
        assert told(received(database, request(handler(tiki)))) == [OK]
        database.close()
        assert database.transactions == 3
        assert len(stored(tiki)) == 1

    def test_what_the_database_cannot_hold_fails_alone(self, tiki: TikiDatabase) -> None:
        forge = handler(tiki)
        group = [request(forge, b"%d" % number) for number in range(9)]
        group[4] = replace(group[4], path="/webhooks/" + "x" * 70_000)
        database = counting(tiki)
        answers = received(database, *group)
        database.close()
        assert told(answers) == [OK] * 4 + [(400, "This webhook cannot be stored.")] + [OK] * 4
        assert [each.body for each in stored(tiki)] == [b"%d" % number for number in range(9) if number != 4]
        assert database.transactions < 9, "halves are tried, not each request by itself"

    def test_a_bug_met_by_one_request_does_not_harm_the_others(
        self, site: TikiDatabase, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Buggy(dict[str, HandlerSettings]):
            def get(self, key: str, default: object = None) -> HandlerSettings:
                if key == "Shop":
                    raise ZeroDivisionError
                return HandlerSettings()

        sent = [request(handler(site, name)) for name in ("Forge", "Shop", "Bank")]
        answers = Receiver(site, Buggy(), {}).receive(sent)
        assert told(answers) == [OK, (500, "Internal error."), OK]
        assert [each.handler for each in stored(site)] == ["Forge", "Bank"]
        assert any(record.exc_info for record in caplog.records)

    @pytest.mark.parametrize("table", ["tikisync_deliveries", "tiki_webhooks"])
    def test_a_missing_table_is_our_own_trouble_and_found_out_once_for_the_group(
        self, site: TikiDatabase, table: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        sent = request(handler(site))
        with site.admin.transaction() as tx:
            tx.run(f"DROP TABLE {table}")
        database = counting(site)
        assert told(received(database, sent, sent, sent)) == [(503, "Temporarily unavailable.")] * 3
        database.close()
        assert database.transactions == 1
        assert [facts(record)["reason"] for record in caplog.records] == ["database_incomplete"]


def facts(record: logging.LogRecord) -> Mapping[str, object]:
    found: Mapping[str, object] = vars(record)["facts"]
    return found


def test_the_log_says_what_was_received_and_why_others_were_refused_but_no_secret(
    site: TikiDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "tikisync")
    forge = handler(site)
    received(site, request(forge), request(forge), *[replace(request(forge), body=b"altered")] * 3)
    told_by = {record.getMessage(): facts(record) for record in caplog.records}
    assert told_by["delivery.received"] == {"count": 2, "duplicates": 1, "handlers": "Forge"}
    refused = told_by["delivery.refused"]
    assert (refused["reason"], refused["handler"], refused["client_ip"]) == ("wrong_signature", "Forge", "192.0.2.10")
    assert refused["count"] == 3
    shown = repr([vars(record) for record in caplog.records])
    assert not [hidden for hidden in (forge.secret, sign(forge, BODY), "altered", '"id": 7') if hidden in shown]
