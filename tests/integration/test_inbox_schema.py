from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.arrivals import arrival
from tests.databases import ServerAdmin
from tikisync.database import Database, Transaction
from tikisync.errors import SetupError
from tikisync.inbox import deliveries, schema
from tikisync.inbox.schema import MIGRATIONS, Migration


def add_note(tx: Transaction) -> None:
    if "note" not in tx.columns("tikisync_deliveries"):
        tx.run("ALTER TABLE tikisync_deliveries ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT ''")


NEXT = (*MIGRATIONS, Migration("notes", add_note))


def test_an_empty_database_is_set_up_and_a_second_time_left_alone(empty_database: Database) -> None:
    with empty_database.transaction() as tx:
        assert schema.problems(tx) == ["tikisync's tables are not there yet: run `tikisync setup`"]
        assert schema.set_up(tx) == [
            "version 1: tables of the inbox made",
            "version 2: table of the items' versions made",
            "version 3: journal for tables that cannot roll back made",
        ]
    with empty_database.transaction() as tx:
        assert schema.problems(tx) == []
        assert schema.set_up(tx) == []
        assert schema.version(tx) == len(MIGRATIONS)


def test_an_upgrade_takes_only_the_new_steps_and_keeps_deliveries(inbox: Database) -> None:
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival(body=b"kept")])
    with inbox.transaction() as tx:
        assert schema.set_up(tx, NEXT) == [f"version {len(NEXT)}: notes"]
        assert schema.set_up(tx, NEXT) == []
        assert "note" in tx.columns("tikisync_deliveries")
        found = deliveries.get(tx, 1)
    assert found is not None
    assert found.body == b"kept"


def test_an_upgrade_that_was_cut_short_is_repeated(inbox: Database) -> None:
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival(body=b"kept")])
        schema.set_up(tx, NEXT)
        tx.run("DELETE FROM tikisync_schema")
        tx.run("DROP TABLE tikisync_locks")
    with inbox.transaction() as tx:
        assert len(schema.set_up(tx, NEXT)) == len(NEXT)
        assert schema.version(tx) == len(NEXT)
        assert deliveries.get(tx, 1) is not None
        assert tx.columns("tikisync_locks")


def test_tables_of_a_newer_tikisync_are_refused(inbox: Database) -> None:
    with inbox.transaction() as tx:
        schema.set_up(tx, NEXT)
        told = f"tikisync's tables are of version {len(NEXT)}, but this tikisync knows only version {len(MIGRATIONS)}"
        assert schema.problems(tx) == [f"{told}: install the newer tikisync that upgraded them"]
        with pytest.raises(SetupError, match=told):
            schema.set_up(tx)


def test_tables_of_an_older_tikisync_are_to_be_upgraded(inbox: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", NEXT)
    with inbox.transaction() as tx:
        told = f"tikisync's tables are of version {len(MIGRATIONS)} and must become {len(NEXT)}: run `tikisync setup`"
        assert schema.problems(tx) == [told]


def test_a_missing_table_is_named(inbox: Database) -> None:
    with inbox.transaction() as tx:
        tx.run("DROP TABLE tikisync_attempts")
    with inbox.transaction() as tx:
        assert schema.problems(tx) == ["table tikisync_attempts is missing: restore it from a backup"]


def test_a_table_in_an_engine_without_transactions_is_named(server_inbox: Database) -> None:
    with server_inbox.transaction() as tx:
        tx.run("ALTER TABLE tikisync_locks ENGINE=MyISAM")
        (told,) = schema.problems(tx)
    assert told.endswith("run ALTER TABLE tikisync_locks ENGINE=InnoDB")


def test_rights_on_its_own_tables_are_enough(fresh_database: Callable[[], str], server_admin: ServerAdmin) -> None:
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX"
    tables = ["tikisync_schema", *(table.name for table in schema.TABLES)]
    limited = server_admin.create_user(fresh_database(), *(f"{rights} ON {table}" for table in tables))
    database = Database(limited)
    with database.transaction() as tx:
        schema.set_up(tx, NEXT)
        assert deliveries.add(tx, [arrival()]) == 0
    database.close()


def test_processes_that_set_up_at_the_same_time_do_not_disturb_each_other(database: Database) -> None:
    def set_up() -> None:
        with database.transaction() as tx:
            schema.set_up(tx)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(set_up) for _ in range(4)]:
            done.result()
    with database.transaction() as tx:
        assert schema.problems(tx) == []
