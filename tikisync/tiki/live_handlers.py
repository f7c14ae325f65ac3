"""The webhook handlers as they stand in Tiki's database at each look; read anew only where they changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from tikisync.core.handlers import Handler
from tikisync.database import Row, Transaction
from tikisync.database.tables import fingerprint, literal
from tikisync.tiki import handlers, preferences

_Look: TypeAlias = "tuple[str, Row | None, Sequence[Handler] | None]"  # the query, what it gave, and the handlers then


class LiveHandlers:
    """Looks at the switch, the handlers and their users in one query."""

    def __init__(self, forced: Mapping[str, str]) -> None:
        self._forced = forced  # preferences that Tiki's system configuration forces
        self._last: _Look = ("", None, None)

    def look(self, tx: Transaction) -> Sequence[Handler] | None:
        """Return the handlers in Tiki's order, the same object while nothing changed; None where it is switched off.

        Raises TikiError where the table is missing: the Tiki is older than 25.
        """
        query, seen, found = self._last
        now = tx.first(query) if query else None
        if now is None or now != seen:
            there = handlers.load(tx)
            found = there if preferences.switch_is_on(tx, self._forced) else None
            # ``now`` is of before they were read: a change meanwhile makes the next look read them again.
            self._last = (_query(tx, {handler.user for handler in there}), now, found)
        return found


def _query(tx: Transaction, users: Collection[str]) -> str:
    """Return a query whose row changes whenever the switch, a handler or one of these users does."""
    logins = ", ".join(literal(tx, user) for user in sorted(users))
    switch = fingerprint(tx, "tiki_preferences", ["name", "value"], f"`name` = {literal(tx, preferences.SWITCH)}")
    rows = fingerprint(tx, "tiki_webhooks", handlers.COLUMNS, "1 = 1")
    known = fingerprint(tx, "users_users", ["login"], f"`login` IN ({logins})" if users else "1 = 0")
    return f"SELECT ({switch}) AS switch, ({rows}) AS handlers, ({known}) AS users"
