"""SQLAlchemy's engines for the databases tikisync speaks to, each connection prepared the same way."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection

from tikisync.database import hosts
from tikisync.errors import SetupError

_THIS_MACHINE = (None, "localhost", "127.0.0.1", "::1")
# Whatever mode the server has: without the first it would cut what is too long and store what is left.
_SQL_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"


def engine(urls: Sequence[URL], pool_size: int, connect_timeout: int, answer_timeout: int | None) -> Engine:
    """Return an engine for the database at these URLs, one for each host that has it; they differ in nothing else."""
    if urls[0].get_backend_name() == "sqlite":
        return _sqlite(urls[0])
    return _mysql(urls, pool_size, connect_timeout, answer_timeout)


def _mysql(urls: Sequence[URL], pool_size: int, connect_timeout: int, answer_timeout: int | None) -> Engine:
    """Return an engine for MySQL or MariaDB; raise SetupError where ``ssl_ca`` names no certificates."""
    url = urls[0]
    arguments: dict[str, Any] = {
        "connect_timeout": connect_timeout,
        "read_timeout": answer_timeout,
        "write_timeout": answer_timeout,
        "charset": url.query.get("charset", "utf8mb4"),
        "sql_mode": _SQL_MODE,
    }
    if url.password is not None:
        arguments["password"] = url.password.encode()  # as PHP sends it; the driver would write text in Latin-1
    authority = url.query.get("ssl_ca")
    if authority:
        try:
            ssl.create_default_context(cafile=str(authority))
        except OSError as error:
            raise SetupError(f"{authority}, ssl_ca in the database URL, holds no certificates ({error})") from error
    elif "unix_socket" in url.query or all(each.host in _THIS_MACHINE for each in urls):
        arguments["ssl_disabled"] = True  # the driver loads a CA bundle for each connection otherwise: 49 ms (measured)
    engine = create_engine(
        url,
        connect_args=arguments,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        pool_size=pool_size,
        pool_timeout=connect_timeout,
        max_overflow=10,
        pool_recycle=1800,
        pool_use_lifo=True,
        pool_reset_on_return=None,  # each transaction has been committed or rolled back: one round trip less
    )
    hosts.use(engine, urls)
    return engine


def _sqlite(url: URL) -> Engine:
    """Return an engine for a SQLite file, kept as durably as a server keeps its data."""
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # a reader that turns writer could not wait for its turn

    return engine
