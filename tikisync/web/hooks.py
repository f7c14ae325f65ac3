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

from starlette.types import Receive, Scope, Send

from tikisync.config import DoorSettings
from tikisync.core.requests import TIKI_PATH, Network, Request, client_address, handler_in
from tikisync.logs import event
from tikisync.pipeline.answering import METHOD_NOT_ALLOWED, Answer
from tikisync.web.answers import RETRY_AFTER, Reply, reply
from tikisync.web.door import Door
from tikisync.web.group_commit import BUSY, GroupCommit

log = logging.getLogger(__name__)

Headers: TypeAlias = "tuple[tuple[bytes, bytes], ...]"

MAX_HEADERS = 100  # as many as Apache takes by default
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
        self.body_limit = body_limit
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

    @staticmethod
    @lru_cache(maxsize=1024)
    def path(raw: bytes) -> str | None:
        """Return the path that is written so where it is this endpoint's and plain to read, else None."""
        if b"%" in raw or b"#" in raw or not raw.isascii():
            return None
        path = raw.decode("ascii")
        return path if HookEndpoint.serves(path) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI 3)."""
        headers: Headers = tuple(scope["headers"])  # as they stand now: trailers are no headers
        if seconds := self._door.wait(self._client_ip(_peer(scope), headers), handler_in(scope["path"])):
            await _refuse(TOO_MANY, scope, receive, send, seconds)
        elif scope["method"] != "POST" and not self._allowed(scope["method"]):
            await _refuse(METHOD_NOT_ALLOWED, scope, receive, send)
        elif len(headers) > MAX_HEADERS:
            await _refuse(TOO_MANY_HEADERS, scope, receive, send)
        elif _declared_length(headers) > self.body_limit:
            await _refuse(TOO_LARGE, scope, receive, send)
        else:
            await self._serve(scope, headers, receive, send)

    def take(
        self, path: str, query: bytes, headers: Headers, body: bytes, peer: str, answered: Callable[[Reply], object]
    ) -> None:
        """Have a whole POST received: what ``__call__`` does, without ASGI; ``answered`` gets what the sender gets."""
        client_ip = self._client_ip(peer, headers)
        if seconds := self._door.wait(client_ip, handler_in(path)):
            answered(reply(TOO_MANY, seconds, closes=True))
            return
        self._held += len(body)

        def done(answer: Answer) -> None:
            self._held -= len(body)
            if answer is BUSY:
                _log(answer, peer)
            answered(reply(answer))

        self._make_room()
        if self._held > self._memory:
            done(BUSY)
        else:
            self._group.submit(self._request("POST", path, query, headers, body, client_ip), done)

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
                if body.size > self.body_limit or body.is_dropped:
                    answer = BUSY if body.is_dropped else TOO_LARGE
                    self._drop(body)
                    await _refuse(answer, scope, receive, send)
                    return
            request = self._request(
                scope["method"], scope["path"], scope["query_string"], headers, body.whole(),
                self._client_ip(_peer(scope), headers),
            )  # fmt: skip
            answer = await self._group.answer(request)
            if answer is BUSY or answer is METHOD_NOT_ALLOWED:
                _log(answer, _peer(scope))
            for message in reply(answer).messages:
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
        self._make_room()
        if self._held > self._memory:
            self._drop(body)

    def _make_room(self) -> None:
        while self._growing and self._held > self._memory:
            self._drop(next(iter(self._growing)))

    def _drop(self, body: _Body) -> None:
        self._growing.pop(body, None)
        self._held -= body.size
        body.chunks, body.size, body.is_dropped = [], 0, True

    def _client_ip(self, peer: str, headers: Headers) -> str:
        if not self._trusted_proxies:
            return peer
        forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
        return client_address(peer, forwarded.split(","), self._trusted_proxies)

    def _request(self, method: str, path: str, query: bytes, headers: Headers, body: bytes, client_ip: str) -> Request:
        return Request(
            method=method,
            path=path,
            query=query.decode("latin-1"),
            headers=headers,
            body=body,
            received_at=time.time_ns() // 1_000_000,
            client_ip=client_ip,
            handler_name=handler_in(path),
            receipt=next(self._receipts),
        )


def _peer(scope: Scope) -> str:
    """Return the address that the connection comes from, '' where it has none."""
    return str(scope["client"][0]) if scope["client"] else ""


async def _refuse(answer: Answer, scope: Scope, receive: Receive, send: Send, retry_after: int = RETRY_AFTER) -> None:
    """Answer before the body is there, then close; but drop the rest first, or the sender could not read the answer."""
    if answer is not TOO_MANY:  # of which the door tells, though not of each
        _log(answer, _peer(scope))
    for message in reply(answer, retry_after, closes=True).messages:
        await send(message)
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_FOR):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


def _log(answer: Answer, peer: str) -> None:
    event(log, logging.WARNING, "request.refused", reason=answer.reason, status=answer.status, peer=peer or None)


def _declared_length(headers: Headers) -> int:
    """Return what Content-Length says, 0 where it says nothing readable: what arrives is counted anyway."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0
