"""Group commit: every request that waits is received together, by one writer thread, a batch at a time.

While a batch is in flight the next one gathers, so the busier the service, the more requests share a transaction.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TypeAlias

from tikisync.core.requests import Request
from tikisync.logs import event
from tikisync.pipeline.receive import Answer

log = logging.getLogger(__name__)

Receive: TypeAlias = Callable[[Sequence[Request]], Sequence[Answer]]
Waiting: TypeAlias = "tuple[Request, asyncio.Future[Answer]]"

BUSY = Answer(503, "Temporarily unavailable.", "busy")
BROKEN = Answer(500, "Internal error.", "internal")


class GroupCommit:
    """Crosses from the event loop to the writer thread and back; belongs to one event loop."""

    def __init__(
        self, receive: Receive, *, batch_requests: int = 256, batch_bytes: int = 8 << 20, waiting_requests: int = 4096
    ) -> None:
        self._receive = receive
        self._batch_requests = batch_requests
        self._batch_bytes = batch_bytes
        self._waiting_requests = waiting_requests
        self._waiting: deque[Waiting] = deque()
        self._batches: SimpleQueue[Sequence[Waiting] | None] = SimpleQueue()
        self._idle = asyncio.Event()  # no batch is in flight or about to be
        self._idle.set()
        self._accepts = False

    def start(self) -> None:
        """Start the writer thread; call it in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._writer = threading.Thread(target=self._write, name="receive", daemon=True)
        self._writer.start()
        self._accepts = True

    async def stop(self, patience: float = 5.0) -> None:
        """Take no more requests, answer those that wait, end the thread; leave what takes over ``patience`` seconds."""
        self._accepts = False
        try:
            async with asyncio.timeout(patience):
                await self._idle.wait()
        except TimeoutError:
            event(log, logging.ERROR, "receive.abandoned", count=len(self._waiting))
        self._batches.put(None)

    async def answer(self, request: Request) -> Answer:
        """Return the receiver's answer, or BUSY at once where too many wait already."""
        if not self._accepts or len(self._waiting) >= self._waiting_requests:
            return BUSY
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.append((request, future))
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._hand_over)  # at the end of this turn, so that it takes the whole turn's
        return await future

    def _hand_over(self) -> None:
        batch: list[Waiting] = []
        size = 0
        while self._waiting and len(batch) < self._batch_requests and size < self._batch_bytes:
            batch.append(self._waiting.popleft())
            size += len(batch[-1][0].body)
        if batch:
            self._batches.put(batch)
        else:
            self._idle.set()

    def _answered(self, batch: Sequence[Waiting], answers: Sequence[Answer]) -> None:
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():  # cancelled: the server has given up waiting for it
                future.set_result(answer)
        self._hand_over()

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
