"""Keep what deliveries hold for as long as the config says: in small steps, beside the traffic."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tikisync.core.retry import sentence
from tikisync.database import Database
from tikisync.errors import TikisyncError
from tikisync.inbox import retention
from tikisync.inbox.deliveries import FINISHED
from tikisync.logs import event

log = logging.getLogger(__name__)

_EVERY = 3600  # seconds between looks
_LONGEST_PAUSE = 1.0  # seconds between steps; else as long as a step took


@dataclass(slots=True)
class Retention:
    """Lets deliveries expire ``keep`` milliseconds after they were finished; None: never."""

    database: Database
    keep: Callable[[], int | None]
    clock: Callable[[], float]  # UNIX seconds, UTC

    def run(self, stop: threading.Event) -> None:
        """Do so now and every hour until ``stop`` is set; no trouble ends it."""
        while not stop.is_set():
            try:
                self._expire_all(stop)
            except TikisyncError as error:  # the rest can wait for the next time
                event(log, logging.WARNING, "retention.trouble", error=sentence(error))
            stop.wait(_EVERY)

    def expected(self, keep: int) -> int:
        """Return about how many deliveries would expire."""
        with self.database.transaction() as tx:
            return retention.count(tx, retention.span(tx, self._now() - keep))

    def steps(self, keep: int, stop: threading.Event, *, dry_run: bool = False) -> Iterator[retention.Step]:
        """Let deliveries expire that were finished so many milliseconds ago; yield each step, committed."""
        with self.database.transaction() as tx:
            within = retention.span(tx, self._now() - keep)
        for status in FINISHED:
            after: int | None = 0
            while after is not None and not stop.is_set():
                started = time.monotonic()
                with self.database.transaction() as tx:
                    done = retention.step(tx, status, after, within, self._now(), dry_run=dry_run)
                after = done.go_on_after
                yield done
                if after is not None:
                    stop.wait(min(_LONGEST_PAUSE, time.monotonic() - started))

    def _expire_all(self, stop: threading.Event) -> None:
        keep = self.keep()
        if keep is None:
            return
        done = [(each.met, each.bytes) for each in self.steps(keep, stop) if each.met]
        if done:
            met, size = map(sum, zip(*done, strict=True))
            event(log, logging.INFO, "delivery.expired", count=met, bytes=size)

    def _now(self) -> int:
        return int(self.clock() * 1000)
