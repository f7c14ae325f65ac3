"""tikisync's own tables in Tiki's database: made, upgraded and looked over.

Rights needed: CREATE, ALTER, INDEX, SELECT and INSERT on tables named ``tikisync_…``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tikisync.database import Transaction
from tikisync.errors import SetupError


@dataclass(frozen=True, slots=True)
class Table:
    """A table as SQL; ``AUTO_ID`` in its columns is a primary key that counts up by itself.

    ``rights`` are those that the running service needs on it, as GRANT has them.
    """

    name: str
    rights: str
    columns: str
    unique: dict[str, str] = field(default_factory=dict)  # name → columns
    indexes: dict[str, str] = field(default_factory=dict)

    def create(self, tx: Transaction) -> None:
        """Make the table unless it is there; safe to repeat and to do twice at once."""
        if tx.is_sqlite:
            columns = self.columns.replace("AUTO_ID", "INTEGER PRIMARY KEY AUTOINCREMENT")
            tx.run(f"CREATE TABLE IF NOT EXISTS `{self.name}` ({columns})")
            for verb, indexes in (("UNIQUE INDEX", self.unique), ("INDEX", self.indexes)):
                for name, indexed in indexes.items():
                    tx.run(f"CREATE {verb} IF NOT EXISTS `{self.name}_{name}` ON `{self.name}` ({indexed})")
            return
        columns = self.columns.replace("AUTO_ID", "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY")
        keys = [f"UNIQUE KEY `{name}` ({indexed})" for name, indexed in self.unique.items()]
        keys += [f"KEY `{name}` ({indexed})" for name, indexed in self.indexes.items()]
        tx.run(
            f"CREATE TABLE IF NOT EXISTS `{self.name}` ({', '.join([columns, *keys])}) "
            "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
        )


# Times are milliseconds since the epoch, UTC. What the columns of deliveries are for:
#   size       of the body in bytes, so that nobody has to read bodies to add them up
#   handler_id whose duplicates it counts among: the handler's own, or that of the first of its rotation
#   id_key     digest of the sender's delivery id, body_key of what was signed; NULL: does not tell duplicates
#   attempts   leases given out; takeovers: leases that ran out because their worker never came back
#   due_at     a worker may take a pending delivery from then on; while it is leased, the end of the lease;
#              NULL: not before it is routed, or not before the delivery it waits for is finished;
#              of a finished one: when body, headers and attempts were let go of
#   waits_for  an earlier unfinished delivery of the same item; waiters: how often another began to wait for this one
#   routed_by  fingerprint of the rules that its rows in tikisync_order_keys were computed with
DELIVERIES = Table(
    "tikisync_deliveries",
    "SELECT, INSERT, UPDATE",
    """
    delivery_id AUTO_ID,
    handler_id INT NOT NULL,
    handler VARCHAR(200) NOT NULL,
    `user` VARCHAR(200) NOT NULL,
    received_at BIGINT NOT NULL,
    method VARCHAR(16) NOT NULL,
    path TEXT NOT NULL,
    query MEDIUMTEXT NOT NULL,
    client_ip VARCHAR(64) NOT NULL,
    headers MEDIUMTEXT NOT NULL,
    body LONGBLOB NOT NULL,
    size INT NOT NULL,
    id_key BINARY(32) NULL,
    body_key BINARY(32) NULL,
    duplicates INT NOT NULL DEFAULT 0,
    status VARCHAR(10) NOT NULL DEFAULT 'pending',
    reason VARCHAR(1000) NOT NULL DEFAULT '',
    finished_at BIGINT NULL,
    attempts INT NOT NULL DEFAULT 0,
    takeovers INT NOT NULL DEFAULT 0,
    due_at BIGINT NULL,
    leased_by VARCHAR(200) NULL,
    waits_for BIGINT NULL,
    waiters INT NOT NULL DEFAULT 0,
    routed_by VARCHAR(64) NOT NULL DEFAULT ''
    """,
    unique={"id_key": "handler_id, id_key", "body_key": "handler_id, body_key"},
    indexes={
        "listed": "status, delivery_id",
        "listed_by_handler": "handler, delivery_id",
        "due": "status, due_at, delivery_id",
        "routed": "status, routed_by, delivery_id",
        "waiting": "waits_for",
    },
)
ORDER_KEYS = Table(  # of unfinished deliveries only
    "tikisync_order_keys",
    "SELECT, INSERT, DELETE",
    "order_key BINARY(16) NOT NULL, delivery_id BIGINT NOT NULL, PRIMARY KEY (order_key, delivery_id)",
    indexes={"delivery": "delivery_id"},
)
ATTEMPTS = Table(
    "tikisync_attempts",
    "SELECT, INSERT, DELETE",
    """
    attempt_id AUTO_ID,
    delivery_id BIGINT NOT NULL,
    worker VARCHAR(200) NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    outcome VARCHAR(10) NOT NULL,
    reason VARCHAR(1000) NOT NULL,
    error MEDIUMTEXT NOT NULL,
    wrote MEDIUMTEXT NOT NULL
    """,
    indexes={"delivery": "delivery_id, attempt_id"},
)
LOCKS = Table(
    "tikisync_locks",
    "SELECT, INSERT, UPDATE",
    "lock_key VARBINARY(16) NOT NULL PRIMARY KEY, turn BIGINT NOT NULL DEFAULT 0",
)
ITEM_VERSIONS = Table(
    "tikisync_versions",
    "SELECT, INSERT, UPDATE",
    "order_key BINARY(16) NOT NULL PRIMARY KEY, version VARCHAR(400) NOT NULL",
)
JOURNAL = Table(  # of deliveries on their way into tables that cannot roll back; empty on other sites
    "tikisync_journal",
    "SELECT, INSERT, DELETE",
    """
    entry_id AUTO_ID,
    delivery_id BIGINT NOT NULL,
    kind VARCHAR(6) NOT NULL,
    statement BINARY(16) NOT NULL,
    value LONGTEXT NOT NULL
    """,
    indexes={"delivery": "delivery_id, entry_id"},
)

_FIRST = (DELIVERIES, ORDER_KEYS, ATTEMPTS, LOCKS)
TABLES = (*_FIRST, ITEM_VERSIONS, JOURNAL)
SCHEMA = Table("tikisync_schema", "SELECT", "version INT NOT NULL PRIMARY KEY")


def rights() -> dict[str, str]:
    """Return the rights that the running service needs, by table."""
    return {table.name: table.rights for table in (*TABLES, SCHEMA)}


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; ``carry_out`` is safe to repeat, for MySQL commits each statement of it by itself.

    It says how it was (``database.changes.alter``), or nothing. ``needed``: this tikisync does not run without it.
    """

    title: str
    carry_out: Callable[[Transaction], str | None]
    needed: bool = True


