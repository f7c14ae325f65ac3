"""The notes of deliveries that are being written into tables that cannot roll back (``tikisync_journal``)."""

from __future__ import annotations

from collections.abc import Sequence

from tikisync.database import Transaction
from tikisync.database.journal import Entry

_TABLE = "tikisync_journal"


def add(tx: Transaction, delivery_id: int, entries: Sequence[Entry]) -> None:
    """Keep notes, in their order."""
    own = {"delivery_id": delivery_id}
    rows = [{**own, "kind": each.kind, "statement": each.statement, "value": each.value} for each in entries]
    tx.insert_many(_TABLE, rows)


def entries(tx: Transaction, delivery_id: int) -> list[Entry]:
    """Return a delivery's notes, first to last; none where no try at it broke off."""
    rows = tx.all(
        "SELECT kind, statement, value FROM tikisync_journal WHERE delivery_id = :id ORDER BY entry_id", id=delivery_id
    )
    return [Entry(str(row["kind"]), bytes(row["statement"]), str(row["value"])) for row in rows]


def forget(tx: Transaction, delivery_id: int) -> None:
    """Drop the notes of a delivery that is done."""
    tx.delete(_TABLE, {"delivery_id": delivery_id})
