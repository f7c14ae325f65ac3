"""Changing an item's status, and that of the items that follow it (Tiki: trackerlib change_status, 24.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tikisync.database import Transaction

_CASCADES_STATUS = 2  # bit of an Item Link field's option ``cascade``


def change(tx: Transaction, item_id: int, tracker_id: int, to: str, touched: Mapping[str, object]) -> list[int]:
    """Set the status of an item and of those linked to it by a field that cascades status; return the latter's ids."""
    children = [each for each in following(tx, item_id, tracker_id, _CASCADES_STATUS) if each != item_id]
    tx.update("tiki_tracker_items", {"itemId": [item_id, *children]}, {"status": to, **touched})
    return children


def following(tx: Transaction, item_id: int, tracker_id: int, cascade: int) -> list[int]:
    """Return the items whose single Item Link to this item's tracker holds the item and has the ``cascade`` bit set."""
    rows = tx.all(
        "SELECT v.itemId, f.type, f.options FROM tiki_tracker_item_fields v "
        "JOIN tiki_tracker_fields f ON f.fieldId = v.fieldId WHERE v.value = :item AND f.type = 'r' ORDER BY v.itemId",
        item=str(item_id),
    )
    return [
        int(row["itemId"])
        for row in rows
        if row["type"] == "r"  # SQL finds the type R too
        and _number(row["options"], "trackerId") == tracker_id
        and _number(row["options"], "cascade") & cascade
    ]


def _number(options: str | None, name: str) -> int:
    try:
        return int(json.loads(options or "{}").get(name) or 0)
    except (ValueError, AttributeError, TypeError):
        return 0
