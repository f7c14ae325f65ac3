"""An open transaction: statements on rows, written once for MySQL, MariaDB and SQLite."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from tikisync.core.characters import is_wide, narrowed
from tikisync.database import tables
from tikisync.database.memory import Memory
from tikisync.database.result_sets import Result
from tikisync.database.sessions import Session, Statement
from tikisync.database.statements import matches
from tikisync.errors import ConflictError

Row: TypeAlias = Mapping[str, Any]
T = TypeVar("T")

_LATER = 200_000  # characters of what may wait for the next statement; servers take 16 MiB and more


class Transaction:
    """An open transaction. Functions of ``tiki`` and ``inbox`` take one and never commit.

    A ``patient`` one sends writes that nobody wants to know anything of together with the next statement, or at its
    end: a round trip costs as much as a small statement. They are carried out in order, and the first that fails is the
    last; so all that differs is where in the code its error comes up.
    """

    _memory: Memory | None = None

    def __init__(self, session: Session, *, patient: bool = False) -> None:
        self._session = session
        self.is_sqlite = session.is_sqlite
        self._most_later = _LATER if patient else 0
        self._later: list[Statement] = []
        self._length = 0  # of them, in characters

    def all(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """Return the rows of a query, each a mapping by column name."""
        found = self._send(self._session.statement(sql, parameters))
        if self._memory is not None:
            self._memory.record(sql, parameters, found.columns, len(found.rows))
        return found.rows

    def first(self, sql: str, **parameters: Any) -> Row | None:
        """Return the first row of a query, or None."""
        return next(iter(self.all(sql, **parameters)), None)

    def value(self, sql: str, **parameters: Any) -> Any:
        """Return the first column of the first row, or None."""
        row = self.first(sql, **parameters)
        return next(iter(row.values())) if row else None

    def run(self, sql: str, **parameters: Any) -> int:
        """Carry out a statement that writes; return how many rows it met."""
        return self._send(self._session.statement(sql, parameters)).affected

    def later(self, sql: str, **parameters: Any) -> None:
        """Carry out a statement that writes before any other that follows."""
        self._postpone(self._session.statement(sql, parameters))

    def flush(self) -> None:
        """Carry out now what may have waited for the next statement."""
        if self._later:
            self._send(self._later.pop())

    def insert(self, table: str, row: Row, *, childless_in: str = "") -> int:  # noqa: ARG002  see ResumableTransaction
        """Insert one row; return its automatic id, 0 where it has none. ``childless_in`` soon has rows for the id."""
        (row,) = self._storable(table, [row])
        (statement,) = self._session.insert(table, tuple(row), [tuple(row.values())])
        return self._send(statement).new_id

    def insert_alike(self, table: str, row: Row, number: int, *, automatic: str, childless_in: str = "") -> list[int]:
        """Insert so many rows that are the same but for their ids, in the column ``automatic``; return the ids.

        Which they are the rows tell, for ids may come in steps; raises ConflictError where that leaves a doubt.
        """
        if number == 1 or self.is_sqlite:
            return [self.insert(table, row, childless_in=childless_in) for _ in range(number)]
        (row,) = self._storable(table, [row])
        rows = [tuple(row.values())] * number
        lowest = min(self._send(each).new_id for each in self._session.insert(table, tuple(row), rows))
        same = " AND ".join(f"`{column}` <=> :{column}" for column in row)
        sql = f"SELECT `{automatic}` AS id FROM `{table}` WHERE `{automatic}` >= :lowest AND {same} ORDER BY id"  # noqa: S608  names of ours, values bound
        ids = [int(each["id"]) for each in self.all(sql, lowest=lowest, **row)]
        if len(ids) != number:
            raise ConflictError(f"others wrote into {table} at the same time")
        return ids

    def insert_many(self, table: str, rows: Sequence[Row], *, on_duplicate: str = "") -> None:
        """Insert rows that all have the same columns, in as few statements as can be.

        ``on_duplicate``: '' raises, 'ignore' skips, anything else is the assignment that updates the row already
        there, as SQL.
        """
        if not rows:
            return
        columns = tuple(rows[0])
        values = [[row[column] for column in columns] for row in self._storable(table, rows)]
        for each in self._session.insert(table, columns, values, on_duplicate):
            self._postpone(each)

    def insert_tuples(
        self, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], *, on_duplicate: str = ""
    ) -> int:
        """Insert rows as ``insert_many`` does, given as values of these columns; for tables of our own.

        Return the number of affected rows as the server counts them (MySQL: 1 inserted, 2 updated).
        """
        return sum(self._send(each).affected for each in self._session.insert(table, columns, rows, on_duplicate))

    def upsert_many(self, table: str, rows: Sequence[Row], *, key: Sequence[str]) -> None:
        """Insert rows, or update all their other columns where a row with this primary ``key`` is there already."""
        if not rows:
            return
        others = [column for column in rows[0] if column not in key]
        if self.is_sqlite:
            assignment = ", ".join(f"`{column}` = excluded.`{column}`" for column in others)
        else:  # VALUES() is the spelling that MariaDB and every MySQL up to 9 understand
            assignment = ", ".join(f"`{column}` = VALUES(`{column}`)" for column in others)
        self.insert_many(table, rows, on_duplicate=assignment or "ignore")

    def update(self, table: str, where: Row, changes: Row) -> None:
        """Set columns of the rows whose columns equal ``where``."""
        sql, parameters = self._update(table, where, changes)
        self.later(sql, **parameters)

    def update_now(self, table: str, where: Row, changes: Row) -> int:
        """Set columns of the rows whose columns equal ``where``; return how many rows it met."""
        sql, parameters = self._update(table, where, changes)
        return self.run(sql, **parameters)

    def count(self, table: str, where: Row, column: str, by: int, changes: Row) -> None:
        """Add ``by`` to a counting column (NULL counts as 0), and set other columns."""
        parameters = {f"set_{name}": value for name, value in changes.items()}
        sets = ", ".join(
            [f"`{column}` = COALESCE(`{column}`, 0) + :by", *(f"`{name}` = :set_{name}" for name in changes)]
        )
        self.later(f"UPDATE `{table}` SET {sets} WHERE {matches(where)}", by=by, **parameters, **where)  # noqa: S608  names of ours, values bound

    def delete(self, table: str, where: Row) -> None:
        """Delete the rows whose columns equal ``where``."""
        self.later(f"DELETE FROM `{table}` WHERE {matches(where)}", **where)  # noqa: S608  names of ours, values bound

    def started_at(self, now: int) -> int:
        """Return the time that all rows get (UNIX seconds, UTC): now, or that of the try which this one completes."""
        return now

    @property
    def for_update(self) -> str:
        """The suffix of a SELECT that locks its rows; SQLite needs none, its transactions lock from the start."""
        return "" if self.is_sqlite else " FOR UPDATE"

    def by_index(self, index: str) -> str:
        """Return the suffix of a table in a SELECT that is to go by this index, whatever the statistics say."""
        return "" if self.is_sqlite else f" FORCE INDEX (`{index}`)"

    def columns(self, table: str) -> Sequence[str]:
        """Return the names of a table's columns, in order; empty where there is no such table."""
        return list(tables.columns(self, [table]).get(table, ()))

    def as_stored(self, table: str, column: str, text: str) -> str:
        """Return a text as the column holds it: with a space for each character that it has no room for."""
        return narrowed(text) if is_wide(text) and column in self.narrow_columns(table) else text

    def narrow_columns(self, table: str) -> frozenset[str]:
        """Return the columns of a table whose old character set cannot hold every character."""
        found = self.once(("columns", table), lambda: tables.columns(self, [table]).get(table, {}))
        return frozenset(name for name, column in found.items() if column.is_narrow)

    def engine(self, table: str) -> str:
        """Return a table's storage engine (``InnoDB``, ``MyISAM``, …; ``SQLite``), '' where there is no such table."""
        if self.is_sqlite:
            return "SQLite" if self.columns(table) else ""
        sql = "SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :table"
        return str(self.value(sql, table=table) or "")

    def server(self) -> str:
        """Return the server's name and version, such as ``MariaDB 10.11.6``."""
        if self.is_sqlite:
            return f"SQLite {self.value('SELECT sqlite_version()')}"
        version = str(self.value("SELECT VERSION()"))
        return ("MariaDB " if "mariadb" in version.lower() else "MySQL ") + version.split("-")[0]

    def remember(self, memory: Memory, *, check: bool = True) -> None:
        """From now on read ``once`` what nothing in this transaction changes, or take it from the memory.

        ``check`` whether it still is so; without, what somebody has changed meanwhile may not be noticed.
        """
        memory.begin(self, check=check)
        self._memory = memory

    def once(self, what: Hashable, read: Callable[[], T]) -> T:
        """Return what ``read`` returns, or in a transaction that remembers, what it returned the first time."""
        return read() if self._memory is None else self._memory.once(self, what, read)

    def _storable(self, table: str, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows with a space for each character that its column cannot hold, as Tiki would store them."""
        if not any(isinstance(value, str) and is_wide(value) for row in rows for value in row.values()):
            return rows
        narrow = self.narrow_columns(table)
        return [{name: narrowed(value) if name in narrow else value for name, value in row.items()} for row in rows]

    def _update(self, table: str, where: Row, changes: Row) -> tuple[str, Row]:
        """Return a statement that sets columns, and its parameters."""
        (changes,) = self._storable(table, [changes])
        sets = ", ".join(f"`{column}` = :set_{column}" for column in changes)
        values = {f"set_{column}": value for column, value in changes.items()}
        return f"UPDATE `{table}` SET {sets} WHERE {matches(where)}", {**values, **where}  # noqa: S608  names of ours, values bound

    def _postpone(self, statement: Statement) -> None:
        self._later.append(statement)
        self._length += len(statement.sql)
        if self._length >= self._most_later:
            self.flush()

    def _send(self, statement: Statement) -> Result:
        """Carry out what waits, and then a statement; return what that came to."""
        waited, self._later, self._length = self._later, [], 0
        return self._session.send([*waited, statement])
