"""What goes on: deliveries by the minute, the backlog, and each handler's last delivery and failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tikisync.core.verification import Handler
from tikisync.database import Database, Transaction
from tikisync.inbox import deliveries, search, statistics
from tikisync.inbox.deliveries import FAILED, Delivery
from tikisync.inbox.search import Filter, Page
from tikisync.inbox.statistics import MINUTE
from tikisync.pipeline import overview
from tikisync.pipeline.overview import Overview
from tikisync.tiki import handlers as tiki_handlers

MINUTES = 60
BULK = 1000  # deliveries that one action takes at most
_ROUNDS = 10  # of a search for them


@dataclass(frozen=True, slots=True)
class HandlerActivity:
    """A handler as Tiki has it and what it last received; None: never."""

    handler: Handler
    last: Delivery | None
    last_failure: Delivery | None


@dataclass(frozen=True, slots=True)
class Activity:
    """The last hour, and how things stand; times are milliseconds since the epoch, UTC."""

    first_minute: int
    minutes: Mapping[int, Mapping[str, int]]  # start of a minute → deliveries received in it, by status
    overview: Overview


def activity(database: Database, forced: Mapping[str, str], now: int) -> Activity:
    """Read the figures in one transaction; ``now`` in milliseconds since the epoch."""
    first = now - now % MINUTE - (MINUTES - 1) * MINUTE
    with database.transaction() as tx:
        return Activity(first, statistics.per_minute(tx, first), overview.read(tx, forced))


def handlers(database: Database) -> list[HandlerActivity]:
    """Return Tiki's handlers, in the order Tiki tries them."""
    with database.transaction() as tx:
        return [
            HandlerActivity(each, _newest(tx, each.name, None), _newest(tx, each.name, FAILED))
            for each in tiki_handlers.load(tx)
        ]


def found(database: Database, wanted: Filter, before_id: int | None) -> tuple[Page, Mapping[int, str]]:
    """Return a page of deliveries and what became of each, in words."""
    with database.transaction() as tx:
        page = search.search(tx, wanted, before_id)
        return page, search.last_words(tx, [each.delivery_id for each in page.found])


def matching(database: Database, wanted: Filter) -> list[int]:
    """Return the ids of the newest deliveries that a filter finds, at most BULK; a text only among the newest."""
    ids: list[int] = []
    before: int | None = None
    with database.transaction() as tx:
        for _ in range(_ROUNDS):
            more, before = search.matching(tx, wanted, before, BULK - len(ids))
            ids += more
            if before is None or len(ids) == BULK:
                break
    return ids


def _newest(tx: Transaction, handler: str, status: str | None) -> Delivery | None:
    return next(iter(deliveries.listing(tx, status=status, handler=handler, limit=1)), None)
