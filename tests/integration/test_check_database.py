"""``check`` says what about the server and Tiki's tables keeps webhooks from working, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers, tiki_tables
from tests.databases import ServerAdmin, TikiDatabase
from tikisync import config as configuration
from tikisync.database import Database
from tikisync.errors import SetupError
from tikisync.inbox import schema
from tikisync.pipeline import check_database
from tikisync.pipeline.finding import Finding

RULE = "[rule order]\nhandler = Shop\ntracker = Orders\nfield.orderId = body.id\n"
KEY = "key = orderId\n"


def findings(database: Database, tmp_path: Path, rules: str = RULE + KEY) -> list[Finding]:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {database.shown}\n{rules}")
    with database.transaction() as tx:
        return list(check_database.check(tx, configuration.load(path)))


def alter(database: TikiDatabase, *statements: str) -> None:
    with database.admin.transaction() as tx:
        for statement in statements:
            tx.run(statement)


@pytest.mark.parametrize("fixture", ["tiki", "sqlite_tiki"])
def test_there_is_nothing_to_say_about_a_tiki_of_today(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    assert findings(request.getfixturevalue(fixture), tmp_path) == []


def test_tables_that_cannot_roll_back_are_named(tiki: TikiDatabase, tmp_path: Path) -> None:
    alter(tiki, "ALTER TABLE tiki_queue ENGINE=MyISAM", "ALTER TABLE tiki_pages ENGINE=MyISAM")

    [found] = findings(tiki, tmp_path)

    assert (found.level, found.where) == ("warning", "Tiki's tables")
    assert found.message.startswith("tiki_queue cannot roll back")
    assert "tiki_convert_myisam_to_innodb.sql" in found.hint


def test_tables_that_cannot_hold_every_character_are_named(tiki: TikiDatabase, tmp_path: Path) -> None:
    names = ("tiki_objects", "tiki_links", "tiki_freetags", "tiki_tracker_items")
    alter(tiki, *(f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb3" for name in names))

    [found] = findings(tiki, tmp_path)

    assert (found.level, found.where) == ("warning", "Tiki's tables")
    assert "and 1 more cannot hold every character" in found.message
    assert "utf8mb4" in found.hint


@pytest.mark.parametrize("fixture", ["tiki", "sqlite_tiki"])
def test_a_key_without_an_index_is_a_warning(fixture: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database: TikiDatabase = request.getfixturevalue(fixture)
    with database.admin.transaction() as tx:
        if database.is_sqlite:
            tx.run("DROP INDEX tiki_tracker_item_fields_value")
        else:
            tx.run("ALTER TABLE tiki_tracker_item_fields DROP INDEX value, ADD FULLTEXT INDEX words (value)")

    [found] = findings(database, tmp_path)
    assert (found.level, found.where) == ("warning", "table tiki_tracker_item_fields")
    assert "ADD INDEX" in found.hint
    assert findings(database, tmp_path, RULE) == [], "nobody looks anything up by a key"

    with database.admin.transaction() as tx:
        tx.run(f"CREATE INDEX both_ ON tiki_tracker_item_fields (fieldId, value{'' if database.is_sqlite else '(50)'})")
    assert findings(database, tmp_path) == []


@pytest.fixture(scope="module")
def old_ways() -> Iterator[tuple[Database, ServerAdmin]]:
    """A Tiki's empty tables on a server set up in ways that tikisync cannot work with, and who may change that."""
    flags = ("--log-bin", "--server-id=1", "--binlog-format=STATEMENT", "--max-allowed-packet=1M")
    try:
        server = servers.on_this_machine(os.environ, print, *flags)
    except servers.NoServerError as missing:
        servers.without(missing, os.environ)
    admin = ServerAdmin(server.url)
    admin.run("SET GLOBAL binlog_format = ROW")
    url = admin.create_database()
    maker = Database(url)
    with maker.transaction() as tx:
        tiki_tables.create(tx)
        schema.set_up(tx)
    maker.close()
    admin.run("SET GLOBAL binlog_format = STATEMENT")
    database = Database(admin.create_user(url, "SELECT, INSERT"))
    yield database, admin
    database.close()
    admin.close()
    server.stop()


def test_a_server_that_refuses_every_change_is_an_error(old_ways: tuple[Database, ServerAdmin], tmp_path: Path) -> None:
    database, admin = old_ways
    admin.run("SET GLOBAL read_only = ON")
    found = {finding.where: finding for finding in findings(database, tmp_path)}
    admin.run("SET GLOBAL read_only = OFF")

    assert {where: finding.level for where, finding in found.items()} == {
        "server setting binlog_format": "error",
        "server setting read_only": "error",
        "server setting max_allowed_packet": "warning",
    }
    assert "MIXED" in found["server setting binlog_format"].hint
    assert all(finding.hint for finding in found.values())


def test_a_statement_that_the_binary_log_cannot_hold_fails_with_the_way_out(
    old_ways: tuple[Database, ServerAdmin],
) -> None:
    database, _ = old_ways
    with pytest.raises(SetupError) as refused, database.transaction() as tx:
        tx.insert("tiki_queue", {"queue": "x", "timestamp": 1, "message": ""})

    assert refused.value.reason == "binlog_format"
    assert "binlog_format" in refused.value.hint


@pytest.mark.parametrize(
    ("server", "too_old"),
    [
        ("MySQL 5.6.51", True),
        ("MySQL 5.7.6", True),
        ("MySQL 5.7.44", False),
        ("MySQL 9.7.4", False),
        ("MariaDB 10.1.48", True),
        ("MariaDB 10.3.39", False),
        ("MariaDB 11.4", False),
        ("SQLite 3.40.1", False),
    ],
)
def test_a_server_whose_indexes_are_too_short_for_our_tables_is_too_old(server: str, too_old: bool) -> None:
    assert check_database.is_too_old(server) == too_old


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"innodb_autoinc_lock_mode": "1"}, ["server setting innodb_autoinc_lock_mode"]),
        ({"binlog_format": "MIXED"}, ["server setting binlog_format"]),
        ({"wsrep_certify_nonpk": "OFF"}, ["server setting wsrep_certify_nonpk"]),
        ({"wsrep_on": "OFF", "binlog_format": "MIXED"}, []),
        ({}, []),
    ],
)
def test_settings_that_a_galera_cluster_cannot_work_with_are_named(settings: dict[str, str], where: list[str]) -> None:
    whole = {"wsrep_on": "ON", **check_database.GALERA, **settings}

    assert [finding.where for finding in check_database.galera(whole, [])] == where


def test_tables_that_a_galera_cluster_does_not_copy_are_named() -> None:
    [found] = check_database.galera({"wsrep_on": "ON", **check_database.GALERA}, ["tiki_actionlog"])

    assert (found.level, found.where) == ("error", "Tiki's tables")
    assert "does not copy tiki_actionlog" in found.message
