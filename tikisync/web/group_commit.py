"""Group commit: every request that waits is received together, a batch at a time.

While a batch is in flight the next one gathers, so the busier the service, the more requests share a transaction. Once
enough have gathered they need not wait for it: a second batch follows, so that the database always has one to do.

Most batches never leave the event loop: handing them to a thread and back costs more than receiving them (measured).
A thread takes what the loop cannot do at once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from queue import SimpleQueue
from typing import TypeAlias

from tikisync.core.requests import Request
from tikisync.logs import event
from tikisync.pipeline.answering import Answer

log = logging.getLogger(__name__)

Receive: TypeAlias = Callable[[Sequence[Request]], Sequence[Answer]]
Complete: TypeAlias = Callable[[], Sequence[Answer]]
Begin: TypeAlias = Callable[[Sequence[Request], Callable[[Complete | None], object]], bool]
Answered: TypeAlias = Callable[[Answer], object]
Waiting: TypeAlias = tuple[Request, Answered]

WRITERS = 2  # threads, and batches in flight; more would only make the batches smaller
IN_LOOP_BYTES = 480_000  # of the bodies of a batch: more would keep the event loop from all else for too long

BUSY = Answer(503, "Temporarily unavailable.", "busy")
BROKEN = Answer(500, "Internal error.", "internal")


class GroupCommit:
    """Crosses from the event loop to the writer threads and back; belongs to one event loop.

    ``receive`` receives a batch, in a thread. ``begin`` may do so without one: it returns whether it has begun, and
    calls its second argument in the loop with what completes the batch, or with None where a thread is to receive it.
    So many requests as are ``worth_it`` are handed over while another batch is in flight.
    """

    def __init__(
        self,
        receive: Receive,
        begin: Begin | None = None,
        *,
        batch_requests: int = 256,
        batch_bytes: int = 8 << 20,
        waiting_requests: int = 4096,
        worth_it: int = 24,
    ) -> None:
        self._receive = receive
        self._begin = begin
        self._worth_it = worth_it
        self._batch_requests = batch_requests
        self._batch_bytes = batch_bytes
        self._waiting_requests = waiting_requests
        self._waiting: deque[Waiting] = deque()
        self._batches: SimpleQueue[Sequence[Waiting] | None] = SimpleQueue()
        self._in_flight = 0  # batches
        self._hands_over = False  # at the end of this turn of the loop
        self._idle = asyncio.Event()  # no batch is in flight or about to be
        self._idle.set()
        self._accepts = False

    def start(self) -> None:
        """Start the writer threads; call it in the event loop."""
        self._loop = asyncio.get_running_loop()
        for _ in range(WRITERS):
            threading.Thread(target=self._write, name="receive", daemon=True).start()
        self._accepts = True

    async def stop(self, patience: float = 5.0) -> None:
        """Take no more requests, answer those that wait, end the threads; leave what takes longer than ``patience``."""
        self._accepts = False
        try:
            async with asyncio.timeout(patience):
                await self._idle.wait()
        except TimeoutError:
            event(log, logging.ERROR, "receive.abandoned", count=len(self._waiting))
        for _ in range(WRITERS):
            self._batches.put(None)

    @asynccontextmanager
    async def lifespan(self, _application: object) -> AsyncIterator[None]:
        """Receive while an application lives (Starlette's ``lifespan``)."""
        self.start()
        try:
            yield
        finally:
            await self.stop()

    def submit(self, request: Request, answered: Answered) -> None:
        """Have ``answered`` called in the event loop with the receiver's answer; with BUSY at once if too many wait."""
        if not self._accepts or len(self._waiting) >= self._waiting_requests:
            answered(BUSY)
            return
        self._waiting.append((request, answered))
        if not self._hands_over and self._is_worth_it():
            self._hands_over = True
            self._idle.clear()
            self._loop.call_soon(self._hand_over)  # at the end of this turn, so that it takes the whole turn's

    async def answer(self, request: Request) -> Answer:
        """Return the receiver's answer, or BUSY at once where too many wait already."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def answered(answer: Answer) -> None:
            if not future.done():  # cancelled: the server has given up waiting for it
                future.set_result(answer)

        self.submit(request, answered)
        return await future

    def _is_worth_it(self) -> bool:
        """Tell whether a writer is to take what waits now."""
        return not self._in_flight or (self._in_flight < WRITERS and len(self._waiting) >= self._worth_it)

    def _hand_over(self) -> None:
        self._hands_over = False
        while self._waiting and self._is_worth_it():
            batch: list[Waiting] = []
            size = 0
            while self._waiting and len(batch) < self._batch_requests and size < self._batch_bytes:
                batch.append(self._waiting.popleft())
                size += len(batch[-1][0].body)
            self._in_flight += 1
            if size > IN_LOOP_BYTES or not self._begins_in_loop(batch):
                self._batches.put(batch)
        if not self._in_flight:
            self._idle.set()

    def _answered(self, batch: Sequence[Waiting], answers: Sequence[Answer]) -> None:
        self._in_flight -= 1
        self._hand_over()  # first: the writer goes on while the answers are sent
        for (_, answered), answer in zip(batch, answers, strict=True):
            try:
                answered(answer)
            except Exception:  # the others are to hear of theirs
                log.exception("answer.broken")

    def _begins_in_loop(self, batch: Sequence[Waiting]) -> bool:
        try:
            return bool(self._begin and self._begin([each for each, _ in batch], partial(self._ended_in_loop, batch)))
        except Exception:  # the writers meet the same error, find out whose fault it is, and tell
            return False

    def _ended_in_loop(self, batch: Sequence[Waiting], complete: Complete | None) -> None:
        if complete is None:
            self._batches.put(batch)
        else:
            self._answered(batch, _sound(batch, complete))

    def _write(self) -> None:
        while (batch := self._batches.get()) is not None:
            requests = [request for request, _ in batch]
            answers = _sound(batch, partial(self._receive, requests))
            try:
                self._loop.call_soon_threadsafe(self._answered, batch, answers)
            except RuntimeError:  # the loop is closed: nobody is left to answer
                return


def _sound(batch: Sequence[Waiting], receive: Complete) -> Sequence[Answer]:
    """Return an answer for each request, whatever happens: a thread lives on, and nobody waits for ever."""
    try:
        answers = receive()
        if len(answers) == len(batch):
            return answers
        event(log, logging.ERROR, "receive.broken", count=len(batch), answers=len(answers))
    except BaseException:
        log.exception("receive.broken")
    return [BROKEN] * len(batch)
