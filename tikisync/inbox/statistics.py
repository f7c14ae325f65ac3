"""What went through the inbox lately, as figures; times are milliseconds since the epoch, UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tikisync.database import Transaction
from tikisync.inbox import search
from tikisync.inbox.attempts import DIED
from tikisync.inbox.deliveries import FAILED, PENDING

MINUTE = 60_000
COUNTED = 100_000  # deliveries that the figures of a page look at


def per_minute(tx: Transaction, since: int) -> Mapping[int, Mapping[str, int]]:
    """Return how many deliveries were received in each minute (its start) from ``since`` on, by status.

    Of very many only the newest are counted; the first minute may then be short.
    """
    newest = int(tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries") or 0)
    rows = tx.all(
        "SELECT received_at - received_at % 60000 AS minute, status, COUNT(*) AS number FROM tikisync_deliveries "
        "WHERE delivery_id >= :low AND received_at >= :since GROUP BY received_at - received_at % 60000, status "
        "ORDER BY NULL",  # or MariaDB sorts them
        low=max(search.first_at(tx, since), newest - COUNTED),
        since=since,
    )
    minutes: dict[int, dict[str, int]] = {}
    for row in rows:
        minutes.setdefault(int(row["minute"]), {})[str(row["status"])] = int(row["number"])
    return minutes


def backlog(tx: Transaction) -> Mapping[str, int]:
    """Return how many deliveries are pending and how many failed; those that are done are not counted."""
    rows = tx.all(
        "SELECT status, COUNT(*) AS number FROM tikisync_deliveries WHERE status IN :statuses GROUP BY status",
        statuses=[PENDING, FAILED],
    )
    return {PENDING: 0, FAILED: 0} | {str(row["status"]): int(row["number"]) for row in rows}


def times_to_apply(tx: Transaction, last: int = 200) -> Sequence[int]:
    """Return how long the last attempts took that a worker ended itself (milliseconds), shortest first."""
    rows = tx.all(
        "SELECT outcome, finished_at - started_at AS took FROM tikisync_attempts ORDER BY attempt_id DESC LIMIT :last",
        last=last,
    )
    return sorted(max(0, int(row["took"])) for row in rows if row["outcome"] != DIED)


def times_to_done(tx: Transaction, last: int = 200) -> Sequence[int]:
    """Return how long the last deliveries took from receipt to done (milliseconds), shortest first."""
    rows = tx.all(
        f"SELECT finished_at - received_at AS took FROM tikisync_deliveries{tx.by_index('listed')} "  # noqa: S608  names of ours, values bound
        "WHERE status = 'done' AND finished_at IS NOT NULL ORDER BY delivery_id DESC LIMIT :last",
        last=last,
    )
    return sorted(max(0, int(row["took"])) for row in rows)
