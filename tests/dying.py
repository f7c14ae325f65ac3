"""Processes that are killed between two statements: a repeat has only what reached the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from tests.statements import single
from tikisync.database import Database

_READS = ("SELECT", "SHOW")


class KilledError(BaseException):
    """Stands for the end of a process: nothing catches it."""


@contextmanager
def dying(database: Database, statements: int) -> Iterator[None]:
    """Kill what runs in the block before its first statement that writes beyond this number of them."""
    left = statements

    def die(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal left
        for each, _own in single(statement):
            if not each.startswith(_READS) and "tikisync_locks" not in each:
                if left == 0:
                    raise KilledError
                left -= 1

    event.listen(database._engine, "before_cursor_execute", die)
    try:
        yield
    finally:
        event.remove(database._engine, "before_cursor_execute", die)


def killed(database: Database, statements: int, run: Callable[[], object]) -> bool:
    """Run something that may be killed after so many statements; tell whether it was."""
    try:
        with dying(database, statements):
            run()
    except KilledError:
        return True
    return False
