"""Refused requests: kept for the doctor in a file and never in the database; and who may come from where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.databases import TikiDatabase
from tikisync.config import HandlerSettings
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request
from tikisync.core.verification import Handler, sign
from tikisync.inbox import refusals
from tikisync.inbox.refusals import Refusals
from tikisync.pipeline.answering import Answer
from tikisync.pipeline.receive import Receiver
from tikisync.tiki import handlers

OFFICE = (ip_network("198.51.100.0/24"),)


@pytest.fixture(params=["tiki", "sqlite_tiki"])
def site(request: pytest.FixtureRequest) -> TikiDatabase:
    database: TikiDatabase = request.getfixturevalue(request.param)
    return database


def forge(site: TikiDatabase) -> Handler:
    with site.transaction() as tx:
        return next(each for each in handlers.load(tx) if each.name == "Forge")


def request(*headers: tuple[str, str], body: bytes = b"{}", client_ip: str = "192.0.2.10") -> Request:
    encoded = tuple((name.lower().encode(), value.encode()) for name, value in headers)
    return Request("POST", "/tiki-webhooks.php", "", encoded, body, 1_700_000_000_123, client_ip)


def rows(site: TikiDatabase) -> dict[str, int]:
    with site.transaction() as tx:
        names = [f"tikisync_{name}" for name in ("deliveries", "order_keys", "attempts", "versions")]
        return {name: int(tx.value(f"SELECT COUNT(*) FROM {name}")) for name in names}


def test_what_is_refused_is_kept_in_the_file_and_nothing_of_it_in_the_database(
    site: TikiDatabase, tmp_path: Path
) -> None:
    before = rows(site)
    kept = Refusals(tmp_path / "refused", 10)
    wrong = request(("X-Signature", "0" * 64), ("Authorization", "Bearer letmein"))
    answers = Receiver(site, {}, {}, refusals=kept).receive([wrong, request()])
    kept.write()
    assert {answer.status for answer in answers} == {403}
    found = refusals.stored(tmp_path / "refused")
    assert sorted(each.refused.reason for each in found) == ["no_signature_header", "wrong_signature"]
    assert "letmein" not in (tmp_path / "refused").read_text()
    assert rows(site) == before


def test_neither_accepted_requests_nor_a_tiki_that_is_switched_off_fill_the_file(
    site: TikiDatabase, tmp_path: Path
) -> None:
    kept = Refusals(tmp_path / "refused", 10)
    receiver = Receiver(site, {}, {}, refusals=kept)
    handler = forge(site)
    assert receiver.receive([request((handler.signature_header, sign(handler, b"{}")))])[0].status == 200
    with site.admin.transaction() as tx:
        assert tx.run("UPDATE tiki_preferences SET value = 'n' WHERE name = 'auth_webhooks'")
    assert receiver.receive([request()])[0].reason == "disabled"
    kept.write()
    assert refusals.stored(tmp_path / "refused") == []


def received(site: TikiDatabase, settings: HandlerSettings, requests: Sequence[Request]) -> list[Answer]:
    return Receiver(site, {"Forge": settings}, {}).receive(requests)


def test_a_signed_request_from_elsewhere_is_refused_and_from_the_allowed_network_kept(site: TikiDatabase) -> None:
    handler = forge(site)
    sent = request((handler.signature_header, sign(handler, b"{}")))
    answers = received(site, HandlerSettings(allow=OFFICE), [sent, replace(sent, client_ip="198.51.100.3")])
    assert [(answer.status, answer.reason, answer.handler) for answer in answers] == [
        (403, "address_not_allowed", "Forge"),
        (200, "received", "Forge"),
    ]


def test_a_handshake_is_answered_only_to_allowed_addresses(site: TikiDatabase) -> None:
    settings = HandlerSettings(recipe=RECIPES["asana"], allow=OFFICE)
    shake = request(("X-Hook-Secret", "a-secret-of-the-sender"))
    answers = received(site, settings, [shake, replace(shake, client_ip="198.51.100.3")])
    assert [answer.status for answer in answers] == [403, 200]
