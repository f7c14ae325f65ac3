"""Health checks: ``/healthz`` says that the process is alive, ``/readyz`` that it can receive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tikisync.errors import TikisyncError
from tikisync.logs import event

log = logging.getLogger(__name__)

Problems: TypeAlias = Callable[[], Sequence[str]]

REMEMBERED = 1.0  # seconds


def routes(problems: Problems) -> list[Route]:
    """Return the routes; ``problems`` says in sentences what keeps the service from receiving, or raises."""
    return [Route("/healthz", _alive), Route("/readyz", _Readiness(problems).answer)]


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok")


class _Readiness:
    """What was found, remembered for a while: however often strangers ask, the database is asked once."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._found: Sequence[str] = ()

    async def answer(self, _request: Request) -> Response:
        async with self._lock:
            if time.monotonic() - self._asked_at > REMEMBERED:
                self._found = await run_in_threadpool(self._ask)
                self._asked_at = time.monotonic()
        if self._found:
            return PlainTextResponse("not ready", 503, {"retry-after": "15"})
        return PlainTextResponse("ready")

    def _ask(self) -> Sequence[str]:
        try:
            found = self._problems()
        except TikisyncError as error:
            found = [str(error)]
        if found:
            event(log, logging.WARNING, "service.unready", problems="; ".join(found))
        return found
