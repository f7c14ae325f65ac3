"""Changing an item's status, and that of the items that follow it (Tiki: trackerlib change_status, 24.4)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tikisync.core.questions import FollowingItems
from tikisync.database import Row, Transaction

CASCADES_STATUS = 2  # bit of an Item Link field's option ``cascade``


def following(tx: Transaction, item_id: int, tracker_id: int, cascade: int) -> list[int]:
    """Return the items whose single Item Link to this item's tracker holds the item and has the ``cascade`` bit set."""
    question = FollowingItems(tracker_id, item_id, cascade)
    return list(all_following(tx, [question])[question])


def all_following(tx: Transaction, asked: Sequence[FollowingItems]) -> dict[FollowingItems, tuple[int, ...]]:
    """Return the items that follow each item; where no field leads to its tracker, without a look."""
    found: dict[FollowingItems, tuple[int, ...]] = dict.fromkeys(asked, ())
    links = tx.once("item links", lambda: _links(tx))
    fields = {
        each: {link for link, to, cascade in links if to == each.tracker_id and cascade & each.cascade}
        for each in found
    }
    by_id = {str(each.item_id): each for each in found if fields[each]}
    if by_id:
        rows = tx.all(
            "SELECT itemId, fieldId, value FROM tiki_tracker_item_fields WHERE value IN :items AND fieldId IN :fields",
            items=list(by_id),
            fields=sorted(set().union(*fields.values())),
        )
        for row in rows:
            each = by_id[str(row["value"]).rstrip()]  # SQL ignores spaces at the end
            if int(row["fieldId"]) in fields[each]:
                found[each] = (*found[each], int(row["itemId"]))
    return {each: tuple(sorted(items)) for each, items in found.items()}


def _links(tx: Transaction) -> list[tuple[int, int, int]]:
    """Return of each field that links one item: its id, the tracker it leads to, and what it cascades."""
    rows: Sequence[Row] = tx.all("SELECT fieldId, type, options FROM tiki_tracker_fields WHERE type = 'r'")
    return [
        (int(row["fieldId"]), _number(row["options"], "trackerId"), _number(row["options"], "cascade"))
        for row in rows
        if row["type"] == "r"  # SQL finds the type R too
    ]


def _number(options: str | None, name: str) -> int:
    try:
        return int(json.loads(options or "{}").get(name) or 0)
    except (ValueError, AttributeError, TypeError):
        return 0
