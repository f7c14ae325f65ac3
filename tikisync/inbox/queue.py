"""Handing out pending deliveries to workers: claim, finish, reschedule.

A claim is a short transaction, and there is only one at a time (a lock): it routes what came in, in the order
received, and leases what is due and has no earlier delivery of the same item before it. A lease that runs out means
that its worker died, and another takes the delivery over. Times are milliseconds since the epoch, UTC, by a clock that
all workers share (``database_clock``); one that is wrong can cost a delivery time or one more try. It can neither
change the order nor apply a delivery twice: an effect is committed together with ``finish``, which needs the lease.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, groupby

from tikisync.database import Row, Transaction
from tikisync.inbox import attempts, deliveries, order
from tikisync.inbox.attempts import DIED, Attempt
from tikisync.inbox.deliveries import FAILED, PENDING, TABLE, Delivery
from tikisync.inbox.locks import lock

_NONE_LEFT = 2**63 - 1  # above every id
_ROUTED = 50  # at a time, at least: a worker that claims fewer would take a look at the others each time
_ROUNDS = 10  # of one claim: other workers are waiting for their turn
_AT_REST: Row = {"leased_by": None, "due_at": None}


@dataclass(frozen=True, slots=True)
class Routing:
    """Which items a delivery touches, by some rules; ``route`` is pure, quick and raises nothing."""

    fingerprint: str  # of the rules, at most 64 characters
    route: Callable[[Delivery], Iterable[bytes]]  # order keys, 16 bytes each


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one claim takes, and for how long."""

    deliveries: int = 50
    bytes: int = 16 * 2**20  # of bodies; a single one may exceed it
    lease: int = 60_000  # milliseconds
    deaths: int = 3  # a delivery that so many workers died of is given up
    takeovers: int = 5  # likewise, where they may as well have been killed by somebody else


def claim(tx: Transaction, worker: str, routing: Routing, limits: Limits, now: int) -> list[Delivery] | None:
    """Lease due deliveries to ``worker`` (a name that no other has), lowest id first; none where none is due.

    None: of the many it looked at, all have to wait for others; commit, and call again at once.
    """
    if not _is_work(tx, routing, now):
        return []
    lock(tx, [b"claim"])
    for _ in range(_ROUNDS):
        routed, unrouted = _route(tx, routing, limits, now)
        found = _due(tx, unrouted, now, limits.deliveries)
        if not found and unrouted == _NONE_LEFT:
            return []
        alive = [row for row in found if not _given_up(tx, row, limits, now)]
        waiting = order.blocked(tx, [row["delivery_id"] for row in alive]) if alive else {}
        if waiting:
            order.park(tx, waiting)
        ready = [row for row in alive if row["delivery_id"] not in waiting]
        if leased := _lease(tx, worker, _share(ready, limits), routed, limits, now):
            return leased
    return None


def finish(tx: Transaction, tries: Sequence[Attempt]) -> bool:
    """End one worker's deliveries: the outcomes of these attempts (done, ignored, failed) become their status.

    False: a lease was lost. The caller must roll back, for the effect is up to whoever has the delivery now.
    """
    everything, now = [attempt.delivery_id for attempt in tries], tries[0].finished_at
    attempts.record(tx, tries)
    order.forget(tx, everything)
    for (outcome, reason), group in groupby(sorted(tries, key=_verdict), _verdict):
        ended = {"status": outcome, "reason": reason, "finished_at": now, **_AT_REST}
        ids = [attempt.delivery_id for attempt in group]
        leased = _leased(tries[0].worker, ids)
        met = tx.update_now(TABLE, {**leased, "waiters": 0}, ended)
        if met < len(ids):  # others wait for one of them, or have waited for it in an earlier life
            if met + tx.update_now(TABLE, leased, ended) < len(ids):
                return False
            order.wake(tx, ids, due_at=now)
    return True


