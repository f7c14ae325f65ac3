"""The worker: claim deliveries, apply each, and keep what became of every try; again and again until stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from tikisync.config import WorkerSettings
from tikisync.core.retry import GiveUp, RetrySettings, decide, delay, sentence
from tikisync.core.trace import trace_id_of
from tikisync.database import Database
from tikisync.errors import ConflictError, PassingError, TikisyncError
from tikisync.inbox import queue
from tikisync.inbox.attempts import RETRY, Attempt
from tikisync.inbox.deliveries import FAILED, Delivery
from tikisync.inbox.queue import Limits, Routing
from tikisync.logs import event
from tikisync.pipeline.apply import Applied

if TYPE_CHECKING:
    from tikisync.pipeline.spans import Spans

log = logging.getLogger(__name__)

T = TypeVar("T")

_AT_LEAST = 50  # are claimed at a time: a claim costs as much for one as for many
_TRIES_AT_CONFLICTS = 8  # of one attempt, before it is put off
_IN_THE_WAY = RetrySettings(first_delay=10, longest_delay=500)  # between them; workers on the nodes of a cluster do not
# wait for each other's locks: of two at the same row one comes through, and the other learns of it at its commit
_WHEN_AWAY = RetrySettings(first_delay=200, longest_delay=10_000)  # between claims while the database is away


class Applies(Protocol):
    """What a worker needs of ``apply.Applier``."""

    def apply(self, delivery: Delivery, worker: str) -> Applied:
        """Carry out a leased delivery and finish it in the same transaction, or raise and leave all as it was."""
        ...

    def apply_together(self, batch: Sequence[Delivery], worker: str) -> Mapping[int, Applied]:
        """Do so with as many of several as possible in one transaction; return those, by id, and leave the others."""
        ...

    def route(self, delivery: Delivery) -> Iterable[bytes]:
        """Return the order keys of the items it touches."""
        ...

    def fingerprint(self) -> str:
        """Identify the rules that ``route`` goes by."""
        ...

    def look_anew(self) -> None:
        """Look, for what is applied from now on, whether Tiki's set-up has changed."""
        ...


