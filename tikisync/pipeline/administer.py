"""What an admin asks of the inbox and of Tiki's handlers, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence

from tikisync.core.verification import Handler
from tikisync.database import Database
from tikisync.errors import SetupError
from tikisync.inbox import attempts, deliveries, schema
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Delivery
from tikisync.tiki import grants as tiki_grants
from tikisync.tiki import handlers as tiki_handlers


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


def listing(database: Database, status: str | None, handler_name: str | None, limit: int) -> Sequence[Delivery]:
    """Return deliveries, newest first."""
    with database.transaction() as tx:
        return deliveries.listing(tx, status=status, handler=handler_name, limit=limit)


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


def grants(database: Database, user: str, host: str, *, dashboard: bool = False) -> list[str]:
    """Return the GRANT statements for the running service; only tables that are there can be granted."""
    if database.is_sqlite:
        raise SetupError("SQLite has no users, so there is nothing to grant", hint="see to the file's permissions")
    own = [schema.VERSIONS, *(table.name for table in schema.TABLES)]
    privileges = tiki_grants.running(own, dashboard=dashboard)
    with database.transaction() as tx:
        present = {table for table in privileges if tx.columns(table)}
    return tiki_grants.statements(database.name, user, host, privileges, present)