def reschedule(tx: Transaction, attempt: Attempt, due_at: int) -> bool:
    """Give a leased delivery back, to be tried again from ``due_at``; False where the lease was lost."""
    changes = {"reason": attempts.shortened(attempt.reason), "due_at": due_at, "leased_by": None, "takeovers": 0}
    if not tx.update_now(TABLE, _leased(attempt.worker, [attempt.delivery_id]), changes):
        return False
    attempts.record(tx, [attempt])
    return True


def holds(tx: Transaction, worker: str, delivery_id: int) -> bool:
    """Tell whether a worker still has the lease of a delivery."""
    sql = (
        "SELECT 1 FROM tikisync_deliveries "
        "WHERE delivery_id = :delivery_id AND status = 'pending' AND leased_by = :worker"
    )
    return tx.value(sql, delivery_id=delivery_id, worker=worker) is not None


def extend(tx: Transaction, worker: str, ids: Collection[int], until: int) -> None:
    """Let the leases that ``worker`` still has on these deliveries end at ``until``."""
    tx.update_now(TABLE, _leased(worker, ids), {"due_at": until})


def release(tx: Transaction, worker: str, ids: Collection[int]) -> None:
    """Give leased deliveries back untried: they are due at once, and the attempt does not count."""
    tx.later(
        "UPDATE tikisync_deliveries SET attempts = attempts - 1, leased_by = NULL, due_at = 0 "
        "WHERE delivery_id IN :ids AND status = 'pending' AND leased_by = :worker",
        ids=list(ids),
        worker=worker,
    )


def _verdict(attempt: Attempt) -> tuple[str, str]:
    return attempt.outcome, attempts.shortened(attempt.reason)


def _leased(worker: str, ids: Collection[int]) -> Row:
    return {"delivery_id": list(ids), "status": PENDING, "leased_by": worker}


def _is_work(tx: Transaction, routing: Routing, now: int) -> bool:
    """Tell whether any pending delivery is due, or not routed by these rules."""
    pending = "EXISTS (SELECT 1 FROM tikisync_deliveries{} WHERE status = 'pending' AND {})"
    routed = tx.by_index("routed")
    each = [(tx.by_index("due"), "due_at <= :now"), (routed, "routed_by < :rules"), (routed, "routed_by > :rules")]
    sql = f"SELECT {' OR '.join(pending.format(*one) for one in each)}"
    return bool(tx.value(sql, now=now, rules=routing.fingerprint))


def _unrouted(tx: Transaction, routing: Routing, limit: int) -> list[Row]:
    """Return the first pending deliveries that these rules have not routed yet, in the order received."""
    table = "tikisync_deliveries" + tx.by_index("routed")
    pending = f"FROM {table} WHERE status = 'pending' AND routed_by"
    rules: str | None = ""  # none yet; then each other rules there are: seldom any, and never many
    found: list[Row] = []
    while rules is not None:
        sql = f"SELECT delivery_id, size, routed_by {pending} = :rules ORDER BY delivery_id LIMIT :limit"
        found += tx.all(sql, rules=rules, limit=limit)
        sql = f"SELECT routed_by {pending} > :rules AND routed_by <> :own ORDER BY routed_by LIMIT 1"
        rules = tx.value(sql, rules=rules, own=routing.fingerprint)
    return sorted(found, key=lambda row: int(row["delivery_id"]))[:limit]


def _route(tx: Transaction, routing: Routing, limits: Limits, now: int) -> tuple[dict[int, Delivery], int]:
    """Route the next deliveries in the order received; return them and the lowest id that is still to be routed."""
    pending: dict[int, Delivery] = {}
    most = max(limits.deliveries, _ROUTED)
    found = _unrouted(tx, routing, most + 1)
    taken = _within(found[:most], limits)
    if taken:
        ids = [row["delivery_id"] for row in taken]
        tx.later(  # comes first: from here on none of them can be finished by a worker with other rules
            "UPDATE tikisync_deliveries SET routed_by = :rules, due_at = COALESCE(due_at, :now), waits_for = NULL "
            "WHERE delivery_id IN :ids AND status = 'pending'",
            rules=routing.fingerprint,
            now=now,
            ids=ids,
        )
        pending = {each.delivery_id: each for each in deliveries.load(tx, ids) if each.status == PENDING}
        keys = {number: routing.route(each) for number, each in pending.items()}
        order.store(tx, keys, replace=any(row["routed_by"] for row in taken))
    return pending, int(found[len(taken)]["delivery_id"]) if len(taken) < len(found) else _NONE_LEFT


