"""Statements on their way to the database: each kind of database is sent them in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymysql.err import MySQLError
from sqlalchemy.engine import Connection

from tikisync.database import literals, statements
from tikisync.database.result_sets import Columns, Result, ask


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, ready to be sent."""

    text: str  # with places for the values; of an INSERT, for those of one row
    sql: str = field(default="", repr=False)  # for servers: with the values in it
    values: Any = field(default=(), repr=False)  # for SQLite; a list where there are several rows of them


class Session(ABC):
    """Sends statements over a connection; SQLAlchemy opens it, ends its transaction, and drops it once it is lost."""

    is_sqlite: bool

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @abstractmethod
    def statement(self, sql: str, parameters: Mapping[str, Any]) -> Statement:
        """Return a statement with ``:name`` parameters, ready to be sent."""

    @abstractmethod
    def insert(
        self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]], on_duplicate: str = ""
    ) -> Sequence[Statement]:
        """Return the statements that insert rows, as few as can be."""

    @abstractmethod
    def send(self, sent: Sequence[Statement]) -> Result:
        """Have statements carried out, in order; return what the last one came to."""


class ServerSession(Session):
    """MySQL and MariaDB: all statements in one round trip, past SQLAlchemy and the driver's cursor: half the cost."""

    is_sqlite = False

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.driver = connection.connection.driver_connection

    def statement(self, sql: str, parameters: Mapping[str, Any]) -> Statement:
        """Return a statement with its values in it."""
        text, names = statements.placed(sql)
        return Statement(text, text % tuple([literals.literal(parameters[name]) for name in names]))

    def insert(
        self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]], on_duplicate: str = ""
    ) -> Sequence[Statement]:
        """Return a statement with all rows, or several where it would be too long."""
        text = statements.insert(table, columns, False, on_duplicate)
        return [Statement(text, literals.filled(text, part)) for part in literals.parts(rows)]

    def send(self, sent: Sequence[Statement]) -> Result:
        """Send all statements together."""
        try:
            return ask(self.driver, ";".join([each.sql for each in sent]))
        except MySQLError as error:
            text = ";".join([each.text for each in sent])  # without values: it is shown
            self.connection._handle_dbapi_exception(error, text, None, None, None)
        except BaseException:  # in the middle of an answer, perhaps
            self.connection.invalidate()
            raise


class SqliteSession(Session):
    """SQLite: there are no round trips."""

    is_sqlite = True

    def statement(self, sql: str, parameters: Mapping[str, Any]) -> Statement:
        """Return a statement and its values."""
        text, values = statements.bound(sql, parameters)
        return Statement(text, values=values)

    def insert(
        self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]], on_duplicate: str = ""
    ) -> Sequence[Statement]:
        """Return a statement to be repeated for all rows."""
        values = [tuple(row) for row in rows]
        text = statements.insert(table, columns, True, on_duplicate)
        return [Statement(text, values=values if len(values) > 1 else values[0])]

    def send(self, sent: Sequence[Statement]) -> Result:
        """Carry out one after the other."""
        results = [self.connection.exec_driver_sql(each.text, each.values) for each in sent]
        last = results[-1]
        if last.returns_rows:
            return Result(-1, columns=list(last.keys()), rows=[Columns(row) for row in last.mappings()])
        return Result(last.rowcount, int(last.lastrowid or 0))
