"""The last applied version of each item, by the order key of its changes; kept beyond an item's deletion."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tikisync.database import Transaction

TABLE = "tikisync_versions"


def last(tx: Transaction, order_keys: Collection[bytes]) -> dict[bytes, str]:
    """Return the versions applied last, by order key, where there are any."""
    if not order_keys:
        return {}
    rows = tx.all("SELECT order_key, version FROM tikisync_versions WHERE order_key IN :keys", keys=list(order_keys))
    return {bytes(row["order_key"]): str(row["version"]) for row in rows}


def keep(tx: Transaction, versions: Mapping[bytes, str]) -> None:
    """Note versions as those applied last, by order key; the caller holds the locks on them."""
    rows = [{"order_key": order_key, "version": version} for order_key, version in versions.items()]
    tx.upsert_many(TABLE, rows, key=["order_key"])
