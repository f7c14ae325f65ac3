"""The plain field types against the recordings of a real Tiki: same input, same stored text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests import fields, golden
from tests.golden_state import Rows, perform
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.fields.kind import Context
from tikisync.core.trackers import Field, Json
from tikisync.errors import FieldValueError

PLAIN = {"t", "a", "n", "b", "c", "d", "D", "R", "M", "f", "j", "m", "L", "y", "DUR", "u", "g", "I", "r"}

STORED_OTHERWISE = {
    "text-html": "Tiki's form breaks scripts up; a text field is escaped wherever it is shown, so the text stays",
    "area-html": "Tiki's form breaks scripts up; in a text area the text is made to show literally",
    "area-wikilink": "wiki syntax from a stranger does not act unless the rule trusts it",
}
REFUSED = {
    "currency-no-code": "without a currency",
    "company-employees-text": "not a number",
    "company-two-errors": "not a number",
    "company-vat-invalid": "does not fit the pattern",
    "numeric-invalid": "not a number",
    "order-summary-words": "too many words",
    "order-ip-invalid": "not an address",
    "area-too-long-for-column": "does not fit the column; Tiki breaks off half way",
    "dropdown-unknown": "no option; Tiki stores it and shows it unescaped",
    "user-unknown": "no user; Tiki empties the field with an error",
    "group-unknown": "no group; Tiki empties the field",
    "url-script": "a script; Tiki links it",
    "link-text": "no item; Tiki stores 0",
    "creator-attempt": "Tiki assigns it and ignores the value",
}
"""What no value becomes, although Tiki stores something in some of these cases."""


@dataclass(frozen=True)
class Named:
    """A field in a recorded case, with what the case gave for it and what it held before and after."""

    case: str
    field: Field
    value: Json
    context: Context
    after: str | None


def _walk() -> Iterator[tuple[golden.Case, Rows, Rows]]:
    state = deepcopy(golden.fixture()["rows"])
    for case in golden.cases():
        before = {table: list(rows) for table, rows in state.items()}
        perform(state, case, now=golden.time_of(case))
        yield case, before, state


def _values(state: Rows, item_id: int | None) -> Mapping[int, str | None]:
    return {row["fieldId"]: row["value"] for row in state["tiki_tracker_item_fields"] if row["itemId"] == item_id}


def _context(case: golden.Case, state: Rows, old: str) -> Context:
    user = next(row for row in state["users_users"] if row["login"] == case["user"])
    groups = tuple(row["groupName"] for row in state["users_usergroups"] if row["userId"] == user["userId"])
    return Context(
        user=case["user"],
        now=golden.time_of(case),
        creating=case["op"] == "create",
        old=old,
        client_ip="192.0.2.10",
        languages=("en", "fr"),
        user_groups=groups,
        default_group=user["default_group"] or next((name for name in groups if name != "Registered"), "Registered"),
        administers_tracker=case["user"] == "tadmin",
    )


def _repeated(value: Any) -> Any:
    return value["$repeat"][0] * value["$repeat"][1] if isinstance(value, dict) and "$repeat" in value else value


def _fields() -> tuple[list[Named], list[Named]]:
    """Return the fields that cases name, and those that they leave untouched, with their circumstances."""
    named: list[Named] = []
    untouched: list[Named] = []
    for case, before, after in _walk():
        denied = any(error.startswith("denied") for error in case["result"]["errors"])
        if case["op"] not in ("create", "update") or case["mode"] != "form" or denied:
            continue
        old_values, new_values = _values(before, case["itemId"]), _values(after, case["result"]["itemId"])
        for row in golden.fixture()["rows"]["tiki_tracker_fields"]:
            if row["trackerId"] != case["tracker"] or row["type"] not in PLAIN:
                continue
            definition = fields.definition_of(row)
            context = _context(case, before, old_values.get(definition.field_id) or "")
            value = _repeated(case["fields"].get(definition.perm_name))
            kind = FIELD_TYPES[definition.type]
            asked = [*kind.untouched_questions(definition, context)]
            if value is not None:
                asked += kind.questions(definition, value, context)
            context = replace(context, answers=fields.answered(asked, before))
            entry = Named(case["name"], definition, value, context, new_values.get(definition.field_id))
            (untouched if value is None else named).append(entry)
    return named, untouched


NAMED, UNTOUCHED = _fields()


def _id(each: Named) -> str:
    return f"{each.case}-{each.field.perm_name}"


def _is_restricted(each: Named) -> bool:
    """Tell whether the case's user may not edit the field, which then keeps its value or has none."""
    restricted = {
        "ticketVerdict",
        "ticketPriority",
        "ticketInternal",
        "ticketOrigin",
        "ticketAgreed",
        "ticketStaffNote",
    }
    return each.field.perm_name in restricted and each.context.user == "hook"


ORDINARY = [each for each in NAMED if each.case not in {**STORED_OTHERWISE, **REFUSED} and each.after is not None]


@pytest.mark.parametrize("each", [each for each in ORDINARY if not _is_restricted(each)], ids=_id)
def test_a_value_is_stored_as_tiki_stores_it(each: Named) -> None:
    assert FIELD_TYPES[each.field.type].encode(each.field, each.value, each.context).value == each.after


def test_the_recordings_have_many_values_of_every_plain_type() -> None:
    types = {each.field.type for each in ORDINARY}

    assert types == PLAIN - {"I"}  # only refused ones
    assert len(ORDINARY) > 150


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_nonsense_is_refused_by_the_name_of_its_field(case: str) -> None:
    refusals = []
    for each in (each for each in NAMED if each.case == case):
        try:
            FIELD_TYPES[each.field.type].encode(each.field, each.value, each.context)
        except FieldValueError as error:
            refusals.append(error)

    assert refusals
    assert all(error.field and error.message for error in refusals)


@pytest.mark.parametrize(
    ("case", "field", "stored"),
    [
        ("text-html", "contactName", "<b>Bold</b><script>alert(1)</script>"),
        (
            "area-html",
            "contactNotes",
            "~np~<p onclick=\"x()\">Hi</p>~/np~\r\n~np~<script>alert('x')</script>~/np~",
        ),
        ("area-wikilink", "contactNotes", "~np~see ((Ada Page)) and ((Nowhere))~/np~"),
    ],
)
def test_what_is_stored_otherwise_than_by_tiki_is_so_on_purpose(case: str, field: str, stored: str) -> None:
    each = next(each for each in NAMED if (each.case, each.field.perm_name) == (case, field))

    assert case in STORED_OTHERWISE
    assert FIELD_TYPES[each.field.type].encode(each.field, each.value, each.context).value == stored


def test_a_trusted_text_area_is_stored_as_tiki_stores_it() -> None:
    each = next(each for each in NAMED if (each.case, each.field.perm_name) == ("area-wikilink", "contactNotes"))
    trusted = replace(each.context, trust="wiki")

    assert FIELD_TYPES["a"].encode(each.field, each.value, trusted).value == each.after


@pytest.mark.parametrize("case", dict.fromkeys(each.case for each in UNTOUCHED if each.after is not None))
def test_fields_left_alone_are_as_tiki_leaves_them(case: str) -> None:
    expected, left = {}, {}
    for each in UNTOUCHED:
        if each.case == case and each.after is not None:
            stored = FIELD_TYPES[each.field.type].untouched(each.field, each.context)
            expected[each.field.perm_name] = each.after
            left[each.field.perm_name] = stored.value if stored else each.context.old

    assert left == expected
