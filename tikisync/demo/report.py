"""What the demo shows afterwards: each webhook's fate, and the items with their history, read from Tiki's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tikisync.core.trackers import STATUSES
from tikisync.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class ShownItem:
    """A tracker item as a person would see it."""

    title: str  # such as "Orders, item 1 (open, created by webshop)"
    values: Sequence[tuple[str, str]]
    history: Sequence[str]


def items(database: Database) -> list[ShownItem]:
    """Return all items of all trackers, oldest first."""
    with database.transaction() as tx:
        rows = tx.all(
            "SELECT i.itemId, i.status, i.createdBy, t.name FROM tiki_tracker_items i "
            "JOIN tiki_trackers t ON t.trackerId = i.trackerId ORDER BY i.itemId"
        )
        return [
            ShownItem(
                f"{row['name']}, item {row['itemId']} ({STATUSES[row['status']]}, created by {row['createdBy']})",
                _values(tx, row["itemId"]),
                _history(tx, row["itemId"]),
            )
            for row in rows
        ]


def _values(tx: Transaction, item_id: int) -> list[tuple[str, str]]:
    rows = tx.all(
        "SELECT f.name, v.value FROM tiki_tracker_item_fields v JOIN tiki_tracker_fields f ON f.fieldId = v.fieldId "
        "WHERE v.itemId = :item ORDER BY f.position",
        item=item_id,
    )
    return [(row["name"], row["value"] or "") for row in rows]


def _history(tx: Transaction, item_id: int) -> list[str]:
    rows = tx.all(
        "SELECT l.version, f.name, l.value, a.user FROM tiki_tracker_item_field_logs l "
        "LEFT JOIN tiki_tracker_fields f ON f.fieldId = l.fieldId "
        "LEFT JOIN tiki_actionlog a ON a.objectType = 'trackeritem' AND a.object = l.itemId AND a.comment = l.version "
        "WHERE l.itemId = :item ORDER BY l.version, f.position",
        item=item_id,
    )
    return [
        f"version {row['version']} by {row['user']}: {row['name'] or 'Status'} was {row['value']!r}" for row in rows
    ]
