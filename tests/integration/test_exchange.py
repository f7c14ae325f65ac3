"""The short way of ordinary requests and the long way of the others, over one connection and in turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.test_receive import BODY, stored
from tests.integration.test_web import Site, everything, one_answer, served
from tikisync.config import DoorSettings
from tikisync.core.door import Rate
from tikisync.database import Database
from tikisync.web.hooks import HookEndpoint


@pytest.fixture
def site(sqlite_tiki: Database) -> Iterator[Site]:
    with served(sqlite_tiki) as port:
        yield Site(sqlite_tiki, port)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that went the short way."""
    bodies: list[bytes] = []
    take = HookEndpoint.take

    def noting(self: HookEndpoint, *taken: Any) -> None:
        bodies.append(taken[3])
        take(self, *taken)

    monkeypatch.setattr(HookEndpoint, "take", noting)
    return bodies


def chunked(site: Site) -> bytes:
    head = f"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\nX-Signature: {site.signature}\r\n"
    return f"{head}Transfer-Encoding: chunked\r\n\r\n{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"


def test_ordinary_requests_go_the_short_way_whole_or_in_pieces(site: Site, short: list[bytes]) -> None:
    with site.connect() as connection:
        for packets in ([site.request()], [site.request()[:-5], site.request()[-5:]], [site.request(signature="x")]):
            for packet in packets:
                connection.sendall(packet)
            status = b"403" if packets == [site.request(signature="x")] else b"200"
            assert one_answer(connection).startswith(b"HTTP/1.1 " + status)
    assert short == [BODY] * 3
    [kept] = stored(site.database)
    assert (kept.body, kept.path, kept.client_ip, kept.duplicates) == (BODY, "/tiki-webhooks.php", "127.0.0.1", 1)


def test_others_go_the_long_way_and_are_told_the_same(site: Site, short: list[bytes]) -> None:
    ordinary = site.request()
    others = [
        chunked(site),
        ordinary.replace(b"/tiki-webhooks.php ", b"/tiki%2Dwebhooks.php "),
        ordinary.replace(b".php ", b".php?a=b#c "),
        ordinary.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue"),
    ]
    for request in others:
        with site.connect() as connection:
            connection.sendall(request)
            assert b"HTTP/1.1 200" in one_answer(connection)  # after a 100, where that was asked for
    assert short == []


def test_pipelined_requests_are_answered_in_their_order_whichever_way_they_go(site: Site, short: list[bytes]) -> None:
    last = site.request().replace(b"Host: x", b"Host: x\r\nConnection: close")
    with site.connect() as connection:
        connection.sendall(site.request() + site.request(signature="forged") + chunked(site) + site.request() + last)
        answers = everything(connection)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"403", b"200", b"200", b"200"]
    assert short == [BODY]


def test_whoever_comes_too_often_is_told_so_and_sent_away(sqlite_tiki: Database, short: list[bytes]) -> None:
    with served(sqlite_tiki, door=DoorSettings(per_address=Rate(1, 40))) as port:
        site = Site(sqlite_tiki, port)
        assert site.post() == (200, "ok")
        with site.connect() as connection:
            connection.sendall(site.request())
            told = everything(connection)
    assert told.startswith(b"HTTP/1.1 429") and b"\r\nretry-after: 40\r\n" in told
    assert len(short) == 2
    assert [each.body for each in stored(sqlite_tiki)] == [BODY]


def test_an_answer_to_a_sender_that_has_gone_harms_nobody(site: Site, short: list[bytes]) -> None:
    for _ in range(5):
        with site.connect() as connection:
            connection.sendall(site.request())
    assert site.post() == (200, "ok")
    assert len(short) == 6
