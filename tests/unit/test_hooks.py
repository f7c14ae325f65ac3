"""The senders' endpoint, spoken to in ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.config import DoorSettings
from tikisync.core.door import Rate
from tikisync.core.recipes.handshakes import HandshakeAnswer
from tikisync.core.requests import Network, Request
from tikisync.pipeline.answering import METHOD_NOT_ALLOWED, Answer
from tikisync.web.door import Door
from tikisync.web.group_commit import BUSY, GroupCommit
from tikisync.web.hooks import MAX_HEADERS, HookEndpoint

Headers = Sequence[tuple[bytes, bytes]]

RECEIVED = Answer(200, "ok", "received")


SCOPE: dict[str, Any] = {
    "type": "http", "method": "POST", "path": "/tiki-webhooks.php", "query_string": b"", "headers": [], "client": None,
}  # fmt: skip


class Sender:
    """A request whose body comes piece by piece."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.status = 0

    async def bring(self, chunk: bytes, *, more: bool = False) -> None:
        await self.messages.put({"type": "http.request", "body": chunk, "more_body": more})
        while not self.messages.empty():
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)


def post(
    *chunks: bytes,
    method: str = "POST",
    path: str = "/tiki-webhooks.php",
    headers: Headers = (),
    peer: str | None = "192.0.2.10",
    body_limit: int = 100,
    memory: int = 1000,
    trusted_proxies: Sequence[Network] = (),
    answer: Answer = RECEIVED,
    gone: bool = False,
    door: Door | None = None,
    allowed: Callable[[str], bool] = "POST".__eq__,
) -> tuple[list[Request], int, dict[bytes, bytes], bytes]:
    """Return what the receiver got, and the answer's status, headers and body."""
    received: list[Request] = []
    sent: list[Any] = []
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) or gone}
        for number, chunk in enumerate(chunks or (b"",), 1)
    ]
    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"a=%20", "headers": list(headers),
        "client": peer and (peer, 4711),
    }  # fmt: skip

    def receive_all(requests: Sequence[Request]) -> Sequence[Answer]:
        received.extend(requests)
        return [answer] * len(requests)

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def scenario() -> None:
        group = GroupCommit(receive_all)
        endpoint = HookEndpoint(
            group, body_limit=body_limit, memory=memory, trusted_proxies=trusted_proxies, door=door, allowed=allowed
        )
        group.start()
        await endpoint(scope, receive, send)
        await group.stop()

    asyncio.run(scenario())
    if not sent:
        return received, 0, {}, b""
    assert [message["type"] for message in sent[:2]] == ["http.response.start", "http.response.body"]
    assert not sent[-1].get("more_body", False)
    body = b"".join(message["body"] for message in sent[1:])
    assert len(body) == int(dict(sent[0]["headers"])[b"content-length"])
    return received, sent[0]["status"], dict(sent[0]["headers"]), body


def test_a_request_reaches_the_receiver_whole() -> None:
    headers = [(b"x-signature", b"c0ffee"), (b"x-signature", b" twice")]
    [request], status, _, body = post(b'{"a"', b": 1}", headers=headers)
    assert (status, body) == (200, b"ok")
    assert request.body == b'{"a": 1}'
    assert request.headers == tuple(headers)
    assert (request.method, request.path, request.query) == ("POST", "/tiki-webhooks.php", "a=%20")
    assert (request.client_ip, request.handler_name) == ("192.0.2.10", None)
    assert request.received_at > 1_700_000_000_000


@pytest.mark.parametrize(
    ("path", "handler_name"),
    [("/webhooks/Shop", "Shop"), ("/webhooks/Forge two", "Forge two"), ("/webhooks/ä/b", "ä/b")],
)
def test_a_path_below_webhooks_names_the_handler(path: str, handler_name: str) -> None:
    [request], *_ = post(path=path)
    assert request.handler_name == handler_name


