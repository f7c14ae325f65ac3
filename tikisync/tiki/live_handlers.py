"""The webhook handlers as they stand in Tiki's database at each look; read anew only where they changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from tikisync.core.handlers import Handler
from tikisync.database import Transaction
from tikisync.database.tables import fingerprint, literal
from tikisync.tiki import handlers, preferences

_Queries: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True)
class Seen:
    """What a look found: the handlers in Tiki's order, None where webhooks are switched off."""

    handlers: Sequence[Handler] | None
    queries: _Queries  # each for one value that changes where the handlers do
    values: Sequence[object] | None  # that they gave before the handlers were read; None: not these queries

    @cached_property
    def stands(self) -> str:
        """A condition, as a server's SQL, that holds as long as a look finds the same; '' where none is known."""
        if self.values is None:
            return ""
        values = ["NULL" if value is None else value for value in self.values]
        return " AND ".join([f"({query}) <=> {value}" for query, value in zip(self.queries, values, strict=True)])


class LiveHandlers:
    """Looks at the switch, the handlers and their users in one query; ``seen`` is what the last look found."""

    def __init__(self, forced: Mapping[str, str]) -> None:
        self._forced = forced  # preferences that Tiki's system configuration forces
        self.seen: Seen | None = None

    def look(self, tx: Transaction) -> Sequence[Handler] | None:
        """Return the handlers in Tiki's order, the same object while nothing changed; None where it is switched off.

        Raises TikiError where the table is missing: the Tiki is older than 25.
        """
        seen = self.seen
        values = _values(tx, seen.queries) if seen else None
        if seen is None or values != seen.values:
            there = handlers.load(tx)
            found = there if preferences.switch_is_on(tx, self._forced) else None
            queries = _queries(tx, {handler.user for handler in there})
            # The values are of before they were read: a change meanwhile makes the next look read them again.
            self.seen = seen = Seen(found, queries, values if seen and queries == seen.queries else None)
        return seen.handlers


def _values(tx: Transaction, queries: _Queries) -> Sequence[object]:
    row = tx.first("SELECT " + ", ".join(f"({query}) AS value{place}" for place, query in enumerate(queries)))
    return list(row.values()) if row else []


def _queries(tx: Transaction, users: Collection[str]) -> _Queries:
    """Return queries of which a value changes whenever the switch, a handler or one of these users does."""
    logins = ", ".join(literal(tx, user) for user in sorted(users))
    return (
        fingerprint(tx, "tiki_preferences", ["name", "value"], f"`name` = {literal(tx, preferences.SWITCH)}"),
        fingerprint(tx, "tiki_webhooks", handlers.COLUMNS, "1 = 1"),
        fingerprint(tx, "users_users", ["login"], f"`login` IN ({logins})" if users else "1 = 0"),
    )
