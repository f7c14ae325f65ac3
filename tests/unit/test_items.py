"""What writing an item takes, decided without a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tikisync.core import items
from tikisync.core.categories import Category
from tikisync.core.changes import ItemChange
from tikisync.core.effects import Categorize
from tikisync.core.fields.kind import Context
from tikisync.core.items import FieldWrite, ItemPlan
from tikisync.core.permission_levels import ITEM, TRACKER, Levels, grant
from tikisync.core.permissions import FEATURES, Rights
from tikisync.core.questions import AllCategories, Answers, CategoriesOf, Question
from tikisync.core.trackers import Field, Item, Json, Tracker
from tikisync.errors import FieldValueError, NotPermittedError, RuleError, SenderError

NAME = Field(1, 7, "name", "t", position=1, is_main=True, is_mandatory=True)
AGE = Field(2, 7, "age", "n", position=2)
MODIFIER = Field(3, 7, "modifier", "u", position=3, options={"autoassign": 2})
PRIVATE = Field(4, 7, "private", "t", position=4, editable_by=frozenset({"Board"}))
STRANGE = Field(5, 7, "strange", "??", position=5)
TRACKER_OF_PEOPLE = Tracker(7, "People", (NAME, AGE, MODIFIER, PRIVATE, STRANGE), {"modItemStatus": "p"})
CONTEXT = Context("hook", 1_700_000_000, creating=True)
UPDATING = replace(CONTEXT, creating=False)
ADA = Item(12, 7, "o", {1: "Ada", 2: "36", 3: "ada"})


def rights(item: Item | None) -> Rights:
    granted = {grant("Staff", name) for name in ("create_tracker_items", "modify_tracker_items", "view_trackers")}
    levels = Levels(granted, {(TRACKER, 7): (), ("trackeritem", 12): ()})
    return Rights("hook", ("Staff",), TRACKER_OF_PEOPLE, item, levels, frozenset(FEATURES))


def plan(item: Item | None, *, status: str | None = None, **fields: object) -> ItemPlan:
    change = ItemChange("r", "People", fields=fields, status=status)  # type: ignore[arg-type]
    draft = items.draft(TRACKER_OF_PEOPLE, item, change, rights(item), UPDATING if item else CONTEXT)
    return draft.plan(rights(item), Answers())


def written(plan: ItemPlan) -> dict[str, str | None]:
    return {write.field.perm_name: write.new for write in plan.writes}


def test_a_new_item_gets_a_value_for_every_field_and_null_where_the_user_may_not_write() -> None:
    assert written(plan(None, name="Ada")) == {"name": "Ada", "age": "", "modifier": "hook", "private": None}


@pytest.mark.parametrize(
    ("code", "options", "values"),
    [("t", {}, [None]), ("k", {}, []), ("r", {}, ["0"]), ("w", {}, ["0"]), ("r", {"selectMultipleValues": 1}, [None])],
)
def test_what_the_user_may_not_edit_is_null_without_a_page_and_zero_without_a_link(
    code: str, options: dict[str, int], values: list[str | None]
) -> None:
    field = Field(6, 7, "closed", code, options=options, editable_by=frozenset({"Board"}))

    draft = items.draft(Tracker(7, "People", (field,)), None, ItemChange("r", "People"), rights(None), CONTEXT)

    assert [write.new for write in draft.plan(rights(None), Answers()).writes] == values


def test_an_update_writes_what_changes_and_what_tiki_sets_by_itself() -> None:
    assert written(plan(ADA, name="Ada", age=37)) == {"age": "37", "modifier": "hook"}


def test_an_update_that_changes_nothing_writes_nothing_and_keeps_the_status() -> None:
    unchanged = plan(ADA, name="Ada", age=36)

    assert unchanged.is_unchanged
    assert (unchanged.writes, unchanged.status) == ((), "o")


def test_a_change_gives_the_item_the_status_that_the_tracker_sets_at_every_change() -> None:
    assert plan(ADA, age=37).status == "p"


def test_a_status_counts_for_nothing_where_the_tracker_does_not_show_it_and_a_note_says_so() -> None:
    ignored = plan(ADA, status="c", age=36)

    assert ignored.is_unchanged
    assert "does not show it" in ignored.notes[0]


def test_a_new_item_is_refused_where_the_tracker_is_closed_or_its_creator_has_one_already() -> None:
    creator = Field(6, 7, "creator", "u", options={"autoassign": 1})
    tracker = Tracker(7, "People", (creator,), {"end": str(CONTEXT.now), "oneUserItem": "y"})
    change = ItemChange("r", "People")

    draft = items.draft(tracker, None, change, rights(None), CONTEXT)
    (question,) = draft.questions()
    with pytest.raises(FieldValueError, match="one item for each user"):
        draft.plan(rights(None), Answers({question: (12,)}))
    with pytest.raises(NotPermittedError, match="new items only until"):
        items.draft(tracker, None, change, rights(None), replace(CONTEXT, now=CONTEXT.now + 1))


def test_effects_come_in_the_order_of_the_trackers_fields_whatever_the_rules_order_is() -> None:
    fields = (Field(8, 7, "first", "F"), Field(7, 7, "second", "F"))
    change = ItemChange("r", "People", fields={"second": ["x"], "first": ["y"]})
    permitted = replace(rights(None), levels=Levels({grant("Staff", "admin_trackers")}, {(TRACKER, 7): ()}))

    draft = items.draft(Tracker(7, "People", fields), None, change, permitted, CONTEXT)

    assert [effect.field_id for effect in draft.plan(permitted, Answers()).effects] == [8, 7]


WHOLE = Field(8, 7, "whole", "e", options={"parentId": 1, "descendants": 1})
PART = Field(9, 7, "part", "e", options={"parentId": 2, "doNotInheritCategories": 1})
CATEGORIES = {
    1: Category(1, "Segments"),
    2: Category(2, "Retail", 1),
    3: Category(3, "Food", 1),
    4: Category(4, "VIP", 2),
}


@pytest.mark.parametrize(
    ("fields", "caused"),
    [
        ({"whole": [3]}, [(8, {3}, {2, 3})]),  # the other field offers 4, so whether the item is in it is left to that
        ({"whole": [3], "part": [4]}, [(8, {3}, {2, 3, 4}), (9, {4}, {4})]),
        ({"whole": [2], "part": [4]}, []),
        ({"part": []}, [(9, set(), set())]),
    ],
)
def test_fields_that_offer_the_same_categories_count_together(
    fields: dict[str, list[Json]], caused: list[tuple[int, set[int], set[int]]]
) -> None:
    known: dict[Question[Any], Any] = {AllCategories(): CATEGORIES, CategoriesOf("tracker", "7"): frozenset()}
    change = ItemChange("r", "People", fields=fields)
    item = Item(12, 7, "o", {8: "2", 9: "4"})
    permitted = replace(
        rights(item), levels=Levels({grant("Staff", "admin_trackers")}, {(TRACKER, 7): (), (ITEM, 12): ()})
    )
    context = replace(UPDATING, answers=Answers(known))

    plan = items.draft(Tracker(7, "People", (WHOLE, PART)), item, change, permitted, context).plan(permitted, Answers())

    effects = [effect for effect in plan.effects if isinstance(effect, Categorize)]
    assert [(each.field_id, set(each.wanted), set(each.managed)) for each in effects] == caused


def test_all_problems_are_told_at_once_what_is_missing_first() -> None:
    with pytest.raises(SenderError) as told:
        plan(None, name="", age="old")

    assert str(told.value).startswith("rule r: field name: it is mandatory")
    assert "field age: " in str(told.value)
    assert told.value.reason == "mandatory_missing"


def test_one_problem_names_its_rule_and_field() -> None:
    with pytest.raises(FieldValueError, match="rule r, field age: "):
        plan(None, name="Ada", age="old")


def test_a_field_that_the_user_may_not_edit_is_refused_by_name() -> None:
    with pytest.raises(NotPermittedError, match="field private of tracker People"):
        plan(None, name="Ada", private="x")


def test_a_field_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(RuleError) as refused:
        items.writable(TRACKER_OF_PEOPLE, "agee", "r")

    assert refused.value.hint == "its fields are name, age, modifier, private, strange"


def test_a_field_of_an_unknown_type_is_refused_and_else_left_alone() -> None:
    with pytest.raises(RuleError, match="does not know its type"):
        items.writable(TRACKER_OF_PEOPLE, "strange", "r")
    assert "strange" not in written(plan(None, name="Ada"))


def test_a_field_whose_type_is_switched_off_is_refused_with_the_preference() -> None:
    field, kind = items.writable(TRACKER_OF_PEOPLE, "age", "r")

    items.require_available(field, kind, lambda name: True, "r")
    with pytest.raises(RuleError, match="preference trackerfield_numeric is off"):
        items.require_available(field, kind, lambda name: False, "r")


@pytest.mark.parametrize(
    ("old", "new", "logged"), [("1", "1.0", None), (None, "", None), ("", "0", ""), ("a", "A", "a")]
)
def test_history_goes_by_phps_comparison(old: str | None, new: str | None, logged: str | None) -> None:
    write = FieldWrite(NAME, old, new)

    assert write.logged(CONTEXT.dates) == logged


def test_calculations_know_who_made_and_changed_an_item_and_when() -> None:
    formula = "(concat created_by creation_date last_modified_by modification_date)"
    tracker = Tracker(7, "People", (AGE, Field(6, 7, "facts", "math", options={"calculation": formula})))
    old = replace(ADA, created=5, created_by="ada")

    def facts(item: Item | None) -> str | None:
        change = ItemChange("r", "People", fields={"age": 1})
        draft = items.draft(tracker, item, change, rights(item), UPDATING if item else CONTEXT)
        plan = draft.plan(rights(item), Answers())
        return written(plan.finished(12, {}))["facts"]

    assert facts(None) == "hook1700000000hook1700000000"
    assert facts(old) == "ada5hook1700000000"


def test_a_new_item_has_no_history() -> None:
    assert plan(None, name="Ada").history() == []


def test_an_option_that_is_no_number_counts_as_none() -> None:
    assert Field(1, 7, "x", "t", options={"max": "many"}).number("max", 5) == 0
    assert Field(1, 7, "x", "t", options={"max": float("inf")}).number("max", 5) == 0
    assert Field(1, 7, "x", "t").number("max", 5) == 5


def test_an_update_leaves_alone_what_tiki_would_set_in_a_field_that_the_user_may_not_edit() -> None:
    closed = replace(MODIFIER, editable_by=frozenset({"Board"}))
    tracker = replace(TRACKER_OF_PEOPLE, fields=(NAME, AGE, closed))
    allowed = replace(rights(ADA), tracker=tracker)
    change = ItemChange("r", "People", fields={"age": 37})

    plan = items.draft(tracker, ADA, change, allowed, UPDATING).plan(allowed, Answers())

    assert written(plan) == {"age": "37"}
