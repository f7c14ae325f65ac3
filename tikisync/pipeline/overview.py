"""The state of the service as figures: what the health check, the command line and the dashboard all show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tikisync.database import Database, Transaction
from tikisync.inbox import deliveries, schema
from tikisync.tiki import preferences


@dataclass(frozen=True, slots=True)
class Overview:
    """How the inbox stands."""

    counts: Mapping[str, int]  # deliveries by status
    oldest_pending: int | None  # milliseconds since the epoch, UTC
    switch_is_on: bool  # Tiki's preference auth_webhooks


def overview(database: Database, forced: Mapping[str, str]) -> Overview:
    """Read the figures in one transaction; raise PassingError where the database is away."""
    with database.transaction() as tx:
        return Overview(deliveries.counts(tx), deliveries.oldest_pending(tx), preferences.switch_is_on(tx, forced))


def unready(database: Database) -> list[str]:
    """Say what keeps the service from receiving; nothing where it is ready. Raises PassingError."""
    with database.transaction() as tx:
        return [*_missing_tables(tx), *schema.problems(tx)]


def _missing_tables(tx: Transaction) -> list[str]:
    return (
        [] if tx.columns("tiki_webhooks") else ["this database has no table tiki_webhooks: is it a Tiki 25 or newer?"]
    )
