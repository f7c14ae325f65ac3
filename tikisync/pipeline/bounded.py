"""Applying within bounds that the system holds: processor time for each delivery, memory for the whole process.

Processor time, not time by the clock: waiting for the database is no delivery's fault. Whoever exceeds it is ended by
the system (SIGXCPU), wherever it is, for no exception would reach code that runs outside Python, or be safe in the
middle of a statement.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tikisync.core.deaths import OUT_OF_MEMORY, Bounds
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.apply import Applied
from tikisync.pipeline.held import Held
from tikisync.pipeline.worker import Applies


@dataclass(slots=True)
class BoundedApplier:
    """Applies as ``applier`` does, within bounds that end this process, and notes what is in hand."""

    applier: Applies
    held: Held
    bounds: Bounds

    def apply(self, delivery: Delivery, worker: str) -> Applied:
        """Carry out a leased delivery."""
        with self._within_bounds([delivery]):
            return self.applier.apply(delivery, worker)

    def apply_together(self, batch: Sequence[Delivery], worker: str) -> Mapping[int, Applied]:
        """Carry out leased deliveries; the bounds are those of one, for beyond them each is tried by itself."""
        with self._within_bounds(batch):
            return self.applier.apply_together(batch, worker)

    def route(self, delivery: Delivery) -> Iterable[bytes]:
        """Return the order keys of the items it touches."""
        with self._within_bounds([delivery], routing=True):
            return tuple(self.applier.route(delivery))

    def fingerprint(self) -> str:
        """Identify the rules that ``route`` goes by."""
        return self.applier.fingerprint()

    def look_anew(self) -> None:
        """Look, for what is applied from now on, whether Tiki's set-up has changed."""
        self.applier.look_anew()

    @contextmanager
    def _within_bounds(self, batch: Sequence[Delivery], *, routing: bool = False) -> Iterator[None]:
        ids = [delivery.delivery_id for delivery in batch]
        with self.held.noted(ids, routing=routing), _processor_time(self.bounds.time_limit):
            try:
                yield
            except MemoryError:  # a fresh process is to try again: this one may be full of other things
                os._exit(OUT_OF_MEMORY)


def limit_memory(limit: int) -> None:
    """Refuse this process more than so many bytes of memory (its data segments, as Linux counts them since 4.7)."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_at_most(limit, hard), hard))


@contextmanager
def _processor_time(seconds: int) -> Iterator[None]:
    """Let this process end where the block takes more than so many seconds of processor time, in all its threads."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_at_most(int(time.process_time()) + 1 + seconds, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _at_most(limit: int, hard: int) -> int:
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)
