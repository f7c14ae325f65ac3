"""The database: engine, transactions, and every difference between MySQL, MariaDB and SQLite.

Statements are written once, in the SQL that all three read (backticks quote names everywhere), with ``:name``
parameters; a list, tuple or set as a parameter becomes an ``IN`` list. What differs is a method here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from pymysql.err import MySQLError
from sqlalchemy import exc as sa
from sqlalchemy.engine import URL, Connection

from tikisync.core.characters import is_wide, narrowed
from tikisync.database import engines, hosts, statements, tables
from tikisync.database.errors import translated
from tikisync.database.memory import Memory
from tikisync.database.nonblocking import NonBlockingConnection
from tikisync.database.statements import bound, matches
from tikisync.errors import ConflictError, SetupError

Row: TypeAlias = Mapping[str, Any]
T = TypeVar("T")

_DRIVERS = ("mysql+pymysql", "mariadb+pymysql", "sqlite", "sqlite+pysqlite")


class Database:
    """A MySQL, MariaDB or SQLite database; makes transactions, holds the connection pool.

    ``url`` may name several hosts, separated by commas, that have the same database; ``shown`` is it for people,
    without its password. ``connect_timeout``: seconds to wait for a connection, a new one or one that others use now;
    ``answer_timeout``: seconds to wait for the answer to a statement, None without end (SQLite waits for locks only,
    and for 30 seconds).
    """

    def __init__(
        self, url: str | URL, *, pool_size: int = 5, connect_timeout: int = 5, answer_timeout: int | None = None
    ) -> None:
        try:
            urls = hosts.split(url)
        except (sa.ArgumentError, ValueError) as error:  # the latter about a port
            raise SetupError(
                "the database URL cannot be read",
                hint="write it as mysql+pymysql://user:password@host/database?charset=utf8mb4",
            ) from error
        self._given, (self._url, *others) = url, urls
        if self._url.drivername not in _DRIVERS:
            raise SetupError(
                f"no driver for a database URL that begins with {self._url.drivername}://",
                hint="tikisync speaks mysql+pymysql:// (MySQL and MariaDB) and sqlite://",
            )
        self.shown = ", or ".join(
            [self._url.render_as_string(hide_password=True), *(f"{each.host}:{each.port or 3306}" for each in others)]
        )
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = engines.engine(urls, pool_size, connect_timeout, answer_timeout)

    def __repr__(self) -> str:
        return f"Database({self.shown})"

    @property
    def name(self) -> str:
        """The name of the database on its server."""
        return self._url.database or ""

    def impatient(self, answer_timeout: int) -> Database:
        """Return the same database with connections of its own, that wait only so many seconds for an answer."""
        return Database(self._given, answer_timeout=answer_timeout)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction: committed at the end of the block, rolled back if it raises.

        Raises ConflictError or PassingError for trouble that passes, SetupError for what an admin can mend.
        """
        with self._errors_as_ours(), self._engine.begin() as connection:
            yield Transaction(connection, sqlite=self.is_sqlite)

    @contextmanager
    def at_once(self) -> Iterator[Transaction]:
        """Open a transaction in name only: each statement takes effect for good by itself, in tables of any engine."""
        with self.connection() as connection:
            yield Transaction(connection.execution_options(isolation_level="AUTOCOMMIT"), sqlite=self.is_sqlite)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection whose transaction is rolled back; its errors are ours, as those of ``transaction``."""
        with self._errors_as_ours(), self._engine.connect() as connection:
            yield connection

    def nonblocking(self) -> NonBlockingConnection | None:
        """Open a connection of its own that never waits for an answer; None where there is no server (SQLite)."""
        if self.is_sqlite:
            return None
        with self._errors_as_ours():
            pooled = self._engine.raw_connection()
            connection = pooled.driver_connection
            pooled.detach()  # the pool is to make no use of it any more
            connection.autocommit(True)  # type: ignore[union-attr]
            return NonBlockingConnection(connection)

    def close(self) -> None:
        """Close all pooled connections."""
        self._engine.dispose()

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        try:
            yield
        except (sa.SQLAlchemyError, MySQLError, sqlite3.Error) as error:  # the driver's own while it connects
            raise translated(error, self.shown) from error


class Transaction:
    """An open transaction. Functions of ``tiki`` and ``inbox`` take one and never commit."""

    _memory: Memory | None = None

    def __init__(self, connection: Connection, *, sqlite: bool) -> None:
        self._connection = connection
        self.is_sqlite = sqlite

    def all(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """Return the rows of a query, each a mapping by column name."""
        rows: Sequence[Row] = (result := self._run(sql, parameters)).mappings().all()
        if self._memory is not None:
            self._memory.record(sql, parameters, result.keys(), len(rows))
        return rows

    def first(self, sql: str, **parameters: Any) -> Row | None:
        """Return the first row of a query, or None."""
        return next(iter(self.all(sql, **parameters)), None)

    def value(self, sql: str, **parameters: Any) -> Any:
        """Return the first column of the first row, or None."""
        row = self.first(sql, **parameters)
        return next(iter(row.values())) if row else None

    def run(self, sql: str, **parameters: Any) -> int:
        """Carry out a statement that writes; return how many rows it met."""
        return int(self._run(sql, parameters).rowcount)

    def insert(self, table: str, row: Row, *, childless_in: str = "") -> int:  # noqa: ARG002  see ResumableTransaction
        """Insert one row; return its automatic id, 0 where it has none. ``childless_in`` soon has rows for the id."""
        (row,) = self._storable(table, [row])
        statement = statements.insert(table, tuple(row), self.is_sqlite)
        return int(self._connection.exec_driver_sql(statement, tuple(row.values())).lastrowid or 0)

    def insert_alike(self, table: str, row: Row, number: int, *, automatic: str, childless_in: str = "") -> list[int]:
        """Insert so many rows that are the same but for their ids, in the column ``automatic``; return the ids.

        Which they are the rows tell, for ids may come in steps; raises ConflictError where that leaves a doubt.
        """
        if number == 1 or self.is_sqlite:
            return [self.insert(table, row, childless_in=childless_in) for _ in range(number)]
        (row,) = self._storable(table, [row])
        statement = statements.insert(table, tuple(row), self.is_sqlite)
        lowest = self._connection.exec_driver_sql(statement, [tuple(row.values())] * number).lastrowid
        same = " AND ".join(f"`{column}` <=> :{column}" for column in row)
        sql = f"SELECT `{automatic}` AS id FROM `{table}` WHERE `{automatic}` >= :lowest AND {same} ORDER BY id"  # noqa: S608  names of ours, values bound
        ids = [int(each["id"]) for each in self.all(sql, lowest=lowest, **row)]
        if len(ids) != number:
            raise ConflictError(f"others wrote into {table} at the same time")
        return ids

    def insert_many(self, table: str, rows: Sequence[Row], *, on_duplicate: str = "") -> int:
        """Insert rows that all have the same columns, as one multi-row statement where the driver can.

        ``on_duplicate``: '' raises, 'ignore' skips, anything else is the assignment that updates the row already
        there, as SQL. Return the number of affected rows as the server counts them (MySQL: 1 inserted, 2 updated).
        """
        if not rows:
            return 0
        columns = tuple(rows[0])
        values = [tuple([row[column] for column in columns]) for row in self._storable(table, rows)]
        return Transaction.insert_tuples(self, table, columns, values, on_duplicate=on_duplicate)

    def insert_tuples(
        self, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], *, on_duplicate: str = ""
    ) -> int:
        """Insert rows as ``insert_many`` does, given as values of these columns; for tables of our own."""
        statement = statements.insert(table, columns, self.is_sqlite, on_duplicate)
        return int(self._connection.exec_driver_sql(statement, list(rows)).rowcount)

    def upsert_many(self, table: str, rows: Sequence[Row], *, key: Sequence[str]) -> int:
        """Insert rows, or update all their other columns where a row with this primary ``key`` is there already."""
        if not rows:
            return 0
        others = [column for column in rows[0] if column not in key]
        if self.is_sqlite:
            assignment = ", ".join(f"`{column}` = excluded.`{column}`" for column in others)
        else:  # VALUES() is the spelling that MariaDB and every MySQL up to 9 understand
            assignment = ", ".join(f"`{column}` = VALUES(`{column}`)" for column in others)
        return self.insert_many(table, rows, on_duplicate=assignment or "ignore")

    def update(self, table: str, where: Row, changes: Row) -> int:
        """Set columns of the rows whose columns equal ``where``; return how many rows it met."""
        (changes,) = self._storable(table, [changes])
        sets = ", ".join(f"`{column}` = :set_{column}" for column in changes)
        parameters = {f"set_{column}": value for column, value in changes.items()}
        return self.run(f"UPDATE `{table}` SET {sets} WHERE {matches(where)}", **parameters, **where)  # noqa: S608  names of ours, values bound

    def count(self, table: str, where: Row, column: str, by: int, changes: Row) -> int:
        """Add ``by`` to a counting column (NULL counts as 0), and set other columns; return how many rows it met."""
        parameters = {f"set_{name}": value for name, value in changes.items()}
        sets = ", ".join(
            [f"`{column}` = COALESCE(`{column}`, 0) + :by", *(f"`{name}` = :set_{name}" for name in changes)]
        )
        return self.run(f"UPDATE `{table}` SET {sets} WHERE {matches(where)}", by=by, **parameters, **where)  # noqa: S608  names of ours, values bound

    def delete(self, table: str, where: Row) -> int:
        """Delete the rows whose columns equal ``where``; return how many."""
        return self.run(f"DELETE FROM `{table}` WHERE {matches(where)}", **where)  # noqa: S608  names of ours, values bound

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

    def remember(self, memory: Memory) -> None:
        """From now on read ``once`` what nothing in this transaction changes, or take it from the memory."""
        memory.check(self)
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

    def _run(self, sql: str, parameters: Row) -> Any:
        if not parameters and not any(mark in sql for mark in "%:"):  # nothing to fill in: a third of the cost
            return self._connection.exec_driver_sql(sql)
        return self._connection.exec_driver_sql(*bound(sql, parameters, sqlite=self.is_sqlite))
