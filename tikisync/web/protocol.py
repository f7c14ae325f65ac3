"""uvicorn's HTTP protocol, with bounds on how large and how slow an unfinished request may be."""

from __future__ import annotations

import asyncio
import logging

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tikisync.logs import event
from tikisync.web.hooks import MAX_HEADERS

log = logging.getLogger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request does not come to its end; uvicorn alone would wait and gather for ever.

    A request that arrives in one packet costs next to nothing: no timer is set for it.
    """

    patience = 30.0  # seconds for a whole request, from its first byte
    idle_bytes = 64 << 10  # bytes in a row that bring no body: the rest of a head, trailers

    _timer: asyncio.TimerHandle | None = None
    _in_head = False
    _unfinished = False
    _progressed = False  # in this packet a request began or body arrived
    _idle_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        """Parse a packet and look at what remains unfinished after it."""
        self._progressed = False
        super().data_received(data)
        if not self._unfinished:
            return
        self._idle_bytes = 0 if self._progressed else self._idle_bytes + len(data)
        if self._idle_bytes > self.idle_bytes:
            self._close("too_large")
        elif self._timer is None:
            self._be_patient()

    def on_message_begin(self) -> None:
        """Begin the next request."""
        super().on_message_begin()
        self._in_head = self._unfinished = self._progressed = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, but neither trailers nor more headers than it takes to see that they are too many."""
        if self._in_head and len(self.headers) <= MAX_HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request over; its body may still be on its way."""
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._progressed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._unfinished = False
        self._stop_waiting()
        super().on_message_complete()

    def _be_patient(self) -> None:
        self._timer = self.loop.call_later(self.patience, self._close, "too_slow")

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self, reason: str) -> None:
        event(log, logging.WARNING, "connection.closed", reason=reason, peer=self.client and self.client[0])
        self.transport.close()
