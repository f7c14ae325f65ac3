"""Changing a table while others use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from tikisync.database import Transaction

# How an ALTER TABLE can go on, gentlest first. The server refuses what it cannot do (or know) with one of these errors.
_WAYS = {
    ", ALGORITHM=INSTANT": "at once",
    ", ALGORITHM=INPLACE, LOCK=NONE": "beside the traffic",
    "": "while writers waited",
}
_CANNOT = {1064, 1235, 1800, 1845, 1846}
_SECONDS_TO_WAIT = 2  # for the transactions that use the table; whoever comes meanwhile waits behind us


def alter(tx: Transaction, table: str, changes: str) -> str:
    """Change a table in the gentlest way that the server knows, such as ``ADD COLUMN …``; say in words how it was.

    Raises ConflictError, once the transaction ends, where others have used the table for too long to wait for.
    """
    if tx.is_sqlite:
        tx.run(f"ALTER TABLE `{table}` {changes}")
        return "at once"
    tx.run(f"SET SESSION lock_wait_timeout = {_SECONDS_TO_WAIT}")
    try:
        return next(told for way, told in _WAYS.items() if _is_done(tx, f"ALTER TABLE `{table}` {changes}", way))
    finally:
        tx.run("SET SESSION lock_wait_timeout = DEFAULT")


def _is_done(tx: Transaction, statement: str, way: str) -> bool:
    try:
        tx.run(statement + way)
    except DBAPIError as error:
        if not way or error.orig is None or error.orig.args[0] not in _CANNOT:
            raise
        return False
    return True
