"""Deciding what a user may do, on the recorded scenarios of a real Tiki and on its corner cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests import golden
from tests.permission_rows import decisions, rights_from_rows
from tikisync.core.permission_levels import CATEGORY, ITEM, TRACKER, Grant, Levels, Object, grant, object_id
from tikisync.core.permissions import FEATURES, Rights
from tikisync.core.trackers import Field, Item, Tracker
from tikisync.errors import NotPermittedError, TikiError

SCENARIOS = golden.permissions()["scenarios"]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: str(scenario["name"]))
def test_a_recorded_scenario_is_decided_as_tiki_did(scenario: dict[str, Any]) -> None:
    rights = rights_from_rows(golden.permission_state(scenario), scenario)

    assert decisions(rights, scenario["expect"]) == scenario["expect"]


OWNER = Field(1, 3, "owner", "u", options={"owner": 1})
AUTHOR = Field(2, 3, "author", "u", options={"autoassign": "1"})
TEAM = Field(3, 3, "team", "g", options={"owner": "1"})
TITLE = Field(4, 3, "title", "t")
ORDERS: Object = (TRACKER, 3)


def rights(
    *grants: Grant,
    on: Mapping[Object, set[Grant]] | None = None,
    groups: tuple[str, ...] = ("Sync", "Registered"),
    options: Mapping[str, str] | None = None,
    values: Mapping[int, str | None] | None = None,
    status: str = "o",
    categories: Mapping[Object, set[int]] | None = None,
    roles: Mapping[int, set[Grant]] | None = None,
    features: tuple[str, ...] = FEATURES,
    fields: tuple[Field, ...] = (OWNER, AUTHOR, TEAM, TITLE),
) -> Rights:
    """Return the rights of user hook, on item 12 where it has values and on a new item otherwise."""
    item = None if values is None else Item(12, 3, status, values)
    looked_up: dict[Object, set[Grant]] = {ORDERS: set(), (ITEM, 12): set(), **(on or {})}
    levels = Levels(grants, looked_up, categories or {}, roles or {})
    return Rights("hook", groups, Tracker(3, "Orders", fields, options or {}), item, levels, frozenset(features))


def test_object_ids_are_tikis_hashes() -> None:
    assert object_id((TRACKER, 3)) == "44831855e5071527c9b69c709f99f70d"
    assert object_id((ITEM, 12)) == "d581159cb53c8177b2f5705b4fd06135"


def test_a_permission_stored_without_its_prefix_counts() -> None:
    assert rights(grant("Sync", "create_tracker_items")).can_create


def test_group_names_differing_in_case_are_different_groups() -> None:
    assert not rights(("sync", "tiki_p_create_tracker_items")).can_create


def test_a_site_administrator_may_do_everything_even_where_the_tracker_has_its_own_permissions() -> None:
    admin = rights(
        ("Sync", "tiki_p_admin"), on={ORDERS: {("Readers", "tiki_p_view_trackers")}, (CATEGORY, 7): set()}, values={}
    )

    assert admin.can_create and admin.can_remove and admin.can_set_field(TITLE, creating=False)
    assert admin.can_categorize(7) and admin.can_uncategorize(7)


def test_site_administration_granted_on_one_tracker_does_not_count() -> None:
    assert not rights(on={ORDERS: {("Sync", "tiki_p_admin")}}).can_create


def test_tracker_administration_implies_nothing_while_trackers_are_off() -> None:
    granted = ("Sync", "tiki_p_admin_trackers")

    assert rights(granted).can_create
    assert not rights(granted, features=("feature_categories",)).can_create


def test_permissions_from_all_categories_of_an_item_add_up() -> None:
    categories: dict[Object, set[int]] = {(ITEM, 12): {7, 8}}
    on: dict[Object, set[Grant]] = {
        (CATEGORY, 7): {("Sync", "tiki_p_modify_tracker_items")},
        (CATEGORY, 8): {("Sync", "tiki_p_view_trackers")},
    }

    assert rights(on=on, categories=categories, values={}).can_set_field(TITLE, creating=False)


def test_a_category_made_from_a_template_grants_through_its_role() -> None:
    given = rights(
        on={(CATEGORY, 7): set()},
        categories={ORDERS: {7}},
        roles={7: {("Sync", "tiki_p_create_tracker_items")}},
    )

    assert given.can_create


def test_category_permissions_of_the_tracker_reach_its_items() -> None:
    given = rights(
        ("Sync", "tiki_p_remove_tracker_items"),
        on={(CATEGORY, 7): {("Sync", "tiki_p_modify_tracker_items")}},
        categories={ORDERS: {7}},
        values={},
    )

    assert given.can_modify
    assert not given.can_remove


def test_categorizing_takes_a_permission_on_the_item_and_one_on_the_category() -> None:
    everywhere = (("Sync", "tiki_p_modify_object_categories"), ("Sync", "tiki_p_add_object"))
    closed: dict[Object, set[Grant]] = {
        (CATEGORY, 7): set(),
        (CATEGORY, 8): {("Readers", "tiki_p_view_category")},
        (CATEGORY, 9): {("Sync", "tiki_p_admin_categories")},
    }
    given = rights(*everywhere, on=closed, values={})

    assert [given.can_categorize(category) for category in (7, 8, 9)] == [True, False, True]
    assert [given.can_uncategorize(category) for category in (7, 8, 9)] == [False, False, True]
    assert not rights(everywhere[1], on=closed, values={}).can_categorize(7)


def test_tracker_administrators_may_not_categorize_by_that_alone() -> None:
    given = rights(
        ("Sync", "tiki_p_admin_trackers"), ("Sync", "tiki_p_add_object"), on={(CATEGORY, 7): set()}, values={}
    )

    assert not given.can_categorize(7)


def test_asking_about_a_category_that_was_not_looked_up_is_an_error_and_not_a_yes() -> None:
    given = rights(("Sync", "tiki_p_modify_object_categories"), ("Sync", "tiki_p_add_object"), values={})

    with pytest.raises(KeyError):
        given.can_categorize(7)


@pytest.mark.parametrize(
    ("stored", "owns"),
    [
        ("hook", True),
        ("Hook", False),
        ("", False),
        ("owner, hook", True),
        ('owner, "hook"', True),
        ('"a, b",hook', True),
        ("hookworm", False),
        ("x\rhook", False),
        ("hook," + "x" * 200_000, False),
    ],
)
def test_an_owner_is_who_the_owner_field_lists_exactly(stored: str, owns: bool) -> None:
    given = rights(options={"writerCanModify": "y"}, values={OWNER.field_id: stored})

    assert given.can_modify is owns


def test_without_an_owner_field_the_first_self_assigned_user_field_tells_the_owner() -> None:
    other = Field(5, 3, "second author", "u", options={"autoassign": 1})
    fields = (TITLE, AUTHOR, other)
    options = {"writerCanModify": "y"}

    assert rights(options=options, values={AUTHOR.field_id: "hook"}, fields=fields).can_modify
    assert not rights(options=options, values={other.field_id: "hook"}, fields=fields).can_modify
    assert not rights(options=options, values={TITLE.field_id: "hook"}, fields=(TITLE,)).can_modify


@pytest.mark.parametrize("option", ["writerGroupCanModify", "writerGroupCanRemove", "writerGroupCanView"])
def test_the_owning_group_may_do_what_its_option_says(option: str) -> None:
    own = rights(options={option: "y"}, values={TEAM.field_id: "Sync"})
    others = rights(options={option: "y"}, values={TEAM.field_id: "Staff"})
    nobodys = rights(options={option: "y"}, values={}, fields=(TITLE,))

    allowed = {
        "writerGroupCanModify": own.can_modify and own.can_view,
        "writerGroupCanRemove": own.can_remove and not own.can_view,
        "writerGroupCanView": own.can_view and not own.can_modify,
    }
    assert allowed[option]
    assert not (others.can_view or others.can_modify or others.can_remove)
    assert not (nobodys.can_view or nobodys.can_modify or nobodys.can_remove)


def test_an_option_is_on_only_if_it_is_exactly_y() -> None:
    assert not rights(options={"writerCanModify": "1"}, values={OWNER.field_id: "hook"}).can_modify


def test_a_new_item_may_be_seen_but_not_removed_and_its_status_takes_a_tracker_that_shows_it() -> None:
    creator = ("Sync", "tiki_p_create_tracker_items")
    shown = rights(creator, options={"showStatus": "y"})

    assert shown.can_view and not shown.can_remove and shown.can_set_status
    assert not rights(creator).can_set_status
    assert not rights(options={"showStatus": "y"}).can_set_status


def test_nobody_owns_a_new_item_as_a_group() -> None:
    creators_only = Field(6, 3, "private", "t", is_hidden="c")
    creator = ("Sync", "tiki_p_create_tracker_items")
    given = rights(creator, options={"writerGroupCanModify": "y"}, fields=(TEAM, creators_only))

    assert not given.can_set_field(creators_only, creating=True)


def test_what_keeps_a_user_from_a_field_is_told() -> None:
    hook = (("Sync", "tiki_p_create_tracker_items"), ("Sync", "tiki_p_modify_tracker_items"))
    seeing = rights(*hook, ("Sync", "tiki_p_view_trackers"), values={})

    def why(creating: bool, **settings: Any) -> str:
        return seeing.why_not_set(Field(9, 3, "f", "t", **settings), creating=creating)

    assert why(False) == ""
    assert why(False, is_hidden="y") == "it may not see the field"
    assert why(False, is_hidden="i") == "the field can be set only while an item is created"
    assert why(True, is_hidden="a") == ""
    assert why(True, is_hidden="c") == "only the item's owner may edit the field"
    assert why(True, is_hidden="p") == "only tracker administrators may edit the field"
    assert why(True, editable_by=frozenset({"Staff", "Leads"})) == "only the groups Leads, Staff may edit the field"
    assert why(True, editable_by=frozenset({"Staff", "Sync"})) == ""
    assert rights(values={}).why_not_set(TITLE, creating=False) == "it may not modify the item at all"
    assert rights().why_not_set(TITLE, creating=True) == "it may not create items at all"


def test_a_refused_field_is_an_error_that_names_it() -> None:
    with pytest.raises(
        NotPermittedError, match="user hook may not set field title of tracker Orders: it may not"
    ) as refusal:
        rights(values={}).require_field(TITLE, creating=False)

    assert refusal.value.reason == "field_not_permitted"
    rights(("Sync", "tiki_p_create_tracker_items")).require_field(TITLE, creating=True)


def test_a_refusal_says_which_permission_is_missing_and_where_to_grant_it() -> None:
    with pytest.raises(NotPermittedError) as refusal:
        rights(on={ORDERS: {("Readers", "tiki_p_view_trackers")}}).require_create()

    assert refusal.value.message == (
        "user hook may not create items in tracker Orders: none of its groups (Sync, Registered) has "
        "tiki_p_create_tracker_items in the permissions of tracker 3, which decide here"
    )
    assert "grant tiki_p_create_tracker_items to one of the user's groups" in refusal.value.hint
    assert refusal.value.reason == "lacks_create_tracker_items"


def test_a_refusal_names_the_permission_for_the_items_status_and_the_level_that_decides() -> None:
    categories: dict[Object, set[int]] = {(ITEM, 12): {7}}
    on: dict[Object, set[Grant]] = {(CATEGORY, 7): {("Readers", "tiki_p_view_trackers")}}
    closed = rights(on=on, categories=categories, values={}, status="c")

    with pytest.raises(
        NotPermittedError, match=r"modify item 12 .*_closed in the permissions of the categories of item 12"
    ):
        closed.require_modify()
    with pytest.raises(
        NotPermittedError, match=r"delete item 12 of tracker Orders: .*tiki_p_remove_tracker_items_pending"
    ):
        rights(values={}, status="p").require_remove()


def test_a_refusal_for_no_item_in_particular_speaks_of_items() -> None:
    given = replace(rights(on={(ITEM, 0): set()}), item=Item(0, 3, "o"))

    with pytest.raises(NotPermittedError, match="user hook may not modify items of tracker Orders: "):
        given.require_modify()


def test_a_user_without_groups_is_told_so() -> None:
    with pytest.raises(
        NotPermittedError, match=r"it is in no group, so it lacks tiki_p_create.* in the global permissions"
    ):
        rights(groups=()).require_create()


def test_what_is_permitted_raises_nothing() -> None:
    given = rights(("Sync", "tiki_p_modify_tracker_items"), ("Sync", "tiki_p_remove_tracker_items"), values={})

    given.require_modify()
    given.require_remove()


def test_nobody_may_write_while_trackers_are_switched_off() -> None:
    with pytest.raises(TikiError, match="trackers are switched off"):
        rights(("Sync", "tiki_p_admin"), features=()).require_create()
