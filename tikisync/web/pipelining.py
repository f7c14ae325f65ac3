"""A connection to the database that the event loop uses by itself: it asks, goes on, and is called with the answer."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from tikisync.database.nonblocking import Command, NonBlockingConnection
from tikisync.errors import PassingError

Answered: TypeAlias = "Callable[[int | None], object]"

RETRY = 1.0  # seconds from a connection that could not be had to the next try


class _Question(NamedTuple):
    answered: Answered
    deadline: float  # by the loop's clock


class PipelinedConnection:
    """One connection of one event loop; ``connect`` opens it, in a thread, when there is use for it.

    Questions need not wait for the answer to those before them: the server finds the next one as soon as it is done.
    ``patience``: seconds to wait for an answer. Where something goes wrong, who asked is told so with None; where it is
    the connection, all are, and it is opened anew the next time. Where ``connect`` returns None, there never is one.
    """

    def __init__(self, connect: Callable[[], NonBlockingConnection | None], patience: float = 5.0) -> None:
        self._connect, self._patience = connect, patience
        self._connection: NonBlockingConnection | None = None
        self._questions: deque[_Question] = deque()
        self._connects_from = 0.0  # by the loop's clock; infinite while it is at it, and where there is no use in it
        self._is_closed = False
        self._timer: asyncio.TimerHandle | None = None

    def is_ready(self) -> bool:
        """Tell whether it can be asked; if not, begin to connect. Call it in the event loop."""
        self._loop = asyncio.get_running_loop()
        if self._connection is None and self._loop.time() >= self._connects_from:
            self._connects_from = float("inf")
            threading.Thread(target=self._open, name="connect", daemon=True).start()
        return self._connection is not None

    @property
    def takes_rows(self) -> bool:
        """Whether it has a bulk statement that rows can be sent for."""
        return self._connection is not None and self._connection.takes_rows

    def ask(self, statements: Sequence[Command], answered: Answered) -> None:
        """Have statements carried out; ``answered`` gets how many rows the last of them affected."""
        assert self._connection is not None  # noqa: S101  it is ready
        self._questions.append(_Question(answered, self._loop.time() + self._patience))
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience, self._look_at_the_clock)
        try:
            if not self._connection.send(statements):
                self._loop.add_writer(self._connection.fileno(), self._write)
        except PassingError:
            self._loop.call_soon(self._lose)

    def close(self) -> None:
        """Close it for good."""
        self._is_closed = True
        self._connects_from = float("inf")
        self._lose()

    def _open(self) -> None:
        connection, again = None, True
        try:
            connection = self._connect()
            again = connection is not None
        except Exception:  # noqa: S110  whoever asks the database another way meets the same error, and tells of it
            pass
        try:
            self._loop.call_soon_threadsafe(self._opened, connection, again)
        except RuntimeError:  # the loop is closed
            if connection is not None:
                connection.close()

    def _opened(self, connection: NonBlockingConnection | None, again: bool) -> None:
        if connection is None:
            self._connects_from = self._loop.time() + RETRY if again else float("inf")
        elif self._is_closed:
            connection.close()
        else:
            self._connects_from = 0.0
            self._connection = connection
            self._loop.add_reader(connection.fileno(), self._read)

    def _write(self) -> None:
        assert self._connection is not None  # noqa: S101  this is called for its socket
        try:
            if self._connection.flush():
                self._loop.remove_writer(self._connection.fileno())
        except PassingError:
            self._lose()

    def _read(self) -> None:
        assert self._connection is not None  # noqa: S101  this is called for its socket
        try:
            answers = self._connection.answers()
        except PassingError:
            self._lose()
            return
        for affected in answers:
            self._questions.popleft().answered(affected)

    def _look_at_the_clock(self) -> None:
        """Do not wait any longer for what was asked too long ago; one timer serves any number of questions."""
        self._timer = None
        if self._questions:
            left = self._questions[0].deadline - self._loop.time()
            if left <= 0:
                self._lose()
            else:
                self._timer = self._loop.call_later(left, self._look_at_the_clock)

    def _lose(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._connection is not None:
            self._loop.remove_reader(self._connection.fileno())
            self._loop.remove_writer(self._connection.fileno())
            self._connection.close()
            self._connection = None
        questions, self._questions = self._questions, deque()
        for question in questions:
            question.answered(None)
