"""Tiki's search queue (``tiki_queue``): tell Tiki's next save or ``index:catch-up`` to index an item again."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tikisync.database import Transaction
from tikisync.tiki.preferences import Preferences

_JSON = json.JSONEncoder(separators=(",", ":"))


def add(tx: Transaction, preferences: Preferences, item_ids: Iterable[int], now: int) -> None:
    """Queue items for indexing, where Tiki's search and its incremental update are on.

    The handler stays NULL: Tiki takes only such rows (lib/queuelib.php, 24.4).
    """
    add_objects(tx, preferences, [("trackeritem", str(item_id)) for item_id in item_ids], now)


def add_objects(tx: Transaction, preferences: Preferences, objects: Iterable[tuple[str, str]], now: int) -> None:
    """Queue objects of any type, each (type, id), in the same way."""
    if preferences.is_on("feature_search") and preferences.is_on("unified_incremental_update"):
        tx.insert_many("tiki_queue", [_row(*each, now) for each in dict.fromkeys(objects)])


def _row(kind: str, object_id: str, now: int) -> dict[str, object]:
    message = _JSON.encode({"object_type": kind, "object_id": object_id})
    return {"queue": "search-increment", "timestamp": now, "handler": None, "message": message}
