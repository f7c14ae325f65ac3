"""What is new in the inbox since somebody last looked: deliveries received, and attempts that ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tikisync.database import Row, Transaction

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read."""

    delivery_id: int = 0
    attempt_id: int = 0


def place(tx: Transaction, back: int) -> Place:
    """Return the place so many deliveries before the end, and before the first attempt at one of these."""
    before = max(0, int(tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries") or 0) - back)
    first = tx.value("SELECT MIN(attempt_id) FROM tikisync_attempts WHERE delivery_id > :before", before=before)
    last = tx.value("SELECT MAX(attempt_id) FROM tikisync_attempts")
    return Place(before, int(last or 0) if first is None else int(first) - 1)


def received(tx: Transaction, since: Place) -> Sequence[Row]:
    """Return the deliveries received after a place: delivery_id, handler, received_at, client_ip, size."""
    return tx.all(
        "SELECT delivery_id, handler, received_at, client_ip, size FROM tikisync_deliveries "
        "WHERE delivery_id > :id ORDER BY delivery_id LIMIT :most",
        id=since.delivery_id,
        most=AT_ONCE,
    )


def ended(tx: Transaction, since: Place) -> Sequence[Row]:
    """Return the attempts that ended after a place, each with the handler of its delivery."""
    return tx.all(
        "SELECT a.attempt_id, a.delivery_id, d.handler, a.started_at, a.finished_at, a.outcome, a.reason, a.error, "
        "a.wrote FROM tikisync_attempts a JOIN tikisync_deliveries d ON d.delivery_id = a.delivery_id "
        "WHERE a.attempt_id > :id ORDER BY a.attempt_id LIMIT :most",
        id=since.attempt_id,
        most=AT_ONCE,
    )
