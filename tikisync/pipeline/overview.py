"""The state of the service as figures: what the health check, the command line and the dashboard all show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tikisync.database import Database, Transaction
from tikisync.inbox import deliveries, schema, statistics
from tikisync.inbox.deliveries import FAILED, PENDING
from tikisync.tiki import preferences


@dataclass(frozen=True, slots=True)
class Overview:
    """How the inbox stands; times are milliseconds."""

    pending: int
    failed: int
    oldest_pending: int | None  # since the epoch, UTC
    times_to_done: Sequence[int]  # from receipt, of the last deliveries done, shortest first
    times_to_apply: Sequence[int]  # of the last attempts, shortest first
    switch_is_on: bool  # Tiki's preference auth_webhooks

    def time_to_done(self, percent: int) -> int | None:
        """Return within what time so many of the last deliveries were done; None where there are none."""
        return _within(self.times_to_done, percent)

    def time_to_apply(self, percent: int) -> int | None:
        """Return within what time so many of the last attempts ended; None where there are none."""
        return _within(self.times_to_apply, percent)


def overview(database: Database, forced: Mapping[str, str]) -> Overview:
    """Read the figures in one transaction; raise PassingError where the database is away."""
    with database.transaction() as tx:
        return read(tx, forced)


def read(tx: Transaction, forced: Mapping[str, str]) -> Overview:
    """Read the figures in an open transaction."""
    backlog = statistics.backlog(tx)
    return Overview(
        backlog[PENDING],
        backlog[FAILED],
        deliveries.oldest_pending(tx),
        statistics.times_to_done(tx),
        statistics.times_to_apply(tx),
        preferences.switch_is_on(tx, forced),
    )


def unready(database: Database) -> list[str]:
    """Say what keeps the service from receiving; nothing where it is ready. Raises PassingError."""
    with database.transaction() as tx:
        return [*_missing_tables(tx), *schema.problems(tx)]


def lagging(database: Database, limit: int, now: int) -> list[str]:
    """Say whether a delivery waits for longer than ``limit`` milliseconds; ``now`` since the epoch."""
    with database.transaction() as tx:
        oldest = deliveries.oldest_pending(tx)
    if oldest is None or now - oldest <= limit:
        return []
    return [f"a delivery has been waiting for {(now - oldest) // 1000} s ([server] ready_lag); is a worker running?"]


def _within(times: Sequence[int], percent: int) -> int | None:
    return times[(len(times) - 1) * percent // 100] if times else None


def _missing_tables(tx: Transaction) -> list[str]:
    return (
        [] if tx.columns("tiki_webhooks") else ["this database has no table tiki_webhooks: is it a Tiki 25 or newer?"]
    )
