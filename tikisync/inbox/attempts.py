"""The record of every try at a delivery."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tikisync.database import Transaction

RETRY, DIED = "retry", "died"  # outcomes that are no status of a delivery


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a delivery, how it ended and what it wrote; times are milliseconds since the epoch, UTC."""

    delivery_id: int
    worker: str
    started_at: int
    finished_at: int
    outcome: str  # done, ignored, failed; retry: to be tried again; died: its worker never came back
    reason: str = ""
    error: str = ""  # a sentence for people, without payload content
    wrote: tuple[str, ...] = ()  # a line for each item or contact


def record(tx: Transaction, attempts: Sequence[Attempt]) -> None:
    """Keep these attempts."""
    tx.insert_many(
        "tikisync_attempts",
        [
            {
                "delivery_id": attempt.delivery_id,
                "worker": attempt.worker,
                "started_at": attempt.started_at,
                "finished_at": attempt.finished_at,
                "outcome": attempt.outcome,
                "reason": shortened(attempt.reason),
                "error": attempt.error,
                "wrote": json.dumps(attempt.wrote),
            }
            for attempt in attempts
        ],
    )


def of(tx: Transaction, delivery_id: int) -> list[Attempt]:
    """Return a delivery's attempts, first to last."""
    rows = tx.all(
        "SELECT delivery_id, worker, started_at, finished_at, outcome, reason, error, wrote FROM tikisync_attempts "
        "WHERE delivery_id = :delivery_id ORDER BY attempt_id",
        delivery_id=delivery_id,
    )
    return [Attempt(**{**row, "wrote": tuple(json.loads(row["wrote"]))}) for row in rows]


def shortened(reason: str) -> str:
    """Return a reason as long as its columns have room for."""
    return reason if len(reason) <= 1000 else reason[:999] + "…"
