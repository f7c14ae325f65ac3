"""Health checks: ``/healthz`` says that the process is alive, ``/readyz`` that it can receive.

Programs on this machine are also told how much waits in the spool; the status says the same to everybody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tikisync.core.document import iso_utc
from tikisync.errors import TikisyncError
from tikisync.inbox.spool import Standing
from tikisync.logs import event
from tikisync.web.nearness import is_local

log = logging.getLogger(__name__)

Problems: TypeAlias = Callable[[], Sequence[str]]

REMEMBERED = 1.0  # seconds


def routes(problems: Problems, spooled: Callable[[], Standing] = Standing) -> list[Route]:
    """Return the routes; ``problems`` says in sentences what keeps the service from receiving, or raises.

    ``spooled`` says what the spool holds, or raises.
    """
    return [Route("/healthz", _alive), Route("/readyz", _Readiness(problems, spooled).answer)]


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok")


class _Readiness:
    """What was found, remembered for a while: however often strangers ask, the database is asked once."""

    def __init__(self, problems: Problems, spooled: Callable[[], Standing]) -> None:
        self._problems = problems
        self._spooled = spooled
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._found: Sequence[str] = ()
        self._waiting = ""

    async def answer(self, request: Request) -> Response:
        async with self._lock:
            if time.monotonic() - self._asked_at > REMEMBERED:
                self._found = await run_in_threadpool(self._ask)
                self._asked_at = time.monotonic()
        waiting = self._waiting if is_local(request) else ""
        if self._found:
            return PlainTextResponse(f"not ready{waiting}", 503, {"retry-after": "15"})
        return PlainTextResponse(f"ready{waiting}")

    def _ask(self) -> Sequence[str]:
        with suppress(TikisyncError):
            self._waiting = _told(self._spooled())
        try:
            found = self._problems()
        except TikisyncError as error:
            found = [str(error)]
        if found:
            event(log, logging.WARNING, "service.unready", problems="; ".join(found))
        return found


def _told(spool: Standing) -> str:
    if not spool.waiting or spool.oldest is None:
        return ""
    return f"; deliveries waiting in the spool: {spool.waiting}, since {iso_utc(spool.oldest)}"
