"""The short way of an ordinary webhook: from uvicorn's parser to a writer and back, with no task and no ASGI.

ASGI costs half of all that the event loop does (measured). What is not ordinary takes the long way: the same endpoint,
called as an ASGI application.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from tikisync.web.answers import Reply
from tikisync.web.hooks import MAX_HEADERS, HookEndpoint
from tikisync.web.protocol import BoundedProtocol

ORDINARY_BODY = 16 << 10  # bytes; nobody counts them before they are all there, over however many connections


class Exchange:
    """One request and its answer, in the place of uvicorn's ``RequestResponseCycle``."""

    __slots__ = ("_protocol", "body", "disconnected", "keep_alive", "path", "query", "response_complete")

    message_event = asyncio.Event()  # uvicorn sets it where the connection is lost; nobody waits

    def __init__(self, protocol: HookProtocol, path: str, query: bytes) -> None:
        self._protocol = protocol
        self.path = path
        self.query = query
        self.body = b""
        self.keep_alive = True  # uvicorn clears it on shutdown
        self.disconnected = False
        self.response_complete = False

    def answered(self, reply: Reply) -> None:
        """Send the answer, unless the sender has gone."""
        self.response_complete = True
        if self.disconnected:
            return
        protocol = self._protocol
        closes = b"" if self.keep_alive or reply.closes else b"connection: close\r\n"
        lines = [b"%b: %b\r\n" % header for header in protocol.server_state.default_headers]  # such as the date
        protocol.transport.write(b"".join((STATUS_LINE[reply.status], *lines, closes, reply.wire)))
        if closes or reply.closes:
            protocol.transport.close()
        protocol.on_response_complete()


class HookProtocol(BoundedProtocol):
    """Lets ordinary requests to the hook endpoint go the short way."""

    _exchange: Exchange | None = None  # whose body is on its way

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._hooks: HookEndpoint | None = getattr(self.app, "hooks", None)

    def on_headers_complete(self) -> None:
        """Choose the way."""
        url, _, query = self.url.partition(b"?")
        path = HookEndpoint.path(url)
        if path is None or b"#" in query or not self._is_ordinary():
            super().on_headers_complete()
            return
        self._in_head = False
        self._exchange = Exchange(self, path, query)
        self.cycle = self._in_hand = self._exchange  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if self._exchange is None:
            super().on_body(body)
        else:
            self._progressed = True
            self._exchange.body += body

    def on_message_complete(self) -> None:
        """Hand the request over."""
        exchange, self._exchange = self._exchange, None
        if exchange is None or self._hooks is None:
            super().on_message_complete()
            return
        self._unfinished = False
        self._stop_waiting()
        peer = self.client[0] if self.client else ""
        headers = tuple(self.headers)
        self._hooks.take(exchange.path, exchange.query, headers, exchange.body, peer, exchange.answered)

    def _is_ordinary(self) -> bool:
        parser = self.parser
        previous: Any = self.cycle  # None at first
        return (
            self._hooks is not None
            and 0 <= self.length <= min(ORDINARY_BODY, self._hooks.body_limit)
            and (previous is None or previous.response_complete)  # else it has to wait for its turn (pipelining)
            and len(self.headers) <= MAX_HEADERS
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            and len(self.connections) < (self.limit_concurrency or len(self.connections) + 1)
        )
