"""Letting go of what old finished deliveries hold: body, headers and attempts; the row stays and knows a late repeat.

Failed and pending deliveries are nobody's to let go of: their body is all there is of what Tiki has not got.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from tikisync.database import Transaction
from tikisync.inbox import locks, search
from tikisync.inbox.deliveries import FINISHED, TABLE

AT_ONCE = 200  # deliveries that one step looks at
_BYTES_AT_ONCE = 8 << 20  # of bodies; a single one may exceed it
_NOTHING = {"body": b"", "headers": "[]", "query": "", "client_ip": ""}


@dataclass(frozen=True, slots=True)
class Span:
    """Which deliveries are looked at: finished by a time (milliseconds since the epoch), with ids below one."""

    finished_by: int
    below: int


@dataclass(frozen=True, slots=True)
class Step:
    """What one step met, and after which id to go on (None: there are no more)."""

    met: int
    bytes: int
    go_on_after: int | None


def span(tx: Transaction, finished_by: int) -> Span:
    """Return the span of what was finished by a time: none of it was received later."""
    return Span(finished_by, search.first_at(tx, finished_by))


def count(tx: Transaction, within: Span) -> int:
    """Return about how many deliveries are to expire: those finished late are among them."""
    sql = (
        f"SELECT COUNT(*) FROM tikisync_deliveries{tx.by_index('due')} "  # noqa: S608  names of ours, values bound
        "WHERE status IN :statuses AND due_at IS NULL AND delivery_id < :below"
    )
    return int(tx.value(sql, statuses=FINISHED, below=within.below))


def step(tx: Transaction, status: str, after: int, within: Span, now: int, *, dry_run: bool = False) -> Step:
    """Let some deliveries of a status expire, lowest id first; ``dry_run``: only say how many, and how large they are.

    Only one transaction does so at a time.
    """
    if not dry_run:
        locks.lock(tx, [b"retention"])
    rows = tx.all(
        f"SELECT delivery_id, size, finished_at FROM tikisync_deliveries{tx.by_index('due')} "  # noqa: S608  names of ours, values bound
        "WHERE status = :status AND due_at IS NULL AND delivery_id > :after AND delivery_id < :below "
        f"ORDER BY delivery_id LIMIT :limit{'' if dry_run else tx.for_update}",
        status=status,
        after=after,
        below=within.below,
        limit=AT_ONCE,
    )
    sizes = accumulate(row["size"] for row in rows)
    looked_at = [row for row, total in zip(rows, sizes, strict=True) if total <= _BYTES_AT_ONCE] or rows[:1]
    old = [row for row in looked_at if (row["finished_at"] or 0) <= within.finished_by]
    if old and not dry_run:
        ids = {"delivery_id": [row["delivery_id"] for row in old]}
        tx.update(TABLE, ids, {**_NOTHING, "due_at": now})
        tx.delete("tikisync_attempts", ids)
        tx.delete("tikisync_journal", ids)  # of those discarded while half written
    more = len(looked_at) < len(rows) or len(rows) == AT_ONCE
    return Step(len(old), sum(row["size"] for row in old), int(looked_at[-1]["delivery_id"]) if more else None)
