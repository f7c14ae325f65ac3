"""uvicorn's HTTP protocol, with bounds on how large, how slow and how many unfinished requests may be."""

from __future__ import annotations

import asyncio
import heapq
import logging
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tikisync.logs import event
from tikisync.web.hooks import MAX_HEADERS

log = logging.getLogger(__name__)


MAX_CONNECTIONS = 800  # a process may usually open 1,024 files


class TooManyRequestsError(Exception):
    """Stops the parser; nobody but us sees it."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request does not come to its end; uvicorn alone would wait and gather for ever.

    Where there are too many connections, those that have kept us waiting longest make room: whoever sends its request
    in one go is served beside any number of those that dribble, idle or do not read. A request that arrives in one
    packet costs next to nothing: no timer is set for it.
    """

    patience = 30.0  # seconds for a whole request, from its first byte, and for reading what was answered
    idle_bytes = 64 << 10  # bytes in a row that bring no body: the rest of a head, trailers
    most_connections = MAX_CONNECTIONS
    length = -1  # of the body, in bytes, as declared; -1: not, or not so that it can be read
    most_ahead = 10  # requests sent before the answer to the one in hand (pipelining)

    _timer: asyncio.TimerHandle | None = None
    _waits_since: float | None = None  # by the loop's clock: for the sender; None while it waits for us
    _in_hand: RequestResponseCycle | None = None
    _in_head = False
    _unfinished = False
    _progressed = False  # in this packet a request began or body arrived
    _idle_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._make_room()
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._answer_nothing_more()

    def data_received(self, data: bytes) -> None:
        """Parse a packet and look at what remains unfinished after it."""
        self._progressed = False
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._stay_with_http(data[upgrade.args[0] :])
        except HttpParserError:
            self._refuse()
        if not self._unfinished:
            return
        self._idle_bytes = 0 if self._progressed else self._idle_bytes + len(data)
        if self._idle_bytes > self.idle_bytes:
            self._close("too_large")
        elif self._timer is None:
            self._be_patient()

    def on_message_begin(self) -> None:
        """Begin the next request; no more of them than a sender can have use for. Its scope may not be needed."""
        if len(self.pipeline) >= self.most_ahead:
            raise TooManyRequestsError
        self.url, self.headers, self.expect_100_continue, self.length = b"", [], False, -1
        self._in_head = self._unfinished = self._progressed = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, but neither trailers nor more headers than it takes to see that they are too many."""
        if self._in_head and len(self.headers) <= MAX_HEADERS:
            name = name.lower()
            if name == b"content-length":
                self.length = int(value[:18]) if value.isdigit() else -1
            elif name == b"expect":
                self.expect_100_continue = value.lower() == b"100-continue"
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand the request over; its body may still be on its way."""
        if self.parser.should_upgrade():
            return  # to be parsed again
        self._in_head = False
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()  # makes the scope
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._progressed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        if self.parser.should_upgrade():
            return
        self._unfinished = False
        self._stop_waiting()
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._in_hand = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        super().on_response_complete()
        if not self._unfinished:
            self._waits_since = self.loop.time()

    def pause_writing(self) -> None:
        """Wait until the sender has read some of what was answered."""
        super().pause_writing()
        if self._timer is None:
            self._be_patient()

    def resume_writing(self) -> None:
        """Go on answering."""
        super().resume_writing()
        if not self._unfinished:
            self._stop_waiting()

    def _stay_with_http(self, rest: bytes) -> None:
        """Parse a head again without its wish for another protocol, as web servers do; ``rest`` is what follows it.

        Java's HTTP client sends such a wish (``Upgrade: h2c``) with each POST, and the parser would leave out the body.
        """
        if self.parser.get_method() == b"CONNECT" or len(self.headers) > MAX_HEADERS:
            self._refuse()
            return
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = HttpRequestParser(self)
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _refuse(self) -> None:
        """Refuse what is no HTTP; of too many requests at once leave the rest unanswered."""
        if len(self.pipeline) >= self.most_ahead:
            self._close("too_many_ahead")
        else:
            peer = self.client and self.client[0]
            event(log, logging.WARNING, "request.refused", reason="no_http", status=400, peer=peer)
            self.send_400_response("Invalid HTTP request received.")

    def _be_patient(self) -> None:
        self._waits_since = self.loop.time()
        self._timer = self.loop.call_later(self.patience, self._close, "too_slow")

    def _stop_waiting(self) -> None:
        self._waits_since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _answer_nothing_more(self) -> None:
        """Tell the request in hand, too; uvicorn tells the one that came last."""
        self.pipeline.clear()
        if self._in_hand is not None:
            self._in_hand.disconnected = True
            self._in_hand.message_event.set()

    def _make_room(self) -> None:
        """Close an eighth of the connections, so that this need not be done for each new one."""
        ages = {each: each._waits_since for each in cast("set[BoundedProtocol]", self.connections)}
        waiting = {each: since for each, since in ages.items() if since is not None}
        for each in heapq.nsmallest(self.most_connections // 8, waiting, key=waiting.__getitem__):
            each._close("too_many_connections")

    def _close(self, reason: str) -> None:
        event(log, logging.WARNING, "connection.closed", reason=reason, peer=self.client and self.client[0])
        self._answer_nothing_more()
        self.transport.abort()  # to close it would wait until all was read that was answered
