"""The endpoint that senders post to: plain ASGI, because every request object would cost more than the work itself."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TypeAlias

from starlette.types import Message, Receive, Scope, Send

from tikisync.config import DoorSettings
from tikisync.core.recipes.handshakes import HandshakeAnswer
from tikisync.core.requests import TIKI_PATH, Network, Request, client_address, handler_in
from tikisync.logs import event
from tikisync.pipeline.receive import METHOD_NOT_ALLOWED, Answer
from tikisync.web.door import Door
from tikisync.web.group_commit import BUSY, GroupCommit

log = logging.getLogger(__name__)

Headers: TypeAlias = "tuple[tuple[bytes, bytes], ...]"

MAX_HEADERS = 100  # as many as Apache takes by default
RETRY_AFTER = 15  # seconds
DRAINED_FOR = 2.0  # seconds in which the rest of a refused body is read and dropped

TOO_MANY = Answer(429, "Too many requests.", "too_many_requests")
TOO_LARGE = Answer(413, "The body is too large.", "body_too_large")
TOO_MANY_HEADERS = Answer(431, "There are too many headers.", "too_many_headers")


class _Body:
    """A body on its way in, by pieces; ``size`` is what it holds in bytes until it is dropped."""

    __slots__ = ("chunks", "is_dropped", "size")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.size = 0
        self.is_dropped = False

    def whole(self) -> bytes:
        """Return the body, and keep its pieces no longer."""
        chunks, self.chunks = self.chunks, []
        return b"".join(chunks)


class HookEndpoint:
    """Reads requests within bounds, has them received in groups, and sends the answers.

    ``body_limit`` bounds one body and ``memory`` all that are held at a time, both in bytes; ``allowed`` tells whether
    requests of a method are received at all; the ``door`` lets only so many in. Nothing but the address, the method,
    the path and the headers' number is looked at before verification.
    """

    def __init__(
        self,
        group: GroupCommit,
        *,
        body_limit: int = 1 << 20,
        memory: int = 64 << 20,
        trusted_proxies: Sequence[Network] = (),
        allowed: Callable[[str], bool] = "POST".__eq__,
        door: Door | None = None,
    ) -> None:
        self._group = group
        self._body_limit = body_limit
        self._memory = memory
        self._trusted_proxies = trusted_proxies
        self._allowed = allowed
        self._door = door or Door(DoorSettings())
        self._held = 0
        self._growing: dict[_Body, None] = {}  # the one that began first stands first
        self._receipts = map(f"{secrets.token_hex(8)}-{{}}".format, itertools.count())

    @staticmethod
    def serves(path: str) -> bool:
        """Tell whether a path is this endpoint's."""
        return path == TIKI_PATH or handler_in(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI 3)."""
        headers: Headers = tuple(scope["headers"])  # as they stand now: trailers are no headers
        if seconds := self._door.wait(self._client_ip(scope, headers), handler_in(scope["path"])):
            await _refuse(TOO_MANY, scope, receive, send, seconds)
        elif scope["method"] != "POST" and not self._allowed(scope["method"]):
            await _refuse(METHOD_NOT_ALLOWED, scope, receive, send)
        elif len(headers) > MAX_HEADERS:
            await _refuse(TOO_MANY_HEADERS, scope, receive, send)
        elif _declared_length(headers) > self._body_limit:
            await _refuse(TOO_LARGE, scope, receive, send)
        else:
            await self._serve(scope, headers, receive, send)

    async def _serve(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        body, more = _Body(), True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                more = message.get("more_body", False)
                self._hold(body, message.get("body", b""), more=more)
                del message  # while the next is awaited, nothing is to hold a piece that may be dropped
                if body.size > self._body_limit or body.is_dropped:
                    answer = BUSY if body.is_dropped else TOO_LARGE
                    self._drop(body)
                    await _refuse(answer, scope, receive, send)
                    return
            answer = await self._group.answer(self._request(scope, headers, body.whole()))
            if answer is BUSY or answer is METHOD_NOT_ALLOWED:
                _log(answer, scope)
            for message in _handshake(answer.handshake) if answer.handshake else _messages(answer):
                await send(message)
        finally:
            self._drop(body)

    def _hold(self, body: _Body, chunk: bytes, *, more: bool) -> None:
        """Take a piece; where they are too many, drop what grows for longest: who dribbles is in nobody else's way."""
        if body.is_dropped:
            return
        if more:
            self._growing[body] = None
        else:
            self._growing.pop(body, None)
        body.chunks.append(chunk)
        body.size += len(chunk)
        self._held += len(chunk)
        while self._held > self._memory and not body.is_dropped:
            self._drop(next(iter(self._growing), body))

    def _drop(self, body: _Body) -> None:
        self._growing.pop(body, None)
        self._held -= body.size
        body.chunks, body.size, body.is_dropped = [], 0, True

    def _client_ip(self, scope: Scope, headers: Headers) -> str:
        client_ip: str = scope["client"][0] if scope["client"] else ""
        if self._trusted_proxies:
            forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
            client_ip = client_address(client_ip, forwarded.split(","), self._trusted_proxies)
        return client_ip

    def _request(self, scope: Scope, headers: Headers, body: bytes) -> Request:
        return Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            received_at=time.time_ns() // 1_000_000,
            client_ip=self._client_ip(scope, headers),
            handler_name=handler_in(scope["path"]),
            receipt=next(self._receipts),
        )


@lru_cache(maxsize=256)
def _messages(answer: Answer, retry_after: int = RETRY_AFTER, *, closes: bool = False) -> tuple[Message, Message]:
    text = answer.text.encode("utf-8")
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode("ascii"))]
    if answer.status in (429, 503):
        headers.append((b"retry-after", str(retry_after).encode("ascii")))
    if answer.status == 405:
        headers.append((b"allow", b"POST"))
    if closes:
        headers.append((b"connection", b"close"))
    return (
        {"type": "http.response.start", "status": answer.status, "headers": headers},
        {"type": "http.response.body", "body": text, "more_body": closes},
    )


def _handshake(answer: HandshakeAnswer) -> tuple[Message, Message]:
    length = str(len(answer.body)).encode("ascii")
    headers = [(b"content-type", answer.content_type.encode("ascii")), (b"content-length", length), *answer.headers]
    headers.append((b"x-content-type-options", b"nosniff"))
    return (
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": answer.body, "more_body": False},
    )


async def _refuse(answer: Answer, scope: Scope, receive: Receive, send: Send, retry_after: int = RETRY_AFTER) -> None:
    """Answer before the body is there, then close; but drop the rest first, or the sender could not read the answer."""
    if answer is not TOO_MANY:  # of which the door tells, though not of each
        _log(answer, scope)
    for message in _messages(answer, retry_after, closes=True):
        await send(message)
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_FOR):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


def _log(answer: Answer, scope: Scope) -> None:
    peer = scope["client"][0] if scope["client"] else None
    event(log, logging.WARNING, "request.refused", reason=answer.reason, status=answer.status, peer=peer)


def _declared_length(headers: Headers) -> int:
    """Return what Content-Length says, 0 where it says nothing readable: what arrives is counted anyway."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0