@pytest.mark.parametrize("path", ["/", "/webhooks", "/webhooks/", "/tiki-webhooks.php/", "/tiki-webhooks.phpx", "/x"])
def test_other_paths_are_not_the_endpoints(path: str) -> None:
    assert not HookEndpoint.serves(path)


@pytest.mark.parametrize("path", ["/tiki-webhooks.php", "/webhooks/Shop", "/webhooks/ä/b"])
def test_the_endpoint_knows_its_paths(path: str) -> None:
    assert HookEndpoint.serves(path)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "post"])
def test_only_post_is_allowed(method: str) -> None:
    received, status, headers, _ = post(method=method)
    assert (received, status, headers[b"allow"]) == ([], 405, b"POST")


def test_another_method_is_received_where_it_is_allowed() -> None:
    [request], status, *_ = post(method="GET", allowed="GET".__eq__)
    assert (request.method, status) == ("GET", 200)
    assert post(method="HEAD", allowed="GET".__eq__)[:2] == ([], 405)
    assert post(allowed="GET".__eq__)[1] == 200


def test_a_handshake_is_answered_with_what_its_sender_expects_and_nothing_to_guess_from() -> None:
    shaken = HandshakeAnswer(b"{}", "application/json", ((b"x-hook-secret", b"abc"),))
    _, status, headers, body = post(answer=Answer(200, "", "handshake", "Shop", shaken))
    assert (status, body, headers[b"content-type"], headers[b"x-hook-secret"]) == (
        200, b"{}", b"application/json", b"abc",
    )  # fmt: skip
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_what_turned_out_to_be_no_handshake_is_told_as_any_method_that_is_not_allowed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, status, headers, _ = post(method="GET", allowed="GET".__eq__, answer=METHOD_NOT_ALLOWED)
    assert (status, headers[b"allow"]) == (405, b"POST")
    assert [vars(record)["facts"]["reason"] for record in caplog.records] == ["method"]


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    [request], status, *_ = post(b"x" * 60, b"y" * 40)
    assert (status, len(request.body)) == (200, 100)


def test_a_body_over_the_limit_is_refused_while_it_streams() -> None:
    received, status, headers, _ = post(b"x" * 60, b"y" * 41, b"z" * 1000)
    assert (received, status, headers[b"connection"]) == ([], 413, b"close")


@pytest.mark.parametrize("length", [b"101", b"9" * 5000, b"0101"])
def test_a_declared_length_over_the_limit_is_refused_before_the_body(length: bytes) -> None:
    received, status, *_ = post(headers=[(b"content-length", length)])
    assert (received, status) == ([], 413)


@pytest.mark.parametrize("length", [b"", b"-5", b"1e9", b"\xb2"])
def test_a_declared_length_that_is_no_number_is_not_believed(length: bytes) -> None:
    assert post(b"x" * 101, headers=[(b"content-length", length)])[1] == 413
    assert post(b"x", headers=[(b"content-length", length)])[1] == 200


def test_more_body_than_memory_for_all_together_is_told_to_come_back() -> None:
    received, status, headers, _ = post(b"x" * 60, b"y" * 40, memory=99)
    assert (received, status, headers[b"retry-after"]) == ([], 503, b"15")


def test_bodies_that_dribble_make_room_for_those_that_come() -> None:
    received: list[Request] = []
    slow, quick = Sender(), Sender()

    def receive_all(requests: Sequence[Request]) -> Sequence[Answer]:
        received.extend(requests)
        return [RECEIVED] * len(requests)

    async def scenario() -> None:
        group = GroupCommit(receive_all)
        endpoint = HookEndpoint(group, body_limit=100, memory=100)
        group.start()
        dribbling = asyncio.create_task(endpoint(SCOPE, slow.messages.get, slow.send))
        await slow.bring(b"x" * 60, more=True)
        growing = asyncio.create_task(endpoint(SCOPE, quick.messages.get, quick.send))
        await quick.bring(b"y" * 60, more=True)
        await quick.bring(b"y" * 40)
        await growing
        await slow.bring(b"x")
        await slow.messages.put({"type": "http.disconnect"})
        await dribbling
        await group.stop()
        assert endpoint._held == 0

    asyncio.run(scenario())
    assert [each.body for each in received] == [b"y" * 100]
    assert (slow.status, quick.status) == (503, 200)


