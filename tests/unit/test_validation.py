"""What is checked about an item as a whole; the fields are those of the recordings where they have fitting ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from tests import golden
from tests.fields import answered, definition_of, field
from tikisync.core import validation
from tikisync.core.questions import ItemsWithValue
from tikisync.core.trackers import Field, Item, Tracker
from tikisync.core.validation import Creator
from tikisync.errors import FieldValueError, NotPermittedError

TEXTS = 6


def tracker(tracker_id: int) -> Tracker:
    """Return a recorded tracker."""
    rows = golden.fixture()["rows"]["tiki_tracker_fields"]
    return Tracker(tracker_id, "T", tuple(definition_of(row) for row in rows if row["trackerId"] == tracker_id))


def problems(
    tracker: Tracker, values: Mapping[int, str | None], named: Collection[int] | None = None, **more: Any
) -> list[FieldValueError]:
    """Return the problems of an item, answered from the state after all the recorded cases."""
    ids = values.keys() if named is None else named
    state = golden.state_before("order-closed-modified")
    answers = answered(validation.questions(tracker, values, ids, more.get("creator")), state)
    return validation.problems(tracker, values, ids, answers, **more)


def reasons(found: list[FieldValueError]) -> list[tuple[str, str]]:
    return [(problem.field, problem.reason) for problem in found]


def one(definition: Field, value: str | None, **more: Any) -> list[tuple[str, str]]:
    return reasons(problems(Tracker(2, "T", (definition,)), {7: value}, **more))


def test_all_mandatory_fields_that_would_be_empty_are_told_in_tikis_order() -> None:
    values = {74: '{"en":"","fr":""}', 75: "", 76: "x", 77: "", 78: "n", 79: "", 80: "0", 81: None}

    assert reasons(problems(tracker(TEXTS), values)) == [
        (name, "mandatory_missing") for name in ("textTitle", "textPick", "textAgree", "textTopic", "textCompany")
    ]


def test_what_is_missing_comes_before_what_is_invalid() -> None:
    company = tracker(1)

    assert reasons(problems(company, {1: None, 3: "AC"})) == [
        ("companyName", "mandatory_missing"),
        ("companyCode", "not_distinct"),
    ]


@pytest.mark.parametrize(
    ("code", "value"),
    [("t", " "), ("t", "0"), ("c", "y"), ("r", "7"), ("r", "7,8"), ("e", "3"), ("DUR", '{"hours":""}'), ("n", "0")],
)
def test_a_mandatory_field_with_a_value_is_no_problem(code: str, value: str) -> None:
    assert one(field(code, is_mandatory=True), value) == []


@pytest.mark.parametrize(
    ("code", "value"), [("t", ""), ("t", None), ("c", "n"), ("c", ""), ("r", "0"), ("r", ""), ("e", "0"), ("M", "")]
)
def test_a_mandatory_field_without_a_value_is_a_problem_even_if_no_rule_names_it(code: str, value: str | None) -> None:
    assert one(field(code, is_mandatory=True), value, named=()) == [("theField", "mandatory_missing")]


@pytest.mark.parametrize("code", ["q", "math", "h"])
def test_what_tiki_fills_in_is_never_missing(code: str) -> None:
    assert one(field(code, is_mandatory=True), None) == []


@pytest.mark.parametrize(("autoassign", "missing"), [(1, False), (2, True), (0, True)])
def test_the_creator_is_never_missing(autoassign: int, missing: bool) -> None:
    for code in ("u", "g"):
        found = one(field(code, {"autoassign": autoassign}, is_mandatory=True), "")
        assert bool(found) is missing


@pytest.mark.parametrize(
    ("value", "missing"),
    [('{"en":"a","fr":"b"}', False), ('{"en":"a","fr":""}', True), ("", True), ("old text", False), ('["a"]', False)],
)
def test_a_mandatory_multilingual_text_is_needed_in_every_language(value: str, missing: bool) -> None:
    assert bool(one(field("a", is_mandatory=True, is_multilingual=True), value)) is missing


def test_a_value_that_another_item_has_is_refused_with_tikis_own_message() -> None:
    (problem,) = problems(tracker(3), {46: "A-2", 47: "1EUR"})

    assert (problem.field, problem.reason) == ("orderId", "not_distinct")
    assert problem.message == "Order number already used (item 10 has it already)"


def test_a_value_that_only_the_item_itself_has_is_no_problem() -> None:
    assert problems(tracker(3), {46: "A-2", 47: "1EUR"}, item=Item(10, 3, "o")) == []


@pytest.mark.parametrize("value", ["", "0", None])
def test_an_empty_value_need_not_be_distinct(value: str | None) -> None:
    assert one(field("t", validation="distinct"), value) == []


def test_a_text_area_can_be_distinct_by_option_and_another_field_by_parameter() -> None:
    area, text = (
        field("a", {"distinct": "y"}),
        field("t", validation="distinct", validation_param="trackerId=1&fieldId=3"),
    )
    number = field("n", validation="distinct")

    assert list(validation.questions(Tracker(2, "T", (area,)), {7: "x"}, {7})) == [ItemsWithValue(7, "x")]
    assert list(validation.questions(Tracker(2, "T", (text,)), {7: "x"}, {7})) == [ItemsWithValue(3, "x")]
    assert list(validation.questions(Tracker(2, "T", (number,)), {7: "1"}, {7})) == []


def test_a_field_that_no_rule_names_is_not_checked_again() -> None:
    assert problems(tracker(3), {46: "A-2", 47: "1EUR"}, named={47}) == []


@pytest.mark.parametrize(
    "value",
    [
        "ada@example.org",
        "a.b+c@x.co.uk",
        "o'brien@x.org",
        "a@localhost",
        "é@bücher.de",
        "a" * 64 + "@b.com",
        "a@1.2.3.4",
    ],
)
def test_an_email_address_passes_tikis_check(value: str) -> None:
    assert one(field("m"), value, validate_email="y") == []


@pytest.mark.parametrize(
    "value",
    ["not-an-email", "a@", "@b.com", "a b@c.com", ".a@b.com", "a..b@c.com", "a@b..com", "a@b@c", "a" * 65 + "@b.com"],
)
def test_what_is_no_email_address_fails_where_tiki_checks(value: str) -> None:
    assert one(field("m"), value, validate_email="d") == [("theField", "email")]
    assert one(field("m"), value, validate_email="n") == []


@pytest.mark.parametrize(
    ("value", "other", "fits"), [("200", "100", True), ("100", "100", True), ("99", "100", False), ("100", "", False)]
)
def test_a_date_is_not_before_the_field_it_depends_on(value: str, other: str, fits: bool) -> None:
    start = Field(field_id=8, tracker_id=2, perm_name="start", type="f")
    dated = Tracker(2, "T", (field("j", {"notBefore": 8}), start))

    found = problems(dated, {7: value, 8: other})
    assert [problem.message for problem in found] == ([] if fits else ["it cannot be before the date in field start"])


def test_a_date_is_not_after_the_field_it_depends_on() -> None:
    end = Field(field_id=8, tracker_id=2, perm_name="end", type="j")
    dated = Tracker(2, "T", (field("j", {"notAfter": "8"}), end))

    assert reasons(problems(dated, {7: "101", 8: "100"})) == [("theField", "date_bound")]
    assert problems(dated, {7: "99", 8: "100"}) == []


def test_a_date_that_depends_on_a_field_of_another_tracker_is_no_problem() -> None:
    assert one(field("j", {"notAfter": 99}), "100") == []


class TestOneItemPerUser:
    """Tracker 2 of the recordings: its field 26 holds the creator, 43 the creator's address; its items are of hook."""

    contacts = replace(tracker(2), options={"oneUserItem": "y"})
    values: ClassVar = {8: "Ada", 26: "hook"}

    def test_a_second_item_of_the_same_user_is_refused_with_the_first(self) -> None:
        (problem,) = problems(self.contacts, self.values, creator=Creator("hook"))

        assert (problem.field, problem.reason) == ("contactCreator", "one_item_per_user")
        assert "item 6 is there already" in problem.message
        assert "update that item" in problem.hint

    def test_the_user_whom_an_administrator_names_counts_not_the_administrator(self) -> None:
        assert problems(self.contacts, {**self.values, 26: "ada"}, creator=Creator("hook")) == []
        assert problems(self.contacts, {**self.values, 26: None}, creator=Creator("hook")) != []

    def test_a_second_item_from_the_same_address_is_refused(self) -> None:
        (problem,) = problems(self.contacts, {8: "Ada", 26: "ada"}, creator=Creator("ada", "192.0.2.10"))

        assert problem.field == "contactIp"

    def test_only_new_items_count_and_only_where_the_tracker_says_so_and_has_such_a_field(self) -> None:
        item = Item(5, 2, "o")

        assert problems(self.contacts, self.values, item=item) == []
        assert problems(tracker(2), self.values, creator=Creator("hook")) == []
        assert problems(replace(tracker(1), options={"oneUserItem": "y"}), {1: "X"}, creator=Creator("hook")) == []


@pytest.mark.parametrize(
    ("start", "end", "now", "told"),
    [
        ("", "", 5, ""),
        ("0", "0", 5, ""),
        ("10", "20", 10, ""),
        ("10", "20", 20, ""),
        ("86400", "", 5, "only after 1970-01-02 00:00 UTC"),
        ("", "60", 61, "only until 1970-01-01 00:01 UTC"),
    ],
)
def test_a_tracker_takes_new_items_only_between_its_dates(start: str, end: str, now: int, told: str) -> None:
    tracker = Tracker(2, "T", options={"start": start, "end": end})

    if not told:
        validation.require_open(tracker, now)
        return
    with pytest.raises(NotPermittedError, match=told):
        validation.require_open(tracker, now)
