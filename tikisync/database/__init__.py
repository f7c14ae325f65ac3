"""The database: engine, transactions, and every difference between MySQL, MariaDB and SQLite.

Statements are written once, in the SQL that all three read (backticks quote names everywhere), with ``:name``
parameters; a list, tuple or set as a parameter becomes an ``IN`` list. What differs is a method here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from pymysql.err import MySQLError
from sqlalchemy import exc as sa
from sqlalchemy.engine import URL

from tikisync.database import engines, hosts
from tikisync.database.bulk import Bulk, prepared
from tikisync.database.errors import translated
from tikisync.database.nonblocking import NonBlockingConnection
from tikisync.database.sessions import ServerSession, Session, SqliteSession
from tikisync.database.transactions import Row, Transaction
from tikisync.errors import SetupError

__all__ = ["Database", "Row", "Transaction"]

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
        self._kind: type[Session] = SqliteSession if self.is_sqlite else ServerSession
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
            tx = Transaction(self._kind(connection), patient=not self.is_sqlite)
            yield tx
            tx.flush()

    @contextmanager
    def at_once(self) -> Iterator[Transaction]:
        """Open a transaction in name only: each statement takes effect for good by itself, in tables of any engine."""
        with self.session() as session:
            session.connection.execution_options(isolation_level="AUTOCOMMIT")
            yield Transaction(session)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session whose transaction is rolled back; its errors are ours, as those of ``transaction``."""
        with self._errors_as_ours(), self._engine.connect() as connection:
            yield self._kind(connection)

    def nonblocking(self, bulk: Bulk | None = None) -> NonBlockingConnection | None:
        """Open a connection of its own that never waits for an answer; None where there is no server (SQLite).

        ``bulk``: a statement that it is to take rows for, where the server can.
        """
        if self.is_sqlite:
            return None
        with self._errors_as_ours():
            pooled = self._engine.raw_connection()
            connection = pooled.driver_connection
            pooled.detach()  # the pool is to make no use of it any more
            connection.autocommit(True)  # type: ignore[union-attr]
            return NonBlockingConnection(connection, prepared(connection, bulk) if bulk else b"")

    def close(self) -> None:
        """Close all pooled connections."""
        self._engine.dispose()

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        try:
            yield
        except (sa.SQLAlchemyError, MySQLError, sqlite3.Error) as error:  # the driver's own while it connects
            raise translated(error, self.shown) from error
