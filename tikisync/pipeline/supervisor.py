"""A worker in a process of its own, started again whenever it ends: a delivery that kills it hurts nobody else.

The worker is told over its standard input, in pickles: a config to go by from now on, first of all that to begin with,
and None where there is work. The end of it means to stop.
"""

from __future__ import annotations

import logging
import pickle
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from tikisync.config import Config
from tikisync.core.deaths import death
from tikisync.core.retry import RetrySettings, delay, sentence
from tikisync.database import Database
from tikisync.errors import TikisyncError
from tikisync.inbox import deaths
from tikisync.inbox.attempts import DIED
from tikisync.inbox.deaths import Loss
from tikisync.inbox.deliveries import FAILED
from tikisync.inbox.queue import Limits
from tikisync.logs import event
from tikisync.pipeline.held import Held, shareable

if TYPE_CHECKING:
    from tikisync.pipeline.worker import Worker

log = logging.getLogger(__name__)

_SECONDS_TO_STOP = 8  # for the delivery in hand
_BETWEEN_STARTS = RetrySettings(first_delay=400, longest_delay=10_000)


@dataclass(slots=True)
class Supervisor:
    """Keeps one worker process running."""

    database: Database
    config: Callable[[], Config]  # as it is now
    name: Callable[[], str]  # another one at each call
    command: Callable[[str, int], Sequence[str]]  # that starts a worker of this name with the descriptor for ``Held``
    clock: Callable[[], float]  # UNIX seconds, UTC
    jitter: Callable[[], float]  # at random in [0, 1)
    _worker: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _telling: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run(self, stop: threading.Event, wake: threading.Event) -> None:
        """Keep a worker running until ``stop`` is set (set ``wake`` too), then let it finish what it has in hand.

        Nothing ends it before: nobody would notice that deliveries are not applied any more.
        """
        failures = 0
        while not stop.is_set():
            try:
                failures = 0 if self._run_one(stop, wake) else failures + 1
            except OSError as error:  # the system has no process or memory to spare
                failures += 1
                event(log, logging.ERROR, "worker.trouble", error=f"no worker can be started: {error.strerror}")
            if failures:
                stop.wait(delay(failures, self.jitter(), _BETWEEN_STARTS) / 1000)

    def reload(self) -> None:
        """Let the worker go by the config as it is now."""
        self._tell(self.config())

    def _run_one(self, stop: threading.Event, wake: threading.Event) -> bool:
        """Run a worker to its end; tell whether it had anything in hand then."""
        with shareable() as file:
            held, name = Held(file), self.name()
            code = self._start(name, file, stop, wake)
            return not stop.is_set() and self._mourn(name, code, held)

    def _start(self, name: str, file: IO[bytes], stop: threading.Event, wake: threading.Event) -> int:
        """Start a worker, wake it whenever ``wake`` is set, and return its exit code."""
        command = self.command(name, file.fileno())
        with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[file.fileno()]) as worker:  # noqa: S603  our own command
            self._worker = worker
            self.reload()
            event(log, logging.INFO, "worker.started", worker=name, pid=worker.pid)

            def watch() -> None:
                worker.wait()
                wake.set()

            threading.Thread(target=watch, name="worker's end", daemon=True).start()
            while worker.poll() is None and not stop.is_set():
                wake.wait()
                wake.clear()
                self._tell(None)
            self._worker = None
            with suppress(OSError):
                worker.stdin.close()  # type: ignore[union-attr]
            try:
                worker.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                worker.kill()
        return worker.returncode

    def _tell(self, what: Config | None) -> None:
        with self._telling, suppress(OSError, ValueError):  # it may have just ended
            if self._worker is not None and self._worker.stdin is not None:
                pickle.dump(what, self._worker.stdin)
                self._worker.stdin.flush()

    def _mourn(self, name: str, code: int, held: Held) -> bool:
        """Record what a dead worker had in hand; tell whether it had anything."""
        in_hand, why = held.read(), death(code, self.config().worker.bounds)
        facts = {"reason": why.reason, "error": why.told}
        event(log, logging.ERROR, "worker.died", worker=name, **facts)
        loss = Loss(name, why, in_hand.ids, self.config().fingerprint if in_hand.routing else "")
        try:
            with self.database.transaction() as tx:
                struck = deaths.record(tx, loss, Limits(), self._now(), self._pause)
        except TikisyncError as error:  # the leases run out by themselves
            event(log, logging.ERROR, "worker.trouble", error=sentence(error))
        else:
            for number, given_up in struck:
                event(log, logging.ERROR, f"delivery.{FAILED if given_up else DIED}", delivery=number, **facts)
        return bool(in_hand.ids)

    def _pause(self, times: int) -> int:
        return delay(times, self.jitter(), self.config().worker.retry)

    def _now(self) -> int:
        return int(self.clock() * 1000)


def told(stream: IO[bytes]) -> Iterator[Any]:
    """Yield what a supervisor tells the worker that it started."""
    with suppress(EOFError):
        while True:
            yield pickle.load(stream)  # noqa: S301  from our own process


def obey(worker: Worker, messages: Iterator[Config | None], use: Callable[[Config], object]) -> None:
    """Run a worker in this process, which a supervisor has started, until that says to stop or has ended itself."""
    stop, wake = threading.Event(), threading.Event()

    def listen() -> None:
        try:
            for message in messages:
                if message is not None:
                    use(message)
                wake.set()
        finally:
            stop.set()
            wake.set()

    threading.Thread(target=listen, name="supervisor", daemon=True).start()
    worker.run(stop, wake)
