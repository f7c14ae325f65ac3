"""A part of the web application that is made after the rest, so that its loading keeps nobody waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send


class Later(BaseRoute):
    """All addresses below ``path``, served by what ``make`` returns: it is called once, in a thread."""

    def __init__(self, path: str, make: Callable[[], ASGIApp]) -> None:
        self._path, self._make = path, make
        self._made: ASGIApp | None = None
        self._making = threading.Lock()

    def load(self) -> ASGIApp:
        """Make it unless that is done; wait for who is at it."""
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for this part (Starlette asks)."""
        ours = scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self._path}/")
        return Match.FULL if ours else Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        made = self._made
        if made is None:
            made = await run_in_threadpool(self.load)
        await made(scope, receive, send)
