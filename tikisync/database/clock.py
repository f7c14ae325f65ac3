"""The time by the database's clock, so that workers on any number of hosts agree whatever their own clocks say."""

from __future__ import annotations

import time
from collections.abc import Callable

from tikisync.database import Database
from tikisync.errors import TikisyncError

_NOW = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1000000"
_SHOWN_FOR = 10  # seconds after which it is looked at again: somebody may set it


def database_clock(database: Database) -> Callable[[], float]:
    """Return a clock (UNIX seconds, UTC): the server's, or this host's for SQLite, which is on it.

    The server's is looked at now and then, and goes on by this host's uptime while that cannot be done; it raises
    PassingError or SetupError only before it was ever seen.
    """
    return time.time if database.is_sqlite else _ServerClock(database)


class _ServerClock:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._ahead: float | None = None
        self._look_at = 0.0

    def __call__(self) -> float:
        if self._ahead is None or time.monotonic() >= self._look_at:
            try:
                with self._database.transaction() as tx:
                    self._ahead = float(tx.value(_NOW)) - time.monotonic()
                self._look_at = time.monotonic() + _SHOWN_FOR
            except TikisyncError:
                if self._ahead is None:
                    raise
        return self._ahead + time.monotonic()
