"""What an admin asks of the inbox and of Tiki's handlers, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tikisync import database_tables
from tikisync.core.trackers import Tracker
from tikisync.core.verification import Handler
from tikisync.database import Database
from tikisync.errors import SetupError
from tikisync.inbox import attempts, deliveries, schema
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Delivery
from tikisync.tiki import grants as tiki_grants
from tikisync.tiki import handlers as tiki_handlers
from tikisync.tiki import tables
from tikisync.tiki import trackers as tiki_trackers


def set_up(database: Database) -> list[str]:
    """Make or upgrade tikisync's own tables; return what was done, nothing where all was there."""
    with database.transaction() as tx:
        return list(schema.set_up(tx))


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


def listing(database: Database, status: str | None, handler_name: str | None, limit: int) -> Sequence[Delivery]:
    """Return deliveries, newest first."""
    with database.transaction() as tx:
        return deliveries.listing(tx, status=status, handler=handler_name, limit=limit)


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


def replay(database: Database, numbers: Sequence[int]) -> int:
    """Mark deliveries to be applied again; return how many there were."""
    with database.transaction() as tx:
        return deliveries.replay(tx, numbers)


def discard(database: Database, numbers: Sequence[int]) -> int:
    """Put deliveries aside; return how many could be."""
    with database.transaction() as tx:
        return deliveries.discard(tx, numbers)


def grants(database: Database, user: str, host: str, *, setup: bool = False, dashboard: bool = False) -> list[str]:
    """Return the GRANT statements for the running service, or those for ``tikisync setup``."""
    if database.is_sqlite:
        raise SetupError("SQLite has no users, so there is nothing to grant", hint="see to the file's permissions")
    with database.transaction() as tx:
        own = schema.rights()
        old = tables.without_transactions(tx)
        needed = tiki_grants.setting_up(own) if setup else tiki_grants.running(own, old, dashboard=dashboard)
        seen = database_tables.columns(tx, needed)
    return tiki_grants.statements(database.name, user, host, needed, seen)
