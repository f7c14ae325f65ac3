"""Processes that are killed between two statements: a repeat has only what reached the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.statements import watched
from tikisync.database import Database
from tikisync.database.sessions import Session, Statement

_READS = ("SELECT", "SHOW")


class KilledError(BaseException):
    """Stands for the end of a process: nothing catches it."""


@contextmanager
def dying(database: Database, statements: int) -> Iterator[None]:
    """Kill what runs in the block before its first statement that writes beyond this number of them."""
    left = statements

    def die(_session: Session, sent: Sequence[Statement]) -> None:
        nonlocal left
        for each in sent:
            if not each.text.startswith(_READS) and "tikisync_locks" not in each.text:
                if left == 0:
                    raise KilledError
                left -= 1

    with watched(database, die):
        yield


def killed(database: Database, statements: int, run: Callable[[], object]) -> bool:
    """Run something that may be killed after so many statements; tell whether it was."""
    try:
        with dying(database, statements):
            run()
    except KilledError:
        return True
    return False
