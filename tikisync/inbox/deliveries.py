"""Deliveries as stored: added once, looked up, listed, counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, TypeVar

from tikisync.core.document import iso_utc
from tikisync.database import Row, Transaction
from tikisync.database.bulk import Bulk, parameters
from tikisync.database.literals import filled, literals
from tikisync.database.nonblocking import Command, Repeated
from tikisync.database.statements import insert
from tikisync.errors import SetupError
from tikisync.inbox import order

T = TypeVar("T")
Write: TypeAlias = Callable[[tuple[Any, ...]], T]

TABLE = "tikisync_deliveries"
PENDING, DONE, FAILED, IGNORED, DISCARDED = STATUSES = ("pending", "done", "failed", "ignored", "discarded")
FINISHED = (DONE, IGNORED, DISCARDED)  # nobody has anything to do about them


class Arrival(NamedTuple):
    """A verified request to be kept; of two with the same ``id_key`` or ``body_key`` one is a duplicate."""

    handler_id: int  # whose duplicates it counts among
    handler: str
    user: str
    method: str
    path: str
    query: str
    client_ip: str
    received_at: int  # milliseconds since the epoch, UTC
    headers: str  # as ``header_lines`` writes them
    body: bytes
    id_key: bytes | None  # 32 bytes; None: does not count
    body_key: bytes | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery; times are milliseconds since the epoch, UTC. Listings leave headers and body empty."""

    delivery_id: int
    handler: str
    user: str
    received_at: int
    status: str = PENDING
    attempts: int = 0
    method: str = "POST"
    path: str = ""
    query: str = ""
    client_ip: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # names lower-case
    body: bytes = b""
    reason: str = ""
    duplicates: int = 0
    size: int = 0  # of the body, in bytes
    finished_at: int | None = None
    due_at: int | None = None  # pending: tried from then on; leased: the lease ends then; finished: see ``expired_at``
    leased_by: str | None = None
    waits_for: int | None = None  # an earlier delivery of the same item

    @property
    def expired_at(self) -> int | None:
        """When headers, body and attempts were let go of; None: they are there."""
        return self.due_at if self.status in FINISHED else None


_ADDED = (*Arrival._fields, "size")
_TYPES = (int, str, str, str, str, str, str, int, str, bytes, bytes, bytes, int)
_ALIKE = Arrival._fields.index("received_at")  # the columns before it are mostly the same from one to the next
_COUNTED = "duplicates = duplicates + 1"  # of a row that is there already
_INSERT = insert(TABLE, _ADDED, sqlite=False, on_duplicate=_COUNTED)
ADDITION = Bulk(_INSERT.replace("(%s", "(IF(@tikisync_turn = ?, ?, NULL)").replace("%s", "?"), (int, *_TYPES))
_LISTED = (
    "delivery_id, handler, `user`, received_at, status, attempts, method, path, query, client_ip, reason, duplicates, "
    "size, finished_at, due_at, leased_by, waits_for"
)


def add(tx: Transaction, arrivals: Sequence[Arrival]) -> int:
    """Store arrivals, one statement for all; return how many were duplicates, which are only counted."""
    rows = [(*arrival, len(arrival.body)) for arrival in arrivals]
    newest = tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries") or 0 if tx.is_sqlite else 0
    affected = tx.insert_tuples(TABLE, _ADDED, rows, on_duplicate=_COUNTED)
    if not tx.is_sqlite:
        return affected - len(rows)  # the server counts 1 for a row inserted and 2 for one updated
    inserted = tx.value("SELECT COUNT(*) FROM tikisync_deliveries WHERE delivery_id > :newest", newest=newest)
    return len(rows) - int(inserted)


def addition(arrivals: Sequence[Arrival], only_if: str, turn: int, *, in_bulk: bool) -> Sequence[Command]:
    """Return a server's statements that together do what ``add`` does, but fail where a condition does not hold.

    The last one affects a row for each arrival that is new, and two for each duplicate. ``turn`` is a number that no
    other addition has over the same connection; ``in_bulk``: it has ``ADDITION`` as its bulk statement. The condition
    is a statement of its own because it would cost twice as much in the INSERT.
    """
    if not arrivals:
        return (f"SELECT IF({only_if}, 0, (SELECT 1 UNION SELECT 2)) INTO @tikisync_turn",)  # no value can be two
    look = f"SELECT IF({only_if}, {'?' if in_bulk else turn}, NULL) INTO @tikisync_turn"
    if in_bulk:
        before = parameters([turn])
        rows = [before + alike + parameters(rest) for alike, rest in _written(arrivals, parameters)]
        return Repeated(look, turn), b"".join(rows)
    first, *others = [f"{alike},{literals(rest)}" for alike, rest in _written(arrivals, literals)]
    first_id, _, rest_of_first = first.partition(",")
    return look, filled(_INSERT, [f"IF(@tikisync_turn = {turn}, {first_id}, NULL),{rest_of_first}", *others])


def _written(arrivals: Sequence[Arrival], write: Write[T]) -> Iterator[tuple[T, tuple[Any, ...]]]:
    """Yield of each row the columns that are mostly alike, written, and the values of the others."""
    for each in arrivals:
        yield _alike(write, each[:_ALIKE]), (*each[_ALIKE:], len(each.body))


@lru_cache(maxsize=64)
def _alike(write: Write[T], values: tuple[Any, ...]) -> T:
    return write(values)


