"""User and group selectors, with the users and groups of the recordings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fields import context, field, stored, untouched
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError

SEVERAL = {"multiple": 1}
CREATOR, MODIFIER = {"autoassign": 1}, {"autoassign": "2"}
SYNC, STAFF = "4", 7  # ids of groups
UPDATE = context(creating=False, old="owner")
ADMIN = context(administers_tracker=True)


@pytest.mark.parametrize(
    ("value", "login"), [("reader", "reader"), (["reader"], "reader"), ("", ""), ([], ""), ("ana maria", "ana maria")]
)
def test_a_user_is_stored_by_login(value: Json, login: str) -> None:
    assert stored(field("u"), value) == login


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (["owner", "ana maria"], 'owner,"ana maria"'),
        ('owner, "ana maria"', 'owner,"ana maria"'),
        (["owner", "", "owner"], "owner"),
        ("owner", "owner"),
        ([], ""),
        ("", ""),
    ],
)
def test_several_users_are_stored_as_a_line_of_csv(value: Json, line: str) -> None:
    assert stored(field("u", SEVERAL), value) == line


@pytest.mark.parametrize(("options", "value"), [({}, "ghost"), (SEVERAL, ["owner", "ghost"]), ({}, 7)])
def test_an_unknown_user_is_refused(options: dict[str, Any], value: Json) -> None:
    with pytest.raises(FieldValueError, match="belongs to no user") as refusal:
        stored(field("u", options), value)
    assert refusal.value.reason == "unknown_user"


@pytest.mark.parametrize("value", [["owner", "reader"], {"login": "owner"}, [["owner"]]])
def test_a_single_user_takes_one_login(value: Json) -> None:
    with pytest.raises(FieldValueError, match="User Selector takes"):
        stored(field("u"), value)


@pytest.mark.parametrize("code", ["u", "g", "I"])
@pytest.mark.parametrize("options", [CREATOR, MODIFIER])
def test_what_tiki_assigns_may_only_be_chosen_by_an_administrator(code: str, options: dict[str, Any]) -> None:
    value = {"u": "owner", "g": "Staff", "I": "192.0.2.1"}[code]

    assert stored(field(code, options), value, ADMIN) == value
    with pytest.raises(FieldValueError, match="user hook may not choose") as refusal:
        stored(field(code, options), value)
    assert refusal.value.reason == "assigned_by_tiki"


def test_members_of_named_groups_may_choose_what_tiki_assigns() -> None:
    definition = field("u", {**MODIFIER, "canChangeGroupIds": [SYNC, 99, ""]})

    assert stored(definition, "owner", context(user_groups=("Sync",))) == "owner"
    assert untouched(definition, context(creating=False, old="owner", user_groups=("Sync",))) is None
    with pytest.raises(FieldValueError):
        stored(definition, "owner", context(user_groups=("Staff",)))


def test_the_creator_is_set_in_a_new_item_and_stays() -> None:
    assert untouched(field("u", CREATOR)) == "hook"
    assert untouched(field("u", CREATOR), ADMIN) == "hook"
    assert untouched(field("u", CREATOR), UPDATE) is None


def test_an_item_without_a_creator_is_taken_where_the_tracker_says_so() -> None:
    assert untouched(field("u", CREATOR), context(creating=False, takes_ownership=True)) == "hook"
    assert untouched(field("u", CREATOR), context(creating=False)) is None
    assert untouched(field("u", CREATOR), context(creating=False, takes_ownership=True, old="owner")) is None


def test_the_modifier_is_set_at_every_update_and_added_where_there_are_several() -> None:
    assert untouched(field("u", MODIFIER)) == "hook"
    assert untouched(field("u", MODIFIER), UPDATE) == "hook"
    assert untouched(field("u", MODIFIER | SEVERAL), UPDATE) == "owner,hook"
    assert untouched(field("u", MODIFIER | SEVERAL), context(creating=False, old="hook")) == "hook"
    assert untouched(field("u", MODIFIER), context(creating=False, administers_tracker=True)) is None


def test_a_user_that_nobody_assigns_starts_empty() -> None:
    assert untouched(field("u")) == ""
    assert untouched(field("u"), UPDATE) is None


@pytest.mark.parametrize(("value", "group"), [("Staff", "Staff"), ("", ""), ([], "")])
def test_a_group_is_stored_by_name(value: Json, group: str) -> None:
    assert stored(field("g"), value) == group


@pytest.mark.parametrize("value", ["Illuminati", "staff", 7])
def test_an_unknown_group_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="names none of those") as refusal:
        stored(field("g"), value)
    assert refusal.value.reason == "unknown_group"


@pytest.mark.parametrize("value", [["Staff"], {"name": "Staff"}])
def test_what_is_no_name_of_a_group_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="Group Selector takes"):
        stored(field("g"), value)


@pytest.mark.parametrize("group", ["Readers", "5"])
def test_a_field_may_offer_only_the_groups_that_include_one(group: str) -> None:
    definition = field("g", {"groupId": group})

    assert stored(definition, "Staff") == "Staff"
    with pytest.raises(FieldValueError, match="names none of those"):
        stored(definition, "Sync")


def test_a_field_may_offer_only_the_users_own_groups() -> None:
    definition = field("g", {"groupId": 0, "userGroups": 1})

    assert stored(definition, "Sync", context(user_groups=("Sync",))) == "Sync"
    with pytest.raises(FieldValueError, match="names none of those"):
        stored(definition, "Staff", context(user_groups=("Sync",)))


@pytest.mark.parametrize("options", [CREATOR, MODIFIER])
def test_an_assigned_group_is_one_of_the_users_that_the_field_offers(options: dict[str, Any]) -> None:
    def assigned(groups: tuple[str, ...], **more: Any) -> str | None:
        return untouched(field("g", options | more), context(default_group="Sync", user_groups=groups))

    assert assigned(("Sync", "Staff")) == "Sync"
    assert assigned(("Sync", "Staff"), groupId="Readers") == "Staff"
    assert assigned(("Sync",), groupId="Readers") == "Sync"
    assert assigned(("Staff", "Sync"), userGroups=1) == "Sync"


def test_an_administrators_form_leaves_an_assigned_group_alone() -> None:
    assert untouched(field("g", CREATOR), ADMIN) == ""
    assert untouched(field("g", CREATOR), context(creating=False, administers_tracker=True)) is None
    assert untouched(field("g")) == ""
