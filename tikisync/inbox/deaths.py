"""What becomes of the deliveries of a worker that died: it counts against those it had in hand, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tikisync.core.deaths import Death
from tikisync.database import Row, Transaction
from tikisync.inbox import attempts, order, queue
from tikisync.inbox.attempts import DIED, Attempt
from tikisync.inbox.deliveries import FAILED, PENDING, TABLE
from tikisync.inbox.queue import Limits


@dataclass(frozen=True, slots=True)
class Loss:
    """A worker that died, why, and the deliveries it had in hand."""

    worker: str
    death: Death
    in_hand: tuple[int, ...] = ()
    routed_by: str = ""  # it was routing them by these rules; '': applying


def record(
    tx: Transaction, loss: Loss, limits: Limits, now: int, pause: Callable[[int], int]
) -> list[tuple[int, bool]]:
    """Give back what a dead worker had claimed; return what it had in hand, each with whether it is given up now.

    What it had in hand is tried again by itself after ``pause`` (milliseconds, of how often a worker died of it). If
    it was being routed, it never is again by the same rules.
    """
    owner = None if loss.routed_by else loss.worker
    sql = "SELECT delivery_id, leased_by, takeovers, status FROM tikisync_deliveries WHERE delivery_id IN :ids"
    rows = tx.all(sql + tx.for_update, ids=list(loss.in_hand)) if loss.in_hand else []
    struck = [
        _strike(tx, row, loss, limits, now, pause)
        for row in rows
        if row["status"] == PENDING and row["leased_by"] == owner
    ]
    _give_back(tx, loss.worker, now)
    return struck


def _give_back(tx: Transaction, worker: str, now: int) -> None:
    """Give back untried what a worker that has ended had claimed."""
    rows = tx.all(
        f"SELECT delivery_id FROM tikisync_deliveries{tx.by_index('due')} "  # noqa: S608  names of ours, values bound
        "WHERE status = 'pending' AND due_at > :now AND leased_by = :worker",
        now=now,
        worker=worker,
    )
    if rows:
        queue.release(tx, worker, [row["delivery_id"] for row in rows])


def _strike(
    tx: Transaction, row: Row, loss: Loss, limits: Limits, now: int, pause: Callable[[int], int]
) -> tuple[int, bool]:
    number, times = int(row["delivery_id"]), int(row["takeovers"]) + 1
    given_up = times >= (limits.deaths if loss.death.is_certain else limits.takeovers)
    changes: dict[str, Any] = {"takeovers": times, "reason": loss.death.reason, "leased_by": None}
    if given_up:
        changes |= {"status": FAILED, "finished_at": now, "due_at": None}
    else:
        changes |= {"due_at": now + pause(times)} | ({"routed_by": loss.routed_by} if loss.routed_by else {})
    tx.update(TABLE, {"delivery_id": number}, changes)
    if given_up:
        order.free(tx, [number], due_at=now)
    attempts.record(tx, [Attempt(number, loss.worker, now, now, DIED, loss.death.reason, loss.death.told)])
    return number, given_up
