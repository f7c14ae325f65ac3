"""Tiki's action log (``tiki_actionlog``): who did what to which item, and the source of each version's author."""

from __future__ import annotations

from dataclasses import dataclass

from tikisync.database import Transaction
from tikisync.tiki.preferences import Preferences

CREATED, UPDATED, REMOVED = "Created", "Updated", "Removed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where: the Tiki login, the sender's address and user agent."""

    login: str
    ip: str = ""
    user_agent: str = ""


def is_logged(tx: Transaction, preferences: Preferences, action: str) -> bool:
    """Tell whether Tiki logs this action on items; ``feature_actionlog`` off logs everything (LogsLib, 24.4)."""
    if not preferences.is_on("feature_actionlog"):
        return True
    rows = tx.all(
        "SELECT action, status FROM tiki_actionlog_conf WHERE objectType = 'trackeritem' AND action IN :actions",
        actions=[action, "%"],
    )
    configured = {str(row["action"]): row["status"] for row in rows}
    return configured.get(action, configured.get("%")) in ("y", "v")


def add(tx: Transaction, actor: Actor, action: str, item_id: int, now: int, comment: str = "") -> None:
    """Add the row that Tiki's LogsLib::add_action writes for a tracker item."""
    row = {
        "action": action,
        "lastModif": now,
        "object": str(item_id),
        "objectType": "trackeritem",
        "user": actor.login,
        "ip": actor.ip[:39] or "0.0.0.0",  # noqa: S104  what Tiki writes for an unknown address
        "comment": comment,
        "client": actor.user_agent[:200] or None,
    }
    tx.insert("tiki_actionlog", row)
