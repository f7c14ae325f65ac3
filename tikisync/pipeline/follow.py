"""Follow the inbox: an event for each delivery that is received and for each attempt that ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tikisync.database import Database, Row
from tikisync.inbox import following
from tikisync.inbox.following import Place


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a delivery; ``at`` in milliseconds since the epoch, UTC."""

    at: int
    delivery: int
    handler: str
    what: str  # received, or the outcome of an attempt
    told: str


@dataclass(slots=True)
class Follower:
    """Reads on from where it was; ``back``: begin so many deliveries before the end."""

    database: Database
    back: int = 0
    _place: Place | None = field(default=None, init=False)

    def read(self) -> list[Event]:
        """Return what happened since the last call, oldest first; raise PassingError where the database is away."""
        with self.database.transaction() as tx:
            place = self._place or following.place(tx, self.back)
            received, ended = following.received(tx, place), following.ended(tx, place)
        self._place = Place(
            _last(received, "delivery_id", place.delivery_id), _last(ended, "attempt_id", place.attempt_id)
        )
        return sorted([*map(_received, received), *map(_ended, ended)], key=lambda each: each.at)


def _last(rows: Sequence[Row], column: str, before: int) -> int:
    return int(rows[-1][column]) if rows else before


def _received(row: Row) -> Event:
    told = f"{row['size']} bytes from {row['client_ip']}"
    return Event(int(row["received_at"]), int(row["delivery_id"]), str(row["handler"]), "received", told)


def _ended(row: Row) -> Event:
    told = "; ".join(json.loads(row["wrote"])) or str(row["error"] or row["reason"])
    return Event(int(row["finished_at"]), int(row["delivery_id"]), str(row["handler"]), str(row["outcome"]), told)
