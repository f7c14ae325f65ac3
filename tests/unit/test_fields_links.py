"""Item links and dynamic lists, with the items of a few made-up rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fields import answered, context, field, untouched
from tests.golden_state import Rows
from tikisync.core.fields import FIELD_TYPES, unwritable
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError

TITLES = {1: "ACME", 2: "Twin", 3: "Twin", 4: "1001", 5: "a, b", 1001: "Big"}
STATE: Rows = {
    "tiki_tracker_items": [{"itemId": item, "trackerId": 9 if item != 1001 else 8} for item in TITLES],
    "tiki_tracker_item_fields": [{"itemId": item, "fieldId": 5, "value": title} for item, title in TITLES.items()],
    "users_groups": [],
}
SINGLE = {"trackerId": "9", "fieldId": "5"}
SEVERAL = SINGLE | {"selectMultipleValues": 1}
TABLE = SINGLE | {"displayFieldsListType": "table"}
LISTED = {"trackerId": 9, "listFieldIdThere": 5}


def linked(options: dict[str, Any], value: Json, code: str = "r") -> str | None:
    definition, kind = field(code, options), FIELD_TYPES[code]
    answers = answered(kind.questions(definition, value, context()), STATE)
    return kind.encode(definition, value, replace(context(), answers=answers)).value


@pytest.mark.parametrize(
    ("value", "item"),
    [(1, "1"), ("1", "1"), (1.0, "1"), ("ACME", "1"), ([1], "1"), (1001, "4"), ("1001", "4"), ("a, b", "5")],
)
def test_an_item_is_linked_by_its_id_or_its_title(value: Json, item: str) -> None:
    assert linked(SINGLE, value) == item


@pytest.mark.parametrize("value", ["", [], 0, "0", [""]])
def test_no_link_is_stored_as_0_or_as_an_empty_list(value: Json) -> None:
    assert linked(SINGLE, value) == "0"
    assert linked(SEVERAL, value) == ""
    assert linked(LISTED, value, "w") == "0"


@pytest.mark.parametrize(
    ("value", "items"), [([3, 1], "3,1"), ("3, 1", "3,1"), (["ACME", 1, 5], "1,5"), ("a, b", "5"), (3, "3")]
)
@pytest.mark.parametrize("options", [SEVERAL, TABLE])
def test_several_items_are_linked_in_the_order_given(options: dict[str, Any], value: Json, items: str) -> None:
    assert linked(options, value) == items


@pytest.mark.parametrize("value", ["Nobody", 77, 1001.5, True, False, {"id": 1}, [[1]], -1])
def test_an_item_that_is_not_there_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="names no item there") as refusal:
        linked(SINGLE, value)
    assert refusal.value.reason == "unknown_item"


def test_an_item_of_another_tracker_is_refused_even_by_its_id() -> None:
    with pytest.raises(FieldValueError, match="names no item there"):
        linked({"trackerId": 9}, 1001)


def test_a_title_that_several_items_have_is_refused_with_their_ids() -> None:
    with pytest.raises(FieldValueError, match=r"items 2, 3 all have that title") as refusal:
        linked(SINGLE, "Twin")
    assert refusal.value.reason == "ambiguous_item"


@pytest.mark.parametrize("value", [[1, 2], ["ACME", "Twin"]])
def test_a_single_link_takes_one_item(value: Json) -> None:
    with pytest.raises(FieldValueError, match="Item Link takes"):
        linked(SINGLE, value)


def test_a_title_cannot_be_looked_up_where_the_field_names_no_title() -> None:
    assert linked({"trackerId": 9}, 1) == "1"
    with pytest.raises(FieldValueError, match="names no item there"):
        linked({"trackerId": 9}, "ACME")


def test_a_dynamic_list_looks_titles_up_in_its_own_field() -> None:
    assert linked(LISTED, "ACME", "w") == "1"
    assert linked(LISTED | {"selectMultipleValues": "1"}, ["ACME", 5], "w") == "1,5"
    assert linked(LISTED | {"displayFieldsListType": "table"}, "", "w") == "0"


def test_a_link_that_leads_to_no_tracker_is_unwritable() -> None:
    assert "Tracker ID" in unwritable(field("r"))
    assert unwritable(field("r", SINGLE)) == ""


def test_a_link_left_alone_is_none_in_a_new_item() -> None:
    assert untouched(field("r", SINGLE)) == "0"
    assert untouched(field("r", SEVERAL)) == ""
    assert untouched(field("r", SINGLE), context(creating=False)) is None
