"""Group commit: every request that waits is received together, a batch at a time.

While a batch is in flight the next one gathers, so the busier the service, the more requests share a transaction. Once
enough have gathered they need not wait for it: a second writer thread begins, while the first waits for the database.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from queue import SimpleQueue
from typing import TypeAlias

from tikisync.core.requests import Request
from tikisync.logs import event
from tikisync.pipeline.receive import Answer

log = logging.getLogger(__name__)

Receive: TypeAlias = Callable[[Sequence[Request]], Sequence[Answer]]
Answered: TypeAlias = Callable[[Answer], object]
Waiting: TypeAlias = tuple[Request, Answered]

WRITERS = 2  # a third would only make the batches smaller: Python runs one thread at a time

BUSY = Answer(503, "Temporarily unavailable.", "busy")
BROKEN = Answer(500, "Internal error.", "internal")


class GroupCommit:
    """Crosses from the event loop to the writer threads and back; belongs to one event loop.

    So many requests as are ``worth_it`` are handed over while another batch is in flight.
    """

    def __init__(
        self,
        receive: Receive,
        *,
        batch_requests: int = 256,
        batch_bytes: int = 8 << 20,
        waiting_requests: int = 4096,
        worth_it: int = 16,
    ) -> None:
        self._receive = receive
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

    def _write(self) -> None:
        while (batch := self._batches.get()) is not None:
            answers = self._received(batch)
            try:
                self._loop.call_soon_threadsafe(self._answered, batch, answers)
            except RuntimeError:  # the loop is closed: nobody is left to answer
                return

    def _received(self, batch: Sequence[Waiting]) -> Sequence[Answer]:
        """Whatever happens, the thread lives on and every request gets an answer."""
        try:
            answers = self._receive([request for request, _ in batch])
            if len(answers) == len(batch):
                return answers
            event(log, logging.ERROR, "receive.broken", count=len(batch), answers=len(answers))
        except BaseException:
            log.exception("receive.broken")
        return [BROKEN] * len(batch)
