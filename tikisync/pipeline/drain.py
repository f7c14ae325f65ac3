"""Drain the spool: store what waits there, oldest first, once the database is back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tikisync.core.handlers import Refused, Verified
from tikisync.core.requests import Request
from tikisync.core.retry import RetrySettings, delay, sentence
from tikisync.errors import PassingError, SetupError, TikisyncError
from tikisync.inbox.spool import Spool
from tikisync.logs import event
from tikisync.pipeline.judging import Shaken, Verdict
from tikisync.pipeline.receive import Receiver

log = logging.getLogger(__name__)

_POLL = 0.25  # seconds between looks whether anything waits
_WHEN_AWAY = RetrySettings(first_delay=200, longest_delay=10_000)  # between tries while the database is away
_REQUESTS, _BYTES = 256, 8 << 20  # that are stored in one transaction
_LAST = 1 << 20  # bytes


@dataclass(slots=True)
class Drainer:
    """Stores what waits in the spool; of the processes that share it, one does so at a time.

    ``receiver`` is for this alone; ``others`` learn from it which handlers Tiki has. ``stored`` is called whenever
    deliveries have been stored.
    """

    receiver: Receiver
    others: Sequence[Receiver]
    spool: Spool
    jitter: Callable[[], float]  # at random in [0, 1)
    stored: Callable[[], object] = lambda: None

    def run(self, stop: threading.Event) -> None:
        """Make the spool usable, then drain it whenever something waits, until ``stop`` is set; no error ends it."""
        self.prepare()
        failures = 0
        while not stop.is_set():
            pause = _POLL
            try:
                if self.spool.waits():
                    self.drain(stop)
                failures = 0
            except Exception as error:  # the database is away, or a bug
                failures += 1
                pause = delay(failures, self.jitter(), _WHEN_AWAY) / 1000
                event(log, logging.WARNING, "spool.not_drained", error=sentence(error), failures=failures, pause=pause)
                _log_bug(error)
            stop.wait(pause)

    def prepare(self) -> None:
        """Make the spool's folder and see Tiki's handlers, so that from now on requests can be spooled."""
        for step in (self.spool.prepare, lambda: self._keep([])):
            try:
                step()
            except Exception as error:
                event(log, logging.WARNING, "spool.unusable", error=sentence(error))
                _log_bug(error)

    def drain(self, stop: threading.Event) -> int:
        """Store what waits and return how much it was, 0 also where another process is at it.

        What does not verify any more is rejected: kept aside, with the reason. Raises PassingError or SetupError where
        the database or the spool is away; then the rest goes on waiting.
        """
        drained, more = 0, 0
        with self.spool.draining() as is_ours:
            left = _LAST + 1 if is_ours else 0
            while left > _LAST and not stop.is_set():
                more, left = self._step()
                drained += more
            if 0 < left <= _LAST:  # the database is there: let nobody line up behind the last ones, maybe for ever
                with self.spool.locked():
                    while left:
                        more, left = self._step()
                        drained += more
        if drained:
            event(log, logging.INFO, "spool.drained", count=drained)
        return drained

    def _step(self) -> tuple[int, int]:
        """Store what has waited longest; return how many requests it was and how many bytes are left."""
        batch = self.spool.oldest(_REQUESTS, _BYTES)
        verdicts = self._store([each.request for each in batch.requests]) if batch.requests else []
        rejected = [
            replace(each, rejected=_why(verdict))
            for each, verdict in zip(batch.requests, verdicts, strict=True)
            if not isinstance(verdict, Verified)
        ]
        left = self.spool.finish(batch, rejected)
        if len(rejected) < len(batch.requests):
            self.stored()
        for each in rejected:
            why = each.rejected
            facts = {"reason": why and why.reason, "detail": why and why.detail, "client_ip": each.request.client_ip}
            event(log, logging.ERROR, "spool.rejected", handler=each.handler, **facts)
        return len(batch.requests), left

    def _store(self, requests: Sequence[Request]) -> list[Verdict]:
        """Store requests like new ones; one that cannot be stored is refused, and the others do not suffer from it."""
        try:
            return self._keep(requests)
        except (PassingError, SetupError):
            raise
        except Exception as error:
            if len(requests) == 1:
                _log_bug(error)
                return [Refused(getattr(error, "reason", TikisyncError.reason), sentence(error))]
        half = len(requests) // 2
        return self._store(requests[:half]) + self._store(requests[half:])

    def _keep(self, requests: Sequence[Request]) -> list[Verdict]:
        verdicts = self.receiver.keep(requests)
        for each in self.others:
            each.seen = self.receiver.seen
        return verdicts


def _why(verdict: Refused | Shaken) -> Refused:
    if isinstance(verdict, Refused):
        return verdict
    return Refused("handshake", f"by now it counts as a handshake of handler {verdict.handler}", verdict.handler)


def _log_bug(error: Exception) -> None:
    if not isinstance(error, TikisyncError):
        log.error("bug", exc_info=error)
