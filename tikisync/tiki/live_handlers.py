"""The webhook handlers as they stand in Tiki's database at each look; read anew only where they changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from tikisync.core.handlers import Handler
from tikisync.database import Transaction
from tikisync.database.tables import digest, fingerprint, literal
from tikisync.tiki import handlers, preferences

_Queries: TypeAlias = "tuple[str, ...]"

_DIGEST = digest(handlers.COLUMNS)
_LOOK_AT_ALL = 0.5  # seconds from one look at all of many handlers to the next
_FEW = 8  # of many
_NONE = -1  # the id of no handler
_MANY = 20  # handlers; to look at all of so few costs as little as to look at one


@dataclass(frozen=True)
class Seen:
    """What a look found: the handlers in Tiki's order, None where webhooks are switched off."""

    handlers: Sequence[Handler] | None
    queries: _Queries  # each for one value that changes where the handlers do
    values: Sequence[object] | None  # that they gave before the handlers were read; None: not these queries
    digests: Mapping[int, int] = field(default_factory=dict)  # of the handlers' rows, by id, where there are many

    @cached_property
    def stands(self) -> str:
        """A condition, as a server's SQL, that holds as long as a look finds the same; '' where none is known."""
        return " AND ".join(self._conditions)

    def stands_for(self, ids: Collection[int]) -> str:
        """Return a condition like ``stands`` that is only about those of many handlers that have these ids."""
        switch, _, users = self._conditions
        digests = sum(self.digests[each] for each in ids)
        where = f"`webhookId` IN ({', '.join(map(str, sorted(ids)))})"
        return f"{switch} AND (SELECT SUM({_DIGEST}) FROM `tiki_webhooks` WHERE {where}) <=> {digests} AND {users}"  # noqa: S608  numbers

    @cached_property
    def _conditions(self) -> Sequence[str]:
        values = ["NULL" if value is None else value for value in self.values or ()]
        return [f"({query}) <=> {value}" for query, value in zip(self.queries, values, strict=False)]


class LiveHandlers:
    """Looks at the switch, the handlers and their users in one query; ``seen`` is what the last look found."""

    def __init__(self, forced: Mapping[str, str], ticks: Callable[[], float] = time.monotonic) -> None:
        self._forced = forced  # preferences that Tiki's system configuration forces
        self._ticks = ticks
        self._looks_at_all = 0.0  # by its ticks
        self.seen: Seen | None = None

    def look(self, tx: Transaction) -> Sequence[Handler] | None:
        """Return the handlers in Tiki's order, the same object while nothing changed; None where it is switched off.

        Raises TikiError where the table is missing: the Tiki is older than 25.
        """
        seen = self.seen
        values = _values(tx, seen.queries) if seen else None
        if seen is None or values != seen.values:
            digests = _digests(tx) if seen and len(seen.handlers or ()) > _MANY and not tx.is_sqlite else {}
            there = handlers.load(tx)
            found = there if preferences.switch_is_on(tx, self._forced) else None
            queries = _queries(tx, {handler.user for handler in there})
            # Values and digests are of before they were read: a change meanwhile makes the next look read them again.
            self.seen = seen = Seen(found, queries, values if seen and queries == seen.queries else None, digests)
        return seen.handlers

    def condition(self, takers: Iterable[Handler | None]) -> str:
        """Return a condition, as a server's SQL, that holds as long as requests go to these handlers, seen last.

        None is for requests that no handler takes. As long as it is a few of many that take them all, the others are
        not looked at with each group: that would take as long as to store it. Another could take their requests only by
        becoming like one of them, with the same secret, and that counts half a second later.
        """
        seen, now = self.seen, self._ticks()
        assert seen is not None  # noqa: S101  they were seen
        if seen.digests and now < self._looks_at_all:
            ids = {each.handler_id if each else _NONE for each in takers}
            if len(ids) <= _FEW and ids <= seen.digests.keys():
                return seen.stands_for(ids)
        self._looks_at_all = now + _LOOK_AT_ALL
        return seen.stands


def _values(tx: Transaction, queries: _Queries) -> Sequence[object]:
    row = tx.first("SELECT " + ", ".join(f"({query}) AS value{place}" for place, query in enumerate(queries)))
    return list(row.values()) if row else []


def _digests(tx: Transaction) -> dict[int, int]:
    rows = tx.all(f"SELECT `webhookId` AS id, {_DIGEST} AS digest FROM `tiki_webhooks`")  # noqa: S608  names of ours
    return {int(row["id"]): int(row["digest"]) for row in rows}


def _queries(tx: Transaction, users: Collection[str]) -> _Queries:
    """Return queries of which a value changes whenever the switch, a handler or one of these users does."""
    logins = ", ".join(literal(tx, user) for user in sorted(users))
    return (
        fingerprint(tx, "tiki_preferences", ["name", "value"], f"`name` = {literal(tx, preferences.SWITCH)}"),
        fingerprint(tx, "tiki_webhooks", handlers.COLUMNS, "1 = 1"),
        fingerprint(tx, "users_users", ["login"], f"`login` IN ({logins})" if users else "1 = 0"),
    )
