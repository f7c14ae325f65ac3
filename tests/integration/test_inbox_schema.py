from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.arrivals import arrival
from tests.databases import ServerAdmin
from tests.effects import Effects
from tikisync.config import WorkerSettings
from tikisync.core.retry import RetrySettings
from tikisync.database import Database, Transaction
from tikisync.database import changes as database_changes
from tikisync.errors import ConflictError, SetupError
from tikisync.inbox import deliveries, schema
from tikisync.inbox.schema import MIGRATIONS, Migration
from tikisync.pipeline import administer
from tikisync.pipeline.worker import Worker


def add_note(tx: Transaction) -> str | None:
    if "note" in tx.columns("tikisync_deliveries"):
        return None
    return database_changes.alter(tx, "tikisync_deliveries", "ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT ''")


def add_index(tx: Transaction) -> str:
    return database_changes.alter(tx, "tikisync_deliveries", "ADD INDEX noted (note)")


def change_note(tx: Transaction) -> str:
    return database_changes.alter(tx, "tikisync_deliveries", "MODIFY note BIGINT NULL")


NEXT = (*MIGRATIONS, Migration("notes", add_note))
LATER = (*MIGRATIONS, Migration("notes", add_note, needed=False), Migration("found by notes", add_index, needed=False))


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
        assert schema.set_up(tx, NEXT) == [f"version {len(NEXT)}: notes, at once"]
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


def test_a_step_that_another_process_takes_at_the_same_time_counts_once(server_inbox: Database) -> None:
    class Overtaken(tuple[Migration, ...]):
        """Steps that another process has taken by the time that it is known which are left."""

        def __getitem__(self, key: Any) -> Any:
            left = super().__getitem__(key)
            with server_inbox.transaction() as other:
                schema.set_up(other, NEXT)
            return left

    with server_inbox.transaction() as tx:
        assert schema.step(tx, Overtaken(NEXT)) == f"version {len(NEXT)}: notes"
    with server_inbox.transaction() as tx:
        assert schema.version(tx) == len(NEXT)


@pytest.fixture
def busy_inbox(server_inbox: Database) -> Iterator[Effects]:
    """Tables of the version before, with rows, while deliveries are received and applied as this tikisync does."""
    effects = Effects(server_inbox)
    effects.create()
    with server_inbox.transaction() as tx:
        deliveries.add(tx, [arrival(body=b"%d" % number) for number in range(2_000)])
        tx.run("UPDATE tikisync_deliveries SET status = 'done'")
    stop, failures = threading.Event(), list[Exception]()

    def receive() -> None:
        while not stop.is_set():
            try:
                with server_inbox.transaction() as tx:
                    deliveries.add(tx, [arrival(body=b"new")])
            except Exception as error:
                failures.append(error)

    settings = WorkerSettings(poll=10, retry=RetrySettings(first_delay=1))
    worker = Worker(server_inbox, effects, "w", settings, time.time, random.random)
    threads = [threading.Thread(target=receive), threading.Thread(target=worker.run, args=(stop, threading.Event()))]
    for thread in threads:
        thread.start()
    yield effects
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_tables_of_the_version_before_are_used_as_they_are_and_upgraded_beside_the_traffic(
    busy_inbox: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = busy_inbox.database
    monkeypatch.setattr(schema, "MIGRATIONS", LATER)
    with database.transaction() as tx:
        assert schema.problems(tx) == []
        (told,) = schema.advice(tx)
    assert told.endswith("beside the running service: notes; found by notes")
    _until(lambda: len(busy_inbox.seen()) > 5)
    assert administer.steps_of_set_up(database) == 2
    first, second = administer.set_up(database)
    assert first == f"version {len(MIGRATIONS) + 1}: notes, at once"
    assert second == f"version {len(MIGRATIONS) + 2}: found by notes, beside the traffic"
    there = len(busy_inbox.seen())
    _until(lambda: len(busy_inbox.seen()) > there + 5)
    with database.transaction() as tx:
        assert schema.advice(tx) == []
        assert tx.value("SELECT COUNT(*) FROM tikisync_deliveries WHERE delivery_id <= 2000") == 2_000


def test_a_change_that_copies_the_table_says_that_writers_had_to_wait(server_inbox: Database) -> None:
    with server_inbox.transaction() as tx:
        add_note(tx)
        assert change_note(tx) == "while writers waited"
    with pytest.raises(Exception, match="no_such_type"), server_inbox.transaction() as tx:
        database_changes.alter(tx, "tikisync_deliveries", "ADD COLUMN wrong no_such_type")


def test_a_table_that_others_hold_is_not_waited_for_with_everybody_waiting_behind(
    server_inbox: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", LATER)
    monkeypatch.setattr(database_changes, "_SECONDS_TO_WAIT", 1)
    monkeypatch.setattr(administer, "_BETWEEN_TRIES", 0.05)
    with ThreadPoolExecutor(1) as pool, server_inbox.transaction() as long:
        deliveries.listing(long)
        upgrade = pool.submit(lambda: list(administer.set_up(server_inbox)))
        for _ in range(3):  # receivers go on between the tries
            with server_inbox.transaction() as tx:
                deliveries.add(tx, [arrival()])
            time.sleep(0.1)
        assert not upgrade.done()
        long.run("COMMIT")
        assert len(upgrade.result()) == 2
    with server_inbox.transaction() as tx:
        assert int(tx.value("SELECT @@SESSION.lock_wait_timeout")) == int(tx.value("SELECT @@GLOBAL.lock_wait_timeout"))


def test_a_table_that_others_hold_for_good_is_given_up_in_the_end(
    server_inbox: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", LATER)
    monkeypatch.setattr(database_changes, "_SECONDS_TO_WAIT", 1)
    monkeypatch.setattr(administer, "_TRIES", 1)
    with server_inbox.transaction() as long:
        deliveries.listing(long)
        with pytest.raises(ConflictError):
            list(administer.set_up(server_inbox))


def test_a_tikisync_that_cannot_do_without_a_step_says_so(inbox: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (*LATER, Migration("more", lambda tx: None)))
    with inbox.transaction() as tx:
        assert len(schema.problems(tx)) == 1
        assert schema.advice(tx) == []


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
