"""Writing safely into tables that cannot roll back (MyISAM): a repeat goes on where the try before it broke off.

Before each statement that writes, the journal gets a note of it, together with the answers to the queries that led to
it. In a repeat the same query is answered from the journal and the same write is not carried out again; of the one
write that the other try may or may not have got to, the rows tell. So the same functions write into any table.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar, cast

from tikisync.database import Row, Transaction, tables
from tikisync.database.statements import COLLECTIONS, matches

ANSWER, BEGUN, DONE = "answer", "begun", "done"
_OURS = "tikisync_"  # our own tables roll back, so a repeat has to write into them again

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Entry:
    """A note of one statement."""

    kind: str  # ANSWER of a query; of a write BEGUN, then DONE
    statement: bytes  # 16 bytes that tell it from others
    value: str  # JSON: the answer; how the table stood before; the result


def _on_tikis_tables(method: Method) -> Method:
    """Let a method pass what is about our own tables on to the transaction that can roll it back."""

    @wraps(method)
    def routed(self: ResumableTransaction, table_or_sql: str, *args: Any, **kwargs: Any) -> Any:
        if _OURS in table_or_sql:
            result = getattr(self.own, method.__name__)(table_or_sql, *args, **kwargs)
            self.own.flush()  # a lock has to be there before anything is done on the other connection
            return result
        return method(self, table_or_sql, *args, **kwargs)

    return cast("Method", routed)


class ResumableTransaction(Transaction):
    """Reads and writes each statement ``at_once``, and notes it; statements on our own tables go into ``own``.

    ``earlier``: the notes of the tries before this one, in order. ``keep`` makes new ones durable before it returns.
    """

    def __init__(
        self,
        at_once: Transaction,
        own: Transaction,
        earlier: Iterable[Entry],
        keep: Callable[[Sequence[Entry]], None],
    ) -> None:
        super().__init__(at_once._session)
        self._at_once, self.own, self._keep = at_once, own, keep
        self._known: defaultdict[tuple[str, bytes], deque[Any]] = defaultdict(deque)
        for entry in earlier:
            self._known[entry.kind, entry.statement].append(json.loads(entry.value))
        self._unkept: list[Entry] = []
        self._automatic: dict[str, str] = {}  # column by table

    @_on_tikis_tables
    def all(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """Return the rows of a query, those of the first try where it asked the same."""
        rows: Sequence[Row] = self._answer(
            [sql, parameters], lambda: [dict(row) for row in self._at_once.all(sql, **parameters)]
        )
        return rows

    def started_at(self, now: int) -> int:
        """Return the time of the first try."""
        return int(self._answer(["started at"], lambda: now))

    @_on_tikis_tables
    def insert(self, table: str, row: Row, *, childless_in: str = "") -> int:
        """Insert one row; return its automatic id."""
        return self._once(
            ["insert", table, row],
            lambda: self._at_once.insert(table, row),
            before=lambda: self._highest_id(table),
            found=lambda highest: self._find(table, row, highest, childless_in),
        )

    @_on_tikis_tables
    def insert_many(self, table: str, rows: Sequence[Row], *, on_duplicate: str = "") -> None:
        """Insert rows; after an interruption those that are not there yet."""
        if not rows:
            return

        def found(highest: int | None) -> int | None:
            if on_duplicate:  # can be repeated as it is
                return None
            missing = [row for row in rows if self._find(table, row, highest) is None]
            self._at_once.insert_many(table, missing)
            return len(missing)

        self._once(
            ["insert", table, rows, on_duplicate],
            lambda: self._at_once.insert_many(table, rows, on_duplicate=on_duplicate),
            before=lambda: self._highest_id(table),
            found=found,
        )

    @_on_tikis_tables
    def update(self, table: str, where: Row, changes: Row) -> None:
        """Set columns of the rows whose columns equal ``where``."""
        self._once(["update", table, where, changes], lambda: self._at_once.update(table, where, changes))

    @_on_tikis_tables
    def count(self, table: str, where: Row, column: str, by: int, changes: Row) -> None:
        """Add to a counting column; after an interruption only where it still stands as before."""

        def standing() -> int | None:
            rows = self._at_once.all(f"SELECT `{column}` AS n FROM `{table}` WHERE {matches(where)}", **where)  # noqa: S608  names of ours, values bound
            return rows[0]["n"] if rows else None

        self._once(
            ["count", table, where, column, by, changes],
            lambda: self._at_once.count(table, where, column, by, changes),
            before=standing,
            found=lambda before: None if standing() == before else 1,
        )

    @_on_tikis_tables
    def delete(self, table: str, where: Row) -> None:
        """Delete the rows whose columns equal ``where``."""
        self._once(["delete", table, where], lambda: self._at_once.delete(table, where))

    @_on_tikis_tables
    def run(self, sql: str, **parameters: Any) -> int:
        """Carry out another statement that writes; it must be one that can be repeated."""
        return self._once(["run", sql, parameters], lambda: self._at_once.run(sql, **parameters))

    def later(self, sql: str, **parameters: Any) -> None:
        """Carry out another statement that writes; it must be one that can be repeated."""
        self.run(sql, **parameters)

    @_on_tikis_tables
    def update_now(self, table: str, where: Row, changes: Row) -> int:
        """Set columns of the rows whose columns equal ``where``; return how many rows it met."""
        carry_out = partial(self._at_once.update_now, table, where, changes)
        return self._once(["update now", table, where, changes], carry_out)

    def _answer(self, query: Any, ask: Callable[[], Any]) -> Any:
        statement = _digest(query)
        if known := self._known[ANSWER, statement]:
            return known.popleft()
        answer = ask()
        self._unkept.append(_entry(ANSWER, statement, answer))
        return answer

    def _once(
        self,
        write: Any,
        carry_out: Callable[[], int | None],
        before: Callable[[], int | None] = lambda: None,
        found: Callable[[int | None], int | None] = lambda _: None,
    ) -> int:
        """Carry out a write that no try has carried out; return its result.

        ``before`` tells how the table stands, and ``found``, given that, the result of a write that came through
        although nobody could note it any more, or None.
        """
        statement = _digest(write)
        begun, done = self._known[BEGUN, statement], self._known[DONE, statement]
        if begun:
            stood = begun.popleft()
            if done:
                return int(done.popleft())
            result = found(stood)
        else:
            self._keep([*self._unkept, _entry(BEGUN, statement, before())])
            self._unkept.clear()
            result = None
        if result is None:
            result = carry_out() or 0
        self._unkept.append(_entry(DONE, statement, result))
        return result

    def _highest_id(self, table: str) -> int | None:
        column = self._automatic_id(table)
        if not column:
            return None
        return int(self._at_once.value(f"SELECT MAX(`{column}`) FROM `{table}`") or 0)  # noqa: S608  names of ours, values bound

    def _find(self, table: str, row: Row, highest: int | None, childless_in: str = "") -> int | None:
        """Return the automatic id (0 where there is none) of a row like this, younger than ``highest``; None: none."""
        (row,) = self._at_once._storable(table, [row])
        column = self._automatic_id(table)
        conditions = [f"`{name}` <=> :{name}" for name in row]
        if column and column not in row:
            conditions.append(f"`{column}` > :highest")
            if childless_in:
                conditions.append(f"`{column}` NOT IN (SELECT `{column}` FROM `{childless_in}`)")  # noqa: S608  names of ours, values bound
        sql = (
            f"SELECT {f'MIN(`{column}`)' if column else 'MIN(0)'} AS id FROM `{table}` WHERE {' AND '.join(conditions)}"  # noqa: S608  names of ours, values bound
        )
        found = self._at_once.value(sql, **row, highest=highest)
        return None if found is None else int(found)

    def _automatic_id(self, table: str) -> str:
        if table not in self._automatic:
            columns = tables.columns(self._at_once, [table]).get(table, {})
            self._automatic[table] = next((column.name for column in columns.values() if column.is_automatic), "")
        return self._automatic[table]


def _entry(kind: str, statement: bytes, value: Any) -> Entry:
    return Entry(kind, statement, json.dumps(value, default=str))  # default: columns of types that nobody here looks at


def _digest(statement: Any) -> bytes:
    text = json.dumps(_in_order(statement), default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _in_order(value: Any) -> Any:
    """Return what is the same for a statement in every process: those of sets come in any order."""
    if isinstance(value, Mapping):
        return {name: _in_order(each) for name, each in sorted(value.items())}
    if isinstance(value, COLLECTIONS):
        each = [_in_order(each) for each in value]
        return each if any(isinstance(one, dict | list) for one in each) else sorted(each, key=repr)
    return value
