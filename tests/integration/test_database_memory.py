"""What is read once is read anew as soon as it changed, whoever changed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from tests.databases import TikiDatabase
from tests.statements import carried_out
from tikisync.database import Database, Transaction
from tikisync.database.memory import Memory
from tikisync.tiki import permissions, preferences, trackers, users


def read(tx: Transaction) -> tuple[Any, ...]:
    """Read what every delivery needs to know about the site."""
    user, site, tracker = users.find(tx, "hook"), preferences.load(tx, {}), trackers.load(tx, "Orders")
    assert user is not None
    rights = permissions.load(tx, user, tracker, None, site)
    return user, dict(site._values), asdict(tracker), rights.can_create, rights.administers_tracker


def remembered(database: Database, memory: Memory) -> tuple[Any, ...]:
    with database.transaction() as tx:
        tx.remember(memory)
        first = read(tx)
        assert read(tx) == first
        return first


def test_what_did_not_change_is_looked_at_with_one_statement(tiki: TikiDatabase) -> None:
    memory = Memory()
    first = remembered(tiki, memory)
    with carried_out(tiki) as statements:
        assert remembered(tiki, memory) == first
    assert len(statements) == 1


CHANGES: dict[str, Callable[[Transaction], object]] = {
    "preference": lambda tx: tx.upsert_many("tiki_preferences", [{"name": "language", "value": "fr"}], key=("name",)),
    "preference made NULL": lambda tx: tx.run("UPDATE tiki_preferences SET value = NULL WHERE name = 'language'"),
    "group left": lambda tx: tx.run("DELETE FROM users_usergroups"),
    "group included": lambda tx: tx.insert("tiki_group_inclusion", {"groupName": "Sync", "includeGroup": "Admins"}),
    "right taken": lambda tx: tx.run("DELETE FROM users_grouppermissions"),
    "address": lambda tx: tx.update("users_users", {"login": "hook"}, {"email": "new@example.org"}),
    "user made anew": lambda tx: tx.update("users_users", {"login": "hook"}, {"userId": 77}),
    "field's options": lambda tx: tx.update("tiki_tracker_fields", {"permName": "orderTotal"}, {"options": "{}"}),
    "field moved": lambda tx: tx.update("tiki_tracker_fields", {"permName": "orderId"}, {"position": 9999}),
    "field added": lambda tx: tx.insert("tiki_tracker_fields", {"trackerId": 3, "permName": "more", "type": "t"}),
    "tracker's option": lambda tx: tx.insert("tiki_tracker_options", {"trackerId": 3, "name": "x", "value": "y"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_counts_from_the_next_transaction_on(
    tiki: TikiDatabase, change: Callable[[Transaction], object]
) -> None:
    with tiki.admin.transaction() as tx:
        tx.upsert_many("tiki_preferences", [{"name": "language", "value": "en"}], key=("name",))
    memory = Memory()
    first = remembered(tiki, memory)
    with tiki.admin.transaction() as tx:
        change(tx)
    with tiki.transaction() as tx:
        fresh = read(tx)
    assert fresh != first
    assert remembered(tiki, memory) == fresh


def test_a_change_while_it_is_read_is_not_missed(tiki: TikiDatabase) -> None:
    memory, sql = Memory(), "SELECT name FROM tiki_trackers WHERE trackerId = :id"
    with tiki.transaction() as tx:
        tx.remember(memory)

        def name() -> str:
            found = str(tx.value(sql, id=3))
            with tiki.admin.transaction() as other:
                other.update("tiki_trackers", {"trackerId": 3}, {"name": f"{found}!"})
            return found

        tx.once("name", name)
    with tiki.transaction() as tx:
        tx.remember(memory)
        now = tx.value(sql, id=3)
        assert tx.once("name", lambda: now) == now


def test_what_is_made_of_other_things_is_made_anew_with_them(tiki: TikiDatabase) -> None:
    memory = Memory()
    for name in ("Orders", "Sales"):
        with tiki.admin.transaction() as tx:
            tx.update("tiki_trackers", {"trackerId": 3}, {"name": name})
        with tiki.transaction() as tx:
            tx.remember(memory)
            trackers.load(tx, "3")
            assert tx.once("loud", lambda: trackers.load(tx, "3").name.upper()) == name.upper()


def test_what_is_large_is_remembered_for_one_transaction_only(tiki: TikiDatabase) -> None:
    with tiki.admin.transaction() as tx:
        tx.insert_many("tiki_categories", [{"name": f"c{number}", "parentId": 0} for number in range(1001)])
    memory, sql = Memory(), "SELECT categId, name, parentId FROM tiki_categories"
    for _ in range(2):
        with tiki.transaction() as tx:
            tx.remember(memory)
            with carried_out(tiki) as statements:
                assert tx.once("all", lambda: tx.all(sql)) is tx.once("all", lambda: tx.all(sql))
            assert len(statements) == 1


def test_in_sqlite_it_is_remembered_for_one_transaction_only(sqlite_tiki: Database) -> None:
    memory = Memory()
    first = remembered(sqlite_tiki, memory)
    with sqlite_tiki.transaction() as tx:
        tx.update("users_users", {"login": "hook"}, {"email": "new@example.org"})
    assert remembered(sqlite_tiki, memory) != first


def test_a_memory_of_too_many_things_begins_anew(tiki: TikiDatabase) -> None:
    memory, sql = Memory(), "SELECT name FROM tiki_trackers WHERE trackerId = :id"
    for number in range(60):
        with tiki.transaction() as tx:
            tx.remember(memory)
            tx.once(number, lambda: tx.value(sql, id=3))
    assert len(memory._entries) < 20
