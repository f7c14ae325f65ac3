"""The last applied version of each item, by the order key of its changes; kept beyond an item's deletion."""

from __future__ import annotations

from tikisync.database import Transaction

TABLE = "tikisync_versions"


def last(tx: Transaction, order_key: bytes) -> str:
    """Return the version applied last, ``''`` where there is none."""
    return str(
        tx.value("SELECT version FROM tikisync_versions WHERE order_key = :order_key", order_key=order_key) or ""
    )


def keep(tx: Transaction, order_key: bytes, version: str) -> None:
    """Note a version as the one applied last; the caller holds the lock on the order key."""
    tx.upsert_many(TABLE, [{"order_key": order_key, "version": version}], key=["order_key"])
