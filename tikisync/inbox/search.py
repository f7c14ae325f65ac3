"""Looking for deliveries among many: by time, by text, page by page, with the work of one page bounded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tikisync.database import Transaction
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import DONE, Delivery

SEARCHED = 20_000  # deliveries whose bodies and attempts one page of a search for a text or an item looks into


@dataclass(frozen=True, slots=True)
class Filter:
    """What deliveries are looked for; '' and None: any. Times are milliseconds since the epoch, UTC."""

    status: str = ""
    handler: str = ""
    item: int | None = None  # that a try met
    text: str = ""  # in body, headers, reason or what was written, letter by letter
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries found, newest first, and below which id to go on (None: there are no more)."""

    found: list[Delivery]
    next_before: int | None


def search(tx: Transaction, wanted: Filter, before_id: int | None = None, limit: int = 50) -> Page:
    """Return a page of deliveries without headers and body; searching for a text or an item it may be short."""
    ids, next_before = matching(tx, wanted, before_id, limit)
    return Page(deliveries.listed(tx, ids), next_before)


def matching(tx: Transaction, wanted: Filter, before_id: int | None, limit: int) -> tuple[list[int], int | None]:
    """Return ids, newest first, and below which id to go on."""
    newest = int(tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries") or 0)
    high = min(newest + 1, before_id or newest + 1)
    if wanted.until is not None:
        high = min(high, first_at(tx, wanted.until))
    low = first_at(tx, wanted.since) if wanted.since is not None else 0
    floor = low if wanted.item is None and not wanted.text else max(low, high - SEARCHED)
    conditions, index = _conditions(wanted)
    sql = (
        f"SELECT d.delivery_id FROM tikisync_deliveries d{tx.by_index(index)} "  # noqa: S608  names of ours, values bound
        f"WHERE {' AND '.join(conditions)} ORDER BY d.delivery_id DESC LIMIT :limit"
    )
    rows = tx.all(
        sql, low=floor, high=high, limit=limit + 1, status=wanted.status, handler=wanted.handler,
        text=wanted.text, written=json.dumps(wanted.text)[1:-1], bytes=wanted.text.encode("utf-8", "surrogatepass"),
        item=f" item {wanted.item} of tracker ",
    )  # fmt: skip
    ids = [int(row["delivery_id"]) for row in rows]
    if len(ids) > limit:
        return ids[:limit], ids[limit - 1]
    return ids, floor if floor > max(low, 1) else None


def first_at(tx: Transaction, moment: int) -> int:
    """Return an id that all deliveries received at a time or later have or exceed, and no others.

    Ids are given in the order received, but for a few milliseconds: halving finds the place with 30 look-ups.
    """
    low = int(tx.value("SELECT MIN(delivery_id) FROM tikisync_deliveries") or 1)
    high = int(tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries") or 0) + 1
    sql = (
        "SELECT delivery_id, received_at FROM tikisync_deliveries WHERE delivery_id >= :id ORDER BY delivery_id LIMIT 1"
    )
    while low < high:
        middle = (low + high) // 2
        row = tx.first(sql, id=middle)
        if row is None or row["received_at"] >= moment:
            high = middle
        else:
            low = int(row["delivery_id"]) + 1
    return low


def last_words(tx: Transaction, ids: Collection[int]) -> Mapping[int, str]:
    """Return for each delivery that was tried what its last attempt wrote, or why it wrote nothing."""
    if not ids:
        return {}
    rows = tx.all(
        "SELECT delivery_id, error, wrote FROM tikisync_attempts WHERE delivery_id IN :ids "
        "ORDER BY delivery_id, attempt_id",
        ids=list(ids),
    )
    return {int(row["delivery_id"]): "; ".join(json.loads(row["wrote"])) or row["error"] for row in rows}


def _conditions(wanted: Filter) -> tuple[list[str], str]:
    conditions, index = ["d.delivery_id < :high", "d.delivery_id >= :low"], "PRIMARY"
    if wanted.handler:
        conditions.append("d.handler = :handler")
        index = "listed_by_handler"
    if wanted.status:
        conditions.append("d.status = :status")
        if not wanted.handler or wanted.status != DONE:  # the others are few
            index = "listed"
    if wanted.item is not None:
        conditions.append(
            "EXISTS (SELECT 1 FROM tikisync_attempts a "
            "WHERE a.delivery_id = d.delivery_id AND INSTR(a.wrote, :item) > 0)"
        )
    if wanted.text:
        conditions.append(
            "(INSTR(d.body, :bytes) > 0 OR INSTR(d.headers, :text) > 0 OR INSTR(d.reason, :text) > 0 OR EXISTS "
            "(SELECT 1 FROM tikisync_attempts a WHERE a.delivery_id = d.delivery_id "
            "AND (INSTR(a.wrote, :written) > 0 OR INSTR(a.error, :text) > 0)))"
        )
    return conditions, index