@dataclass(slots=True)
class Worker:
    """Applies deliveries, many in one transaction where it can; of one ``name`` there must be only one at any time."""

    database: Database
    applier: Applies
    name: str
    settings: WorkerSettings
    clock: Callable[[], float]  # UNIX seconds, UTC
    jitter: Callable[[], float]  # at random in [0, 1)
    spans: Spans | None = None  # what is told of each claim and attempt
    _held: deque[Delivery] = field(default_factory=deque)
    _lease_ends: int = 0

    def run(self, stop: threading.Event, wake: threading.Event) -> None:
        """Work until ``stop`` is set (set ``wake`` too, to be heard at once); no error ends it."""
        failures = 0
        while not stop.is_set():
            wake.clear()
            try:
                tried = self.run_once(stop)
                failures = 0
            except Exception as error:  # the database is away, or a bug: nobody would notice a worker that ended
                failures += 1
                usual = isinstance(error, ConflictError) and failures < _TRIES_AT_CONFLICTS
                pause = delay(failures, self.jitter(), _IN_THE_WAY if usual else _WHEN_AWAY) / 1000
                level = logging.DEBUG if usual else logging.ERROR
                event(log, level, "worker.trouble", error=sentence(error), failures=failures, pause=pause)
                _log_bug(error)
                stop.wait(pause)
            else:
                if not tried:
                    wake.wait(self.settings.poll / 1000)
        with suppress(TikisyncError):  # those not given back are taken over when their leases end
            self._give_back()

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Claim what is due and try each delivery; return how many were tried. ``stop`` ends it after the one in hand.

        Raises PassingError where the database is away; what was claimed stays in hand for the next call.
        """
        if not self._held:
            self._claim(stop)
        tried = alone = 0  # the latter: of the first in hand, those that could not be applied together
        while self._held and not (stop and stop.is_set()):
            self._keep_leases()
            if not alone:
                batch = list(islice(self._held, self.settings.batch))
                ended = self._try_together(batch)
                alone, tried = len(batch) - ended, tried + ended
                continue
            delivery = self._held.popleft()
            try:
                self._try(delivery)
            except PassingError:
                self._held.appendleft(delivery)  # nothing is known of this try: it does not count
                raise
            alone, tried = alone - 1, tried + 1
        return tried

    def _claim(self, stop: threading.Event | None) -> None:
        routing = Routing(self.applier.fingerprint(), self._route)
        limits = Limits(deliveries=max(self.settings.batch, _AT_LEAST), lease=self.settings.lease)
        claimed = None
        while claimed is None and not (stop and stop.is_set()):
            now = self._now()
            claimed = self._undisturbed(lambda: self._claim_at(now, routing, limits))  # noqa: B023  it is run at once
            self._lease_ends = now + limits.lease
        self._held.extend(claimed or [])
        self.applier.look_anew()
        if self.spans and claimed:
            self.spans.claimed(self.name, claimed, now, self._now())

    def _claim_at(self, now: int, routing: Routing, limits: Limits) -> list[Delivery] | None:
        with self.database.transaction() as tx:
            return queue.claim(tx, self.name, routing, limits, now)

    def _route(self, delivery: Delivery) -> Iterable[bytes]:
        try:
            return tuple(self.applier.route(delivery))
        except Exception as error:  # must not keep the others from being claimed; applying it will fail, and tell
            event(log, logging.ERROR, "delivery.not_routed", delivery=delivery.delivery_id, error=sentence(error))
            return ()

    def _keep_leases(self) -> None:
        """Prolong the leases once they are half over."""
        now, lease = self._now(), self.settings.lease
        if now < self._lease_ends - lease // 2:
            return
        with self.database.transaction() as tx:
            queue.extend(tx, self.name, [each.delivery_id for each in self._held], now + lease)
        self._lease_ends = now + lease

    def _give_back(self) -> None:
        """Give back what was claimed and not tried yet."""
        if self._held:
            with self.database.transaction() as tx:
                queue.release(tx, self.name, [each.delivery_id for each in self._held])
            self._held.clear()

    def _try_together(self, batch: Sequence[Delivery]) -> int:
        """Try several of those in hand in one transaction; return how many it ended, the others being left."""
        if len(batch) < 2:
            return 0
        started = self._now()
        applied: Mapping[int, Applied] = {}
        try:
            applied = self._undisturbed(lambda: self.applier.apply_together(batch, self.name))
        except Exception as error:  # it comes again, and counts, when the delivery whose fault it is is tried by itself
            event(log, logging.INFO, "batch.undone", deliveries=len(batch), error=sentence(error))
        for each in batch:
            if each.delivery_id in applied:
                self._held.remove(each)
                self._tell_applied(each, applied[each.delivery_id], started)
        return len(applied)

    def _try(self, delivery: Delivery) -> None:
        started = self._now()
        try:
            applied = self._undisturbed(lambda: self.applier.apply(delivery, self.name))
        except Exception as error:
            _log_bug(error)
            self._put_off_or_fail(delivery, error, started)
        else:
            self._tell_applied(delivery, applied, started)

    def _tell_applied(self, delivery: Delivery, applied: Applied, started: int) -> None:
        ended = self._now()
        facts = {"reason": applied.reason or None, "wrote": "; ".join(applied.wrote) or None}
        _tell(logging.INFO, applied.status, delivery, milliseconds=ended - started, **facts)
        if self.spans:
            self.spans.applied(delivery, started, ended, applied.status, "")

    def _undisturbed(self, run: Callable[[], T]) -> T:
        """Run something again where other transactions were in its way, a few times."""
        for failures in range(1, _TRIES_AT_CONFLICTS):
            try:
                return run()
            except ConflictError:
                time.sleep(delay(failures, self.jitter(), _IN_THE_WAY) / 1000)
        return run()

    def _put_off_or_fail(self, delivery: Delivery, error: Exception, started: int) -> None:
        now = self._now()
        verdict = decide(error, delivery.attempts, now, self.jitter(), self.settings.retry)
        told = sentence(error)
        outcome = FAILED if isinstance(verdict, GiveUp) else RETRY
        attempt = Attempt(delivery.delivery_id, self.name, started, now, outcome, verdict.reason, told)
        with self.database.transaction() as tx:
            if isinstance(verdict, GiveUp):
                kept, retry_in = queue.finish(tx, [attempt]), None
            else:
                kept, retry_in = queue.reschedule(tx, attempt, verdict.at), verdict.at - now
        if kept:
            level = logging.WARNING if outcome == RETRY else logging.ERROR
            _tell(level, outcome, delivery, reason=verdict.reason, error=told, retry_in_ms=retry_in)
            if self.spans:
                self.spans.applied(delivery, started, now, outcome, verdict.reason)
        else:
            _tell(logging.WARNING, "taken_over", delivery)

    def _now(self) -> int:
        return int(self.clock() * 1000)


def _tell(level: int, what: str, delivery: Delivery, **facts: object) -> None:
    known = {"delivery": delivery.delivery_id, "handler": delivery.handler, "attempt": delivery.attempts}
    event(log, level, f"delivery.{what}", **known, **facts, trace_id=trace_id_of(delivery.headers))


def _log_bug(error: Exception) -> None:
    if not isinstance(error, TikisyncError):
        log.error("bug", exc_info=error)