def get(tx: Transaction, delivery_id: int) -> Delivery | None:
    """Return a delivery with headers and body, or None."""
    found = load(tx, [delivery_id])
    return found[0] if found else None


def load(tx: Transaction, ids: Collection[int]) -> list[Delivery]:
    """Return the deliveries of these ids with headers and body, lowest id first."""
    sql = f"SELECT {_LISTED}, headers, body FROM tikisync_deliveries WHERE delivery_id IN :ids ORDER BY delivery_id"  # noqa: S608  names of ours, values bound
    return [_delivery(row) for row in tx.all(sql, ids=list(ids))]


def listed(tx: Transaction, ids: Collection[int]) -> list[Delivery]:
    """Return the deliveries of these ids without headers and body, highest id first."""
    if not ids:
        return []
    sql = f"SELECT {_LISTED} FROM tikisync_deliveries WHERE delivery_id IN :ids ORDER BY delivery_id DESC"  # noqa: S608  names of ours, values bound
    return [_delivery(row) for row in tx.all(sql, ids=list(ids))]


def require_body(delivery: Delivery) -> None:
    """Raise SetupError where a delivery's body and headers have been let go of."""
    if delivery.expired_at is not None:
        raise SetupError(
            f"body and headers of delivery {delivery.delivery_id} expired at {iso_utc(delivery.expired_at)}, "
            "so it cannot be looked into or applied again",
            hint="let the sender send it again; [inbox] keep says how long deliveries are kept",
            reason="delivery_expired",
        )


def listing(
    tx: Transaction,
    status: str | None = None,
    handler: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Delivery]:
    """Return deliveries without headers and body, newest first, those before ``before_id``."""
    conditions, index = [], "PRIMARY"
    if handler is not None:
        conditions, index = ["handler = :handler"], "listed_by_handler"
    if status is not None:
        conditions.append("status = :status")
        if handler is None or status != DONE:  # the others are few
            index = "listed"
    if before_id is not None:
        conditions.append("delivery_id < :before_id")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = f"SELECT {_LISTED} FROM tikisync_deliveries{tx.by_index(index)}{where} ORDER BY delivery_id DESC LIMIT :limit"  # noqa: S608  names of ours, values bound
    return [_delivery(row) for row in tx.all(sql, status=status, handler=handler, before_id=before_id, limit=limit)]


def counts(tx: Transaction) -> dict[str, int]:
    """Return how many deliveries have each status; of a million that takes a second (see ``statistics.backlog``)."""
    rows = tx.all("SELECT status, COUNT(*) AS number FROM tikisync_deliveries GROUP BY status")
    return dict.fromkeys(STATUSES, 0) | {str(row["status"]): int(row["number"]) for row in rows}


def oldest_pending(tx: Transaction) -> int | None:
    """Return when the longest waiting delivery was received (milliseconds since the epoch, UTC), None without one."""
    sql = "SELECT received_at FROM tikisync_deliveries WHERE status = 'pending' ORDER BY delivery_id LIMIT 1"
    found = tx.value(sql)
    return None if found is None else int(found)


def replay(tx: Transaction, ids: Collection[int]) -> int:
    """Let deliveries be applied again, also those that are done; return how many.

    One being applied is left alone, and so is one that has expired.
    """
    changes = "status = 'pending', reason = '', finished_at = NULL, attempts = 0, takeovers = 0, routed_by = ''"
    return _move(tx, ids, "leased_by IS NULL AND (status IN ('pending', 'failed') OR due_at IS NULL)", changes)


def discard(tx: Transaction, ids: Collection[int], now: int) -> int:
    """Put pending and failed deliveries aside; return how many. A worker that has one in hand cannot finish it."""
    changes = "status = 'discarded', leased_by = NULL, finished_at = :now"
    return _move(tx, ids, "status IN ('pending', 'failed')", changes, now=now)


def _move(tx: Transaction, ids: Collection[int], condition: str, changes: str, **values: int) -> int:
    """Change the deliveries that meet a condition, and let those that waited for them go on."""
    sql = f"SELECT delivery_id FROM tikisync_deliveries WHERE delivery_id IN :ids AND {condition}"  # noqa: S608  names of ours, values bound
    found = [row["delivery_id"] for row in tx.all(sql + tx.for_update, ids=list(ids))] if ids else []
    if not found:
        return 0
    sql = f"UPDATE tikisync_deliveries SET {changes}, due_at = NULL, waits_for = NULL WHERE delivery_id IN :ids"  # noqa: S608  names of ours, values bound
    tx.run(sql, ids=found, **values)
    order.free(tx, found, due_at=0)
    return len(found)


def header_lines(headers: Iterable[tuple[bytes, bytes]], but: Collection[bytes] = ()) -> str:
    """Return headers, ``but`` some, one a line, as a request has them; a line break is a space (RFC 9112, 5.2)."""
    lines = [b": ".join(header) for header in headers if header[0] not in but]
    text = b"\n".join(lines)
    if text.count(b"\n") >= len(lines):
        text = b"\n".join([line.replace(b"\n", b" ") for line in lines])
    return text.decode("latin-1")


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    if text.startswith("["):  # as JSON, which no header's name begins like: how they were kept at first
        return tuple((name, value) for name, value in json.loads(text))
    return tuple((name, value) for name, _, value in (line.partition(": ") for line in text.split("\n") if line))


def _delivery(row: Row) -> Delivery:
    values = dict(row)
    if "headers" in values:
        values["headers"] = _headers(values["headers"])
    return Delivery(**values)
