"""The statements that a database is given, as they are carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from tikisync.database import Database
from tikisync.database.result_sets import Result
from tikisync.database.sessions import Session, Statement

Watcher: TypeAlias = Callable[[Session, Sequence[Statement]], object]


@contextmanager
def watched(database: Database, watcher: Watcher) -> Iterator[None]:
    """Call ``watcher`` with what is sent during the block, before it is: one statement, or several together."""
    kind, send = database._kind, database._kind.send

    def watching(session: Session, sent: Sequence[Statement]) -> Result:
        if session.connection.engine is database._engine:
            watcher(session, sent)
        return send(session, sent)

    kind.send = watching  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        kind.send = send  # type: ignore[method-assign]


@contextmanager
def sent(database: Database) -> Iterator[list[str]]:
    """List what the block sends: a statement, or several together, for each round trip."""
    texts: list[str] = []
    with watched(database, lambda _session, sent: texts.append(";".join(each.text for each in sent))):
        yield texts


@contextmanager
def carried_out(database: Database) -> Iterator[list[str]]:
    """List the statements of the block."""
    texts: list[str] = []
    with watched(database, lambda _session, sent: texts.extend(each.text for each in sent)):
        yield texts
