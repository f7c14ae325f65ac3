"""Users, their groups and what they may do, read from a Tiki's database."""

from __future__ import annotations

import pytest

from tests import golden
from tests.permission_rows import decisions, item_from_rows
from tikisync.core.permission_levels import CATEGORY, ITEM, TRACKER, object_id
from tikisync.database import Database, Transaction
from tikisync.tiki import permissions, preferences, trackers, users
from tikisync.tiki.users import User

VISITOR = User(0, "", "", ("Anonymous",), "Anonymous")


@pytest.fixture(params=["tiki_as_admin", "sqlite_tiki"])
def site(request: pytest.FixtureRequest) -> Database:
    """A Tiki's database, on the server and in SQLite."""
    database: Database = request.getfixturevalue(request.param)
    return database


def test_every_recorded_scenario_is_decided_as_tiki_did(site: Database) -> None:
    scenarios = golden.permissions()["scenarios"]
    with site.transaction() as tx:
        for scenario in scenarios:
            rows = golden.permission_state(scenario)
            golden.load(tx, rows)
            user = users.find(tx, scenario["user"]) if scenario["user"] else VISITOR
            assert user is not None
            item = item_from_rows(rows, scenario["itemId"]) if scenario["itemId"] else None
            tracker = trackers.load(tx, str(scenario["tracker"]))
            rights = permissions.load(tx, user, tracker, item, preferences.load(tx, {}))

            assert decisions(rights, scenario["expect"]) == scenario["expect"], scenario["name"]
    assert len(scenarios) == 69


def groups(tx: Transaction, login: str) -> tuple[str, ...]:
    user = users.find(tx, login)
    assert user is not None
    return user.groups


def test_a_user_is_found_with_groups_and_what_they_include(site: Database) -> None:
    with site.transaction() as tx:
        assert users.find(tx, "hook") == User(2, "hook", "hook@example.org", ("Registered", "Sync"), "Sync")
        assert set(groups(tx, "lead")) == {"Leads", "Staff", "Readers", "Registered"}
        assert groups(tx, "admin") == ("Admins", "Registered")


@pytest.mark.parametrize("login", ["Hook", "hoök", "hook ", "nobody else", ""])
def test_a_login_spelled_otherwise_is_nobody(site: Database, login: str) -> None:
    with site.transaction() as tx:
        assert users.find(tx, login) is None


def test_a_user_without_any_group_is_not_even_registered(site: Database) -> None:
    with site.transaction() as tx:
        tx.delete("users_usergroups", {"userId": 2})

        assert groups(tx, "hook") == ()


def test_groups_that_include_each_other_are_followed_once(site: Database) -> None:
    with site.transaction() as tx:
        tx.insert("tiki_group_inclusion", {"groupName": "Readers", "includeGroup": "Leads"})
        tx.insert("tiki_group_inclusion", {"groupName": "Readers", "includeGroup": "Readers"})

        assert set(groups(tx, "reader")) == {"Leads", "Staff", "Readers", "Registered"}


def test_a_default_group_and_its_category_are_those_the_user_has_chosen(site: Database) -> None:
    with site.transaction() as tx:
        tx.update("users_users", {"login": "hook"}, {"default_group": "Registered"})
        tx.update("users_groups", {"groupName": "Registered"}, {"groupDefCat": 4})
        chosen, plain = users.find(tx, "hook"), users.find(tx, "nobody")

    assert chosen is not None and plain is not None
    assert (chosen.default_group, chosen.default_category) == ("Registered", 4)
    assert (plain.default_group, plain.default_category) == ("Registered", 0)


def test_categorizing_is_decided_by_the_categorys_own_rows(site: Database) -> None:
    with site.transaction() as tx:
        tx.insert(
            "users_objectpermissions",
            {
                "groupName": "Readers",
                "permName": "tiki_p_view_category",
                "objectType": "category",
                "objectId": object_id((CATEGORY, 8)),
            },
        )
        user = users.find(tx, "hook")
        assert user is not None
        bare = permissions.load(tx, user, trackers.load(tx, "Companies"), None, preferences.load(tx, {}))
        rights = permissions.with_categories(tx, bare, [7, 8])

    assert rights.can_categorize(7) and rights.can_uncategorize(7)
    assert not rights.can_categorize(8) and not rights.can_uncategorize(8)


def test_a_template_role_lets_its_group_in_through_the_category(site: Database) -> None:
    with site.transaction() as tx:
        template = {"objectType": "category", "objectId": object_id((CATEGORY, 7)), "groupName": "Outsiders"}
        tx.insert("users_objectpermissions", {**template, "permName": "tiki_p_create_tracker_items"})
        roles = {row["groupName"]: row["id"] for row in tx.all("SELECT id, groupName FROM users_groups")}
        tx.insert(
            "tiki_categories_roles",
            {"categId": 6, "categRoleId": 7, "groupRoleId": roles["Outsiders"], "groupId": roles["Readers"]},
        )
        place = tx.insert("tiki_objects", {"type": "tracker", "itemId": "3", "name": "Orders"})
        tx.insert("tiki_category_objects", {"catObjectId": place, "categId": 6})
        tx.insert("tiki_objects", {"type": "trackeritem", "itemId": "3", "name": "not the tracker"})
        reader, hook = users.find(tx, "reader"), users.find(tx, "hook")
        assert reader is not None and hook is not None
        tracker, switches = trackers.load(tx, "Orders"), preferences.load(tx, {})

        assert permissions.load(tx, reader, tracker, None, switches).can_create
        assert not permissions.load(tx, hook, tracker, None, switches).can_create  # the category decides alone

        tx.update("tiki_preferences", {"name": "feature_categories"}, {"value": "n"})
        assert permissions.load(tx, hook, tracker, None, preferences.load(tx, {})).can_create


def test_rows_of_another_type_of_object_do_not_count(site: Database) -> None:
    with site.transaction() as tx:
        stray = {"objectType": "wiki page", "objectId": object_id((TRACKER, 3)), "groupName": "Readers"}
        tx.insert("users_objectpermissions", {**stray, "permName": "tiki_p_view"})
        user = users.find(tx, "hook")
        assert user is not None

        rights = permissions.load(tx, user, trackers.load(tx, "Orders"), None, preferences.load(tx, {}))
        assert rights.can_create
        assert object_id((ITEM, 3)) != object_id((TRACKER, 3))
