"""Deliveries of one item are applied in the order received: which of them has to wait for which.

Every unfinished delivery that is routed has a row in ``tikisync_order_keys`` for each item it touches. Of those with
the same key the lowest id is applied; each later one waits for the nearest before it, which wakes it when it is
finished. So nobody ever walks over deliveries that cannot be taken yet, however many wait for one item.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tikisync.database import Transaction


def store(tx: Transaction, keys: Mapping[int, Iterable[bytes]], *, replace: bool) -> None:
    """Set the order keys (16 bytes each) of these unfinished deliveries; ``replace`` those they may have already."""
    if replace:
        tx.delete("tikisync_order_keys", {"delivery_id": list(keys)})
    rows = [{"order_key": key, "delivery_id": each} for each, own in keys.items() for key in sorted(set(own))]
    tx.insert_many("tikisync_order_keys", rows, on_duplicate="ignore")


def free(tx: Transaction, ids: Collection[int], due_at: int) -> None:
    """Forget the keys of finished deliveries, and make those that wait for them due (milliseconds since the epoch)."""
    forget(tx, ids)
    wake(tx, ids, due_at)


def forget(tx: Transaction, ids: Collection[int]) -> None:
    """Forget the keys of finished deliveries."""
    tx.delete("tikisync_order_keys", {"delivery_id": list(ids)})


def wake(tx: Transaction, ids: Collection[int], due_at: int) -> None:
    """Make those that wait for these deliveries due (milliseconds since the epoch)."""
    tx.update("tikisync_deliveries", {"waits_for": list(ids)}, {"waits_for": None, "due_at": due_at})


def blocked(tx: Transaction, ids: Collection[int]) -> dict[int, bytes]:
    """Return those of these deliveries that an earlier unfinished one is in the way of, each with a key they share."""
    rows = tx.all(
        "SELECT mine.delivery_id, mine.order_key, (SELECT other.delivery_id FROM tikisync_order_keys other"
        " WHERE other.order_key = mine.order_key ORDER BY other.order_key, other.delivery_id LIMIT 1) AS lowest "
        "FROM tikisync_order_keys mine WHERE mine.delivery_id IN :ids",
        ids=list(ids),
    )
    return {row["delivery_id"]: row["order_key"] for row in rows if row["lowest"] < row["delivery_id"]}


def park(tx: Transaction, waiting: Mapping[int, bytes]) -> None:
    """Let each of these deliveries wait for the nearest unfinished one before it that has the given key.

    The deliveries waited for are written first: a worker that is just finishing one comes either before, and then
    nobody is parked for now, or after, and then finds who waits. That holds across the nodes of a Galera cluster too.
    """
    nearest = {each: before for each, key in waiting.items() if (before := _nearest(tx, each, key))}
    awaited = set(nearest.values())
    counted = "UPDATE tikisync_deliveries SET waiters = waiters + 1 WHERE delivery_id IN :ids AND status = 'pending'"
    if tx.run(counted, ids=awaited) < len(awaited):
        sql = "SELECT delivery_id FROM tikisync_deliveries WHERE delivery_id IN :ids AND status = 'pending'"
        free(tx, awaited - {row["delivery_id"] for row in tx.all(sql, ids=awaited)}, due_at=0)
        return
    for each, before in nearest.items():
        changes = {"waits_for": before, "due_at": None, "leased_by": None}
        tx.update("tikisync_deliveries", {"delivery_id": each}, changes)


def _nearest(tx: Transaction, delivery_id: int, key: bytes) -> int | None:
    sql = "SELECT MAX(delivery_id) FROM tikisync_order_keys WHERE order_key = :key AND delivery_id < :delivery_id"
    found = tx.value(sql, key=key, delivery_id=delivery_id)
    return None if found is None else int(found)
