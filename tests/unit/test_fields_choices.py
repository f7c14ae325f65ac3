"""Checkboxes, dropdowns, radio buttons, multiselects and countries."""

from __future__ import annotations

import pytest

from tests.fields import context, field, stored, untouched
from tikisync.core.fields import unwritable
from tikisync.core.fields.countries import COUNTRIES
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError

STAGES = {"options": ["lead=Lead", '"paid"="Paid up"', "open", "3=Three"]}
DEFAULT = {"options": ["open=Open", "open=Open", "paid"]}


@pytest.mark.parametrize("value", [True, "y", "Yes", "on", "TRUE", "1", 1])
def test_a_ticked_checkbox_is_y(value: Json) -> None:
    assert stored(field("c"), value) == "y"


@pytest.mark.parametrize("value", [False, "n", "No", "off", "false", "0", 0, "", []])
def test_an_unticked_checkbox_is_n(value: Json) -> None:
    assert stored(field("c"), value) == "n"


@pytest.mark.parametrize("value", ["maybe", 2, ["y"], {"y": True}])
def test_what_says_neither_yes_nor_no_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="Checkbox takes true or false"):
        stored(field("c"), value)


def test_a_checkbox_left_alone_is_n_in_a_new_item() -> None:
    assert untouched(field("c")) == "n"
    assert untouched(field("c"), context(creating=False)) is None


@pytest.mark.parametrize("code", ["d", "D", "R", "M"])
@pytest.mark.parametrize(
    ("value", "option"),
    [("lead", "lead"), ("Lead", "lead"), ("paid", "paid"), ("Paid up", "paid"), ("open", "open"), (3, "3"), ("", "")],
)
def test_an_option_is_stored_by_its_value(code: str, value: Json, option: str) -> None:
    assert stored(field(code, STAGES), value) == option


@pytest.mark.parametrize("code", ["d", "R"])
def test_an_options_value_wins_over_anothers_label(code: str) -> None:
    assert stored(field(code, {"options": ["a=b", "b=a"]}), "a") == "a"


@pytest.mark.parametrize("code", ["d", "R", "M"])
def test_what_is_no_option_is_refused_with_the_options(code: str) -> None:
    with pytest.raises(FieldValueError, match="none of them") as refusal:
        stored(field(code, STAGES), "<script>")
    assert refusal.value.reason == "unknown_option"
    assert "lead, paid, open, 3" in refusal.value.hint


@pytest.mark.parametrize("code", ["d", "D", "R"])
@pytest.mark.parametrize("value", [["lead"], {"lead": True}])
def test_a_single_choice_takes_one_value(code: str, value: Json) -> None:
    with pytest.raises(FieldValueError):
        stored(field(code, STAGES), value)


def test_other_text_is_stored_so_that_it_reads_the_same_and_is_no_script() -> None:
    definition = field("D", {"options": ["mail", "other=Something else"]})

    assert stored(definition, "a < b & c") == "a &lt; b & c"
    assert stored(definition, "<script>") == "&lt;script&gt;"
    assert stored(definition, "<b>x</b>", context(trust="html")) == "<b>x</b>"
    assert stored(definition, "Something else") == "Something else"
    assert stored(definition, "carrier pigeon 🐦") == "carrier pigeon 🐦"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["paid", "Lead"], "paid,lead"),
        (["lead", "lead"], "lead"),
        ("lead, Paid up", "lead,paid"),
        (["", None, 3], "3"),
        ([], ""),
        (3, "3"),
    ],
)
def test_several_options_are_stored_in_the_order_given(value: Json, text: str) -> None:
    assert stored(field("M", STAGES), value) == text


def test_a_label_with_a_comma_is_one_option() -> None:
    assert stored(field("M", {"options": ["a=Big, red", "b"]}), "Big, red") == "a"


@pytest.mark.parametrize("value", [{"lead": True}, [["lead"]], True])
def test_what_is_no_list_of_options_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError):
        stored(field("M", STAGES), value)


def test_a_multiselect_whose_options_have_commas_is_unwritable() -> None:
    assert "comma" in unwritable(field("M", {"options": ["a,b", "c"]}))
    assert unwritable(field("M", STAGES)) == ""
    assert unwritable(field("d", {"options": ["a,b"]})) == ""


@pytest.mark.parametrize("code", ["d", "D", "R", "M"])
def test_an_option_listed_twice_in_a_row_is_the_default(code: str) -> None:
    assert untouched(field(code, DEFAULT)) == "open"
    assert untouched(field(code, STAGES)) == ""
    assert untouched(field(code, DEFAULT), context(creating=False)) is None


@pytest.mark.parametrize(
    ("value", "country"),
    [
        ("France", "France"),
        ("United_Kingdom", "United_Kingdom"),
        ("united kingdom", "United_Kingdom"),
        ("GB", "United_Kingdom"),
        ("us", "United_States"),
        (" Viet Nam ", "Viet_Nam"),
        ("KZ", "Kazakstan"),
        ("None", "None"),
        ("", ""),
        ([], ""),
    ],
)
def test_a_country_is_stored_by_the_name_of_its_flag(value: Json, country: str) -> None:
    assert stored(field("y"), value) == country


@pytest.mark.parametrize("value", ["Atlantis", "XX", 33, ["France"], {"code": "FR"}, " "])
def test_an_unknown_country_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="Country Selector takes") as refusal:
        stored(field("y"), value)
    assert refusal.value.reason == "unknown_country"


def test_every_country_of_tiki_is_known_by_its_name() -> None:
    assert len(COUNTRIES) == 253
    assert all(stored(field("y"), name) == name for name in COUNTRIES)