def _due(tx: Transaction, below: int, now: int, limit: int) -> Sequence[Row]:
    return tx.all(
        f"SELECT delivery_id, size, due_at, leased_by, takeovers FROM tikisync_deliveries{tx.by_index('due')} "  # noqa: S608  names of ours, values bound
        "WHERE status = 'pending' AND due_at <= :now AND delivery_id < :below "
        "ORDER BY due_at, delivery_id LIMIT :limit",
        now=now,
        below=below,
        limit=limit,
    )


def _given_up(tx: Transaction, row: Row, limits: Limits, now: int) -> bool:
    """End a delivery whose workers died too often; tell whether this is one."""
    if not row["leased_by"] or row["takeovers"] + 1 < limits.takeovers:
        return False
    where = {name: row[name] for name in ("delivery_id", "leased_by", "due_at")} | {"status": PENDING}
    if tx.update_now(TABLE, where, {"status": FAILED, "reason": "worker_died", "finished_at": now, **_AT_REST}):
        order.free(tx, [row["delivery_id"]], due_at=now)
        attempts.record(tx, [_death(row, now)])
    return True


def _share(rows: Sequence[Row], limits: Limits) -> Sequence[Row]:
    """Choose what one claim takes; a delivery whose worker died is taken alone, so that it harms no others again."""
    if rows and _is_suspect(rows[0]):
        return rows[:1]
    return _within([row for row in rows if not _is_suspect(row)], limits)


def _is_suspect(row: Row) -> bool:
    return bool(row["leased_by"] or row["takeovers"])


def _within(rows: Sequence[Row], limits: Limits) -> Sequence[Row]:
    """Return the first rows whose bodies together are within the limit, at least one."""
    sizes = accumulate(row["size"] for row in rows)
    return [row for row, total in zip(rows, sizes, strict=True) if total <= limits.bytes] or rows[:1]


def _lease(
    tx: Transaction, worker: str, rows: Sequence[Row], routed: Mapping[int, Delivery], limits: Limits, now: int
) -> list[Delivery]:
    """Lease these; return those that nobody else has taken meanwhile, which ``routed`` are known not to be."""
    if not rows:
        return []
    ids = [row["delivery_id"] for row in rows]
    tx.later(
        "UPDATE tikisync_deliveries SET attempts = attempts + 1, "
        "takeovers = takeovers + CASE WHEN leased_by IS NULL THEN 0 ELSE 1 END, leased_by = :worker, due_at = :until "
        "WHERE delivery_id IN :ids AND status = 'pending' AND due_at <= :now",
        worker=worker,
        until=now + limits.lease,
        ids=ids,
        now=now,
    )
    if all(number in routed and not routed[number].leased_by for number in ids):
        mine = partial(replace, leased_by=worker, due_at=now + limits.lease)
        return [mine(routed[number], attempts=routed[number].attempts + 1) for number in sorted(ids)]
    leased = [each for each in deliveries.load(tx, ids) if each.status == PENDING and each.leased_by == worker]
    attempts.record(tx, [_death(row, now) for row in rows if row["leased_by"] and leased])
    return leased


def _death(row: Row, now: int) -> Attempt:
    told = f"worker {row['leased_by']} stopped before it was done with this delivery"
    return Attempt(row["delivery_id"], row["leased_by"], now, now, DIED, "worker_died", told)
