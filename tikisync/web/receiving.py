"""Has the receiver receive groups of requests: in the event loop where that can be, else in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial

from tikisync.core.requests import Request
from tikisync.inbox import deliveries
from tikisync.pipeline.answering import Answer
from tikisync.pipeline.receive import Receiver
from tikisync.web.group_commit import Complete, GroupCommit
from tikisync.web.pipelining import PipelinedConnection


class Receiving:
    """The ``group`` that requests are submitted to, and what becomes of it; belongs to one event loop.

    ``stored`` is called whenever deliveries have been kept, ``answered`` with every group of requests and their
    answers: in the event loop or in a thread, so neither may wait for anything.
    """

    def __init__(
        self,
        receiver: Receiver,
        stored: Callable[[], object],
        answered: Callable[[Sequence[Request], Sequence[Answer]], object],
    ) -> None:
        self._receiver, self._stored, self._answered = receiver, stored, answered
        self._connection = PipelinedConnection(partial(receiver.database.nonblocking, deliveries.ADDITION))
        self.group = GroupCommit(self._receive, self._begin)

    @asynccontextmanager
    async def lifespan(self, application: object) -> AsyncIterator[None]:
        """Receive while an application lives (Starlette's ``lifespan``)."""
        with closing(self._connection):
            async with self.group.lifespan(application):
                yield

    def _receive(self, requests: Sequence[Request]) -> Sequence[Answer]:
        return self._told(requests, self._receiver.receive(requests))

    def _begin(self, requests: Sequence[Request], end: Callable[[Complete | None], object]) -> bool:
        if not self._connection.is_ready():
            return False
        prepared = self._receiver.prepare(requests, in_bulk=self._connection.takes_rows)
        if prepared is None:
            return False

        def asked(affected: int | None) -> None:
            end(None if affected is None else lambda: self._told(requests, self._receiver.complete(prepared, affected)))

        self._connection.ask(prepared.statements, asked)
        return True

    def _told(self, requests: Sequence[Request], answers: Sequence[Answer]) -> Sequence[Answer]:
        if any(answer.reason == "received" for answer in answers):
            self._stored()
        self._answered(requests, answers)
        return answers
