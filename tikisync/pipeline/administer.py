"""What an admin asks of the inbox and of Tiki's handlers, each in a transaction of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from tikisync.core.trackers import Tracker
from tikisync.core.verification import Handler
from tikisync.database import Database, Transaction
from tikisync.database import tables as database_tables
from tikisync.errors import ConflictError, SetupError, TikiError
from tikisync.inbox import attempts, deliveries, schema, search
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Delivery
from tikisync.inbox.search import Filter
from tikisync.tiki import grants as tiki_grants
from tikisync.tiki import handlers as tiki_handlers
from tikisync.tiki import preferences, tables
from tikisync.tiki import trackers as tiki_trackers

_AT_ONCE = 500  # deliveries that one transaction changes
_TRIES, _BETWEEN_TRIES = 30, 2.0  # at a table that others use; seconds


def steps_of_set_up(database: Database) -> int:
    """Return how many steps tikisync's own tables lack."""
    with database.transaction() as tx:
        return len(schema.steps_left(tx))


def set_up(database: Database) -> Iterator[str]:
    """Make or upgrade tikisync's own tables beside their users; yield a line for each step once it is taken.

    Where others hold a table for long, it waits a little, lets them and whoever waits go on, and tries again.
    """
    patience = _TRIES
    while True:
        try:
            with database.transaction() as tx:
                line = schema.step(tx)
        except ConflictError:
            patience -= 1
            if not patience:
                raise
            time.sleep(_BETWEEN_TRIES)
            continue
        if line is None:
            return
        yield line


def handlers(database: Database) -> Sequence[Handler]:
    """Return the webhook handlers as Tiki has them."""
    with database.transaction() as tx:
        return tiki_handlers.load(tx)


def handler(database: Database, name: str) -> Handler:
    """Return one of Tiki's handlers; raise SetupError naming those there are."""
    there = handlers(database)
    found = next((each for each in there if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in there) or "none"
        raise SetupError(f"Tiki has no webhook handler named {name!r}", hint=f"its handlers are: {names}")
    return found


def tracker(database: Database, name_or_id: str) -> Tracker:
    """Return one of Tiki's trackers; raise TikiError where there is none."""
    with database.transaction() as tx:
        return tiki_trackers.load(tx, name_or_id)


def trackers(database: Database) -> Mapping[int, str]:
    """Return the names of Tiki's trackers by id."""
    with database.transaction() as tx:
        return tiki_trackers.names(tx)


def webhooks_are_on(database: Database, forced: Mapping[str, str]) -> bool:
    """Tell whether Tiki accepts webhooks at all; raise TikiError where it is no Tiki 25 or newer."""
    with database.transaction() as tx:
        if not tx.columns("tiki_webhooks"):
            raise TikiError(
                f"there is no table tiki_webhooks in {database.shown}",
                hint="webhook handlers came with Tiki 25: update the Tiki, or check that the database is the Tiki's",
                reason="database_incomplete",
            )
        return preferences.switch_is_on(tx, forced)


def account(database: Database) -> tuple[str, str]:
    """Return as whom the database knows tikisync: user and host, as GRANT names them."""
    with database.transaction() as tx:
        user, _, host = str(tx.value("SELECT CURRENT_USER()")).rpartition("@")
    return user, host


def listing(database: Database, status: str | None, handler_name: str | None, limit: int) -> Sequence[Delivery]:
    """Return deliveries, newest first."""
    with database.transaction() as tx:
        return deliveries.listing(tx, status=status, handler=handler_name, limit=limit)


def count(database: Database) -> int:
    """Return how many deliveries there are."""
    with database.transaction() as tx:
        return sum(deliveries.counts(tx).values())


def last_used(database: Database, names: Sequence[str]) -> Mapping[str, int]:
    """Return when each of these handlers last verified a delivery (milliseconds since the epoch, UTC), if ever."""
    with database.transaction() as tx:
        if not tx.columns(deliveries.TABLE):
            return {}
        latest = {name: deliveries.listing(tx, handler=name, limit=1) for name in names}
    return {name: found[0].received_at for name, found in latest.items() if found}


def delivery(database: Database, number: int) -> tuple[Delivery, Sequence[Attempt]]:
    """Return a delivery and its attempts; raise SetupError where there is none of this number."""
    with database.transaction() as tx:
        found = deliveries.get(tx, number)
        if found is None:
            raise SetupError(
                f"there is no delivery {number}",
                hint="`tikisync inbox list` shows those there are",
                reason="delivery_unknown",
            )
        return found, attempts.of(tx, number)


def matching(database: Database, wanted: Filter) -> list[int]:
    """Return the ids of all deliveries that a filter finds, newest first."""
    ids: list[int] = []
    before: int | None = None
    while True:
        with database.transaction() as tx:
            more, before = search.matching(tx, wanted, before, _AT_ONCE)
        ids += more
        if before is None:
            return ids


def replay(database: Database, numbers: Sequence[int], advance: Callable[[int], object] = int) -> int:
    """Mark deliveries to be applied again; return how many. ``advance`` is told how many more were seen to.

    Raises SetupError where only one is asked for, and it is not there or has expired.
    """
    met = _in_parts(database, numbers, deliveries.replay, advance)
    if not met and len(numbers) == 1:
        deliveries.require_body(delivery(database, numbers[0])[0])
    return met


def discard(database: Database, numbers: Sequence[int], advance: Callable[[int], object] = int) -> int:
    """Put deliveries aside; return how many could be."""
    now = int(time.time() * 1000)
    return _in_parts(database, numbers, lambda tx, part: deliveries.discard(tx, part, now), advance)


def _in_parts(
    database: Database,
    numbers: Sequence[int],
    act: Callable[[Transaction, Sequence[int]], int],
    advance: Callable[[int], object],
) -> int:
    """Act on deliveries, some in each transaction, so that nobody waits long; return how many were met."""
    met = 0
    for start in range(0, len(numbers), _AT_ONCE):
        part = numbers[start : start + _AT_ONCE]
        with database.transaction() as tx:
            met += act(tx, part)
        advance(len(part))
    return met


def grants(
    database: Database, user: str, host: str, *, setup: bool = False, dashboard: bool = False, rules_page: bool = False
) -> list[str]:
    """Return the GRANT statements for the running service, or those for ``tikisync setup``.

    ``dashboard`` and ``rules_page`` tell whether the service uses these, which need more.
    """
    if database.is_sqlite:
        raise SetupError("SQLite has no users, so there is nothing to grant", hint="see to the file's permissions")
    with database.transaction() as tx:
        own = schema.rights()
        old = tables.without_transactions(tx)
        if setup:
            needed = tiki_grants.setting_up(own)
        else:
            needed = tiki_grants.running(own, old, dashboard=dashboard, rules_page=rules_page)
        seen = database_tables.columns(tx, needed)
    return tiki_grants.statements(database.name, user, host, needed, seen)
