"""The statements that a database is given, as they are carried out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from tikisync.database import Database


def single(text: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield the statements that were sent together, each with its parameters."""
    left = list(parameters)
    for statement in text.split(";"):  # values are not in it
        number = statement.count("%s")
        yield statement, left[:number]
        del left[:number]


@contextmanager
def sent(database: Database) -> Iterator[list[str]]:
    """List what the block sends: a statement, or several together, for each round trip."""
    texts: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        texts.append(text)

    event.listen(database._engine, "before_cursor_execute", note)
    try:
        yield texts
    finally:
        event.remove(database._engine, "before_cursor_execute", note)


@contextmanager
def carried_out(database: Database) -> Iterator[list[str]]:
    """List the statements of the block, once it has ended."""
    statements: list[str] = []
    with sent(database) as texts:
        yield statements
    statements += [each for text in texts for each, _ in single(text)]