def test_too_many_headers_are_refused() -> None:
    assert post(headers=[(b"x", b"")] * MAX_HEADERS)[1] == 200
    received, status, *_ = post(headers=[(b"x", b"")] * (MAX_HEADERS + 1))
    assert (received, status) == ([], 431)


def test_a_sender_that_leaves_before_its_body_is_whole_is_not_received() -> None:
    received, status, *_ = post(b"half", gone=True)
    assert (received, status) == ([], 0)


@pytest.mark.parametrize(
    ("reason", "refused"),
    [
        ("method", {"method": "GET"}),
        ("body_too_large", {"body_limit": 0}),
        ("too_many_headers", {"headers": [(b"x", b"")] * (MAX_HEADERS + 1)}),
        ("busy", {"memory": 0}),
        ("busy", {"answer": BUSY}),
    ],
)
def test_the_log_says_why_a_request_was_refused(
    reason: str, refused: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    post(b"private", **refused)
    [record] = caplog.records
    facts = vars(record)["facts"]
    assert (record.getMessage(), facts["reason"], facts["peer"]) == ("request.refused", reason, "192.0.2.10")
    assert "private" not in repr(facts)


def test_trouble_says_when_to_come_back() -> None:
    _, status, headers, body = post(answer=Answer(503, "Temporarily unavailable.", "database_away"))
    assert (status, headers[b"retry-after"], body) == (503, b"15", b"Temporarily unavailable.")


def test_behind_a_trusted_proxy_the_client_is_the_forwarded_address() -> None:
    headers = [(b"x-forwarded-for", b"192.0.2.66"), (b"x-forwarded-for", b"198.51.100.1, 10.0.0.2")]
    proxies = [ip_network("10.0.0.0/8")]
    [behind], *_ = post(headers=headers, peer="10.0.0.1", trusted_proxies=proxies)
    [direct], *_ = post(headers=headers, peer="192.0.2.10", trusted_proxies=proxies)
    assert (behind.client_ip, direct.client_ip) == ("198.51.100.1", "192.0.2.10")


def test_a_peer_without_an_address_has_none() -> None:
    [request], *_ = post(peer=None)
    assert request.client_ip == ""


@given(st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=30)), max_size=10), st.binary(max_size=120))
def test_arbitrary_headers_and_bodies_are_answered(headers: Headers, body: bytes) -> None:
    received, status, *_ = post(body, headers=headers, trusted_proxies=[ip_network("0.0.0.0/0")])
    assert status in (200, 413)
    assert (status == 200) == (len(received) == 1)


def test_whoever_comes_too_often_is_told_when_to_come_again_and_reaches_nothing() -> None:
    door = Door(DoorSettings(per_address=Rate(1, 40)), lambda: 0.0)
    forwarded = [(b"x-forwarded-for", b"198.51.100.7")]
    proxies = [ip_network("192.0.2.0/24")]
    assert post(b"{}", headers=forwarded, trusted_proxies=proxies, door=door)[1] == 200
    received, status, headers, body = post(b"{}", headers=forwarded, trusted_proxies=proxies, door=door)
    assert (received, status, headers[b"retry-after"], body) == ([], 429, b"40", b"Too many requests.")
    assert post(b"{}", trusted_proxies=proxies, door=door)[1] == 200


def test_a_handler_in_the_path_has_a_rate_of_its_own() -> None:
    door = Door(DoorSettings(per_handler=Rate(1, 40)), lambda: 0.0)
    assert [post(path=path, door=door)[1] for path in ("/webhooks/A", "/webhooks/A", "/tiki-webhooks.php")] == [
        200,
        429,
        200,
    ]
