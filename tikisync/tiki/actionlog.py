"""Tiki's action log (``tiki_actionlog``): who did what to which item, and the source of each version's author."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tikisync.database import Row, Transaction
from tikisync.tiki.preferences import Preferences

CREATED, UPDATED, REMOVED = "Created", "Updated", "Removed"
_ANY = "%"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where: the Tiki login, the sender's address and user agent."""

    login: str
    ip: str = ""
    user_agent: str = ""


def is_logged(tx: Transaction, preferences: Preferences, action: str, object_type: str = "trackeritem") -> bool:
    """Tell whether Tiki logs this action on items; ``feature_actionlog`` off logs everything (LogsLib, 24.4)."""
    if not preferences.is_on("feature_actionlog"):
        return True
    sql = "SELECT action, status FROM tiki_actionlog_conf WHERE objectType = :type"
    rows = tx.once((sql, object_type), lambda: tx.all(sql, type=object_type))
    configured = {str(row["action"]): row["status"] for row in rows}
    return configured.get(action, configured.get(_ANY)) in ("y", "v")


def categories(tx: Transaction, preferences: Preferences, items: Sequence[int]) -> Mapping[int, tuple[int, ...]]:
    """Return the categories of items, by item, where Tiki logs an action once for each; nothing where it does not."""
    if not preferences.is_on("feature_categories") or not is_logged(tx, preferences, _ANY, "category"):
        return {}
    rows = tx.all(
        "SELECT o.itemId, c.categId FROM tiki_objects o JOIN tiki_category_objects c ON c.catObjectId = o.objectId "
        "WHERE o.type = 'trackeritem' AND o.itemId IN :items ORDER BY c.categId",
        items=[str(item) for item in items],
    )
    found: dict[int, tuple[int, ...]] = {}
    for row in rows:
        found[int(row["itemId"])] = (*found.get(int(row["itemId"]), ()), int(row["categId"]))
    return found


def rows(
    actor: Actor, action: str, item_id: int, now: int, comment: str = "", categories: Sequence[int] = ()
) -> list[Row]:
    """Return the row that Tiki's LogsLib::add_action writes for a tracker item, or one for each of these categories."""
    row: Row = {
        "action": action,
        "lastModif": now,
        "object": str(item_id),
        "objectType": "trackeritem",
        "user": actor.login,
        "ip": actor.ip[:39] or "0.0.0.0",  # noqa: S104  what Tiki writes for an unknown address
        "comment": comment,
        "client": actor.user_agent[:200] or None,
    }
    return [{**row, "categId": each, "log": ""} for each in categories] or [row]


def add(tx: Transaction, rows: Sequence[Row]) -> None:
    """Add rows to the log."""
    tx.insert_many("tiki_actionlog", [row for row in rows if "categId" not in row])
    tx.insert_many("tiki_actionlog", [row for row in rows if "categId" in row])
