"""What about the database server and Tiki's tables keeps webhooks from working, or makes them work less well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tikisync.config import Config
from tikisync.database import Transaction
from tikisync.database import tables as database_tables
from tikisync.pipeline.finding import ERROR, WARNING, Finding
from tikisync.tiki import tables

_OLDEST = {"MySQL": (5, 7, 7), "MariaDB": (10, 2, 2)}  # with indexes as long as tikisync's tables need them
GALERA = {"innodb_autoinc_lock_mode": "2", "binlog_format": "ROW", "wsrep_certify_nonpk": "ON"}  # what it needs
_PACKET = "max_allowed_packet"


def check(tx: Transaction, config: Config) -> Iterator[Finding]:
    """Yield what can be worked with, more or less."""
    yield from _server(tx, config)
    stuck = tables.without_transactions(tx)
    yield from galera(database_tables.settings(tx, "wsrep_on", *GALERA), stuck)
    if stuck:
        yield Finding(
            WARNING, "Tiki's tables", f"{_named(stuck)} cannot roll back (MyISAM): what a crash interrupts stays half "
            "written until the delivery is tried again, and every change takes longer",
            "convert them to InnoDB with Tiki's db/tiki_convert_myisam_to_innodb.sql",
        )  # fmt: skip
    if narrow := tables.narrow(tx):
        yield Finding(
            WARNING, "Tiki's tables", f"{_named(narrow)} cannot hold every character: emoji become spaces there, as in "
            "Tiki, and what latin1 does not have is refused",
            "ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4, after a backup",
        )  # fmt: skip
    indexes = database_tables.indexes(tx, "tiki_tracker_item_fields")
    indexed = any(each[0] == "value" or each[:2] == ("fieldId", "value") for each in indexes)
    if not indexed and any(rule.key for rule in config.rules):
        yield Finding(
            WARNING, "table tiki_tracker_item_fields", "rules find items by a key, and there is no index for that: "
            "each delivery reads all values of a field",
            "ALTER TABLE tiki_tracker_item_fields ADD INDEX value (value(191))",
        )  # fmt: skip


def is_too_old(server: str) -> bool:
    """Tell whether a server, such as ``MariaDB 10.1.48``, cannot hold tikisync's tables."""
    name, _, version = server.partition(" ")
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3]) < _OLDEST.get(name, ())


def broken_tables(tx: Transaction) -> list[Finding]:
    """Return what about Tiki's tables stops everything else."""
    return [Finding(ERROR, f"table {table}", wrong, hint) for table, wrong, hint in tables.problems(tx)]


def _server(tx: Transaction, config: Config) -> Iterator[Finding]:
    if is_too_old(server := tx.server()):
        needed = " or ".join(f"{name} {'.'.join(map(str, version))}" for name, version in _OLDEST.items())
        yield Finding(ERROR, server, "this server is too old for tikisync's tables", f"use {needed}, or a newer one")
    found = database_tables.settings(tx, "log_bin", "binlog_format", "read_only", _PACKET)
    if found.get("log_bin") == "ON" and found.get("binlog_format") == "STATEMENT":
        yield Finding(
            ERROR, "server setting binlog_format", "with STATEMENT the server refuses all that tikisync writes, for it "
            "works with the isolation level READ COMMITTED (server error 1665)",
            "set binlog_format = ROW (or MIXED) in the server's configuration and restart it",
        )  # fmt: skip
    if found.get("read_only") == "ON":
        yield Finding(
            ERROR, "server setting read_only", "this server takes no changes; it is probably a replica",
            "let the database URL lead to the primary server",
        )  # fmt: skip
    if int(found.get(_PACKET, 2**63)) < 2 * config.server.body_limit:
        yield Finding(
            WARNING, f"server setting {_PACKET}", "the largest bodies that [server] body_limit lets in may not fit "
            "through it",
            f"set {_PACKET} to at least twice the body_limit, or lower that",
        )  # fmt: skip


def galera(settings: Mapping[str, str], without_transactions: list[str]) -> Iterator[Finding]:
    """Yield what keeps the nodes of a Galera cluster from agreeing, given a server's settings and those tables.

    See https://mariadb.com/docs/galera-cluster/reference/mariadb-galera-cluster-known-limitations.
    """
    if settings.get("wsrep_on") != "ON":
        return
    for name, needed in GALERA.items():
        if settings.get(name) != needed:
            yield Finding(
                ERROR, f"server setting {name}", f"it is {settings.get(name)}: the nodes of a Galera cluster would "
                "refuse or lose what others write", f"set it to {needed} on every node and restart them",
            )  # fmt: skip
    if without_transactions:
        yield Finding(
            ERROR, "Tiki's tables", f"a Galera cluster does not copy {_named(without_transactions)} (MyISAM) to its "
            "other nodes", "convert them to InnoDB with Tiki's db/tiki_convert_myisam_to_innodb.sql",
        )  # fmt: skip


def _named(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
