"""Locks on names, held until the transaction ends; they keep workers on any number of hosts apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tikisync.database import Transaction


def lock(tx: Transaction, keys: Iterable[bytes]) -> None:
    """Wait, before the next statement, until no other transaction holds a lock on these names, and hold them all.

    Names share 65,536 rows (lock striping), so the table never grows beyond that; two names on one row only means
    that one waits without need. Each row is written, not just read: a Galera cluster sees only writes of other
    nodes. SQLite needs no locks, its transactions exclude each other.
    """
    if tx.is_sqlite:
        return
    stripes = sorted({hashlib.blake2b(key, digest_size=2).digest() for key in keys})  # one order: no deadlocks
    tx.insert_many("tikisync_locks", [{"lock_key": each} for each in stripes], on_duplicate="turn = turn + 1")