def _first_tables(tx: Transaction) -> None:
    for table in _FIRST:
        table.create(tx)


MIGRATIONS = (  # the n-th leads to version n
    Migration("tables of the inbox made", _first_tables),
    Migration("table of the items' versions made", ITEM_VERSIONS.create),
    Migration("journal for tables that cannot roll back made", JOURNAL.create),
)


def steps_left(tx: Transaction, migrations: Sequence[Migration] | None = None) -> Sequence[Migration]:
    """Return the steps that the tables lack; raise SetupError where they are of a newer tikisync."""
    known = MIGRATIONS if migrations is None else migrations
    there = version(tx)
    if there > len(known):
        raise SetupError(_newer(there, len(known)), hint=_NEWER_HINT, reason="schema_newer")
    return known[there:]


def step(tx: Transaction, migrations: Sequence[Migration] | None = None) -> str | None:
    """Take the next step; return a line about it, None where all is well already."""
    known = MIGRATIONS if migrations is None else migrations
    left = steps_left(tx, known)
    if not left:
        return None
    number = len(known) - len(left) + 1  # not of the version by now: another process may have taken the step meanwhile
    if number == 1:
        SCHEMA.create(tx)
    how = left[0].carry_out(tx)
    tx.insert_many(SCHEMA.name, [{"version": number}], on_duplicate="ignore")
    return f"version {number}: {left[0].title}" + (f", {how}" if how else "")


def set_up(tx: Transaction, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Make or upgrade the tables; return a line for each step taken, none where all is well already."""
    done = []
    while line := step(tx, migrations):
        done.append(line)
    return done


def version(tx: Transaction) -> int:
    """Return the version of the tables; 0 where there are none."""
    if not tx.columns(SCHEMA.name):
        return 0
    return int(tx.value(f"SELECT MAX(version) FROM {SCHEMA.name}") or 0)  # noqa: S608  names of ours, values bound


def problems(tx: Transaction) -> list[str]:
    """Return a sentence for each thing that keeps the tables from being used."""
    there, known = version(tx), len(MIGRATIONS)
    if there > known:
        return [f"{_newer(there, known)}: {_NEWER_HINT}"]
    if there == 0:
        return ["tikisync's tables are not there yet: run `tikisync setup`"]
    found = []
    if any(migration.needed for migration in MIGRATIONS[there:]):
        found.append(f"tikisync's tables are of version {there} and must become {known}: run `tikisync setup`")
    engines = {table.name: tx.engine(table.name) for table in TABLES}
    found += [f"table {name} is missing: restore it from a backup" for name, engine in engines.items() if not engine]
    return found + [
        f"table {name} is {engine}, which loses deliveries: run ALTER TABLE {name} ENGINE=InnoDB"
        for name, engine in engines.items()
        if engine not in ("InnoDB", "SQLite", "")
    ]


def advice(tx: Transaction) -> list[str]:
    """Return a sentence where the tables can be upgraded, and do without it for now."""
    left = steps_left(tx)
    if not left or any(migration.needed for migration in left):
        return []
    return ["tikisync's tables can be upgraded beside the running service: " + "; ".join(each.title for each in left)]


def _newer(there: int, known: int) -> str:
    return f"tikisync's tables are of version {there}, but this tikisync knows only version {known}"


_NEWER_HINT = "install the newer tikisync that upgraded them"
