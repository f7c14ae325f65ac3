"""Tiki's formulas give what Tiki's own classes give, and what they leave to Tiki says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import golden
from tikisync.core import formulas, php_numbers
from tikisync.core.formulas import Clock, Unsupported
from tikisync.core.formulas.values import Money, Value, money_from_field, money_from_text
from tikisync.core.trackers import Field, Tracker

TABLE = json.loads((Path(__file__).parents[1] / "data" / "formulas.json").read_text(encoding="utf-8"))
CLOCK = Clock(1_700_000_000, "Europe/Paris")


def variables() -> dict[str, Value]:
    seen: dict[str, Value] = dict(TABLE["variables"])
    for name, kind in TABLE["types"].items():
        seen[name] = (money_from_field if kind == "b" else money_from_text)(TABLE["variables"][name])
    return seen


def math_field(number: int, name: str, calculation: str, **options: Any) -> Field:
    return Field(number, 1, name, "math", position=number, options={"calculation": calculation, **options})


def tracker(*fields: Field) -> Tracker:
    return Tracker(1, "Orders", fields)


@pytest.mark.parametrize(("formula", "result"), TABLE["rows"], ids=lambda part: str(part)[:60])
def test_a_formula_has_the_result_that_tiki_computed(formula: str, result: str | None) -> None:
    if result is None:
        with pytest.raises(Unsupported, match="Tiki breaks off"):
            formulas.evaluate(formula, variables(), CLOCK)
    else:
        assert formulas.evaluate(formula, variables(), CLOCK) == result


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("(random 1 5)", "random"),
        ("(add 1 (currency-convert total (str USD)))", "currencies"),
        ("(relation-present (qualifier crm.a.b))", "other objects"),
        ("(rating-average (object type id))", "votes"),
        ("(preg-replace (str /a/) (str b) name)", "regular expression"),
        ("(add old_values_by_permname.qty 1)", "old values"),
        ("(add " * 120 + "1" + ")" * 120, "too deeply"),
    ],
)
def test_a_formula_that_looks_beyond_its_item_is_left_to_tiki(formula: str, reason: str) -> None:
    assert reason in formulas.unsupported(formula)
    with pytest.raises(Unsupported, match=reason):
        formulas.evaluate(formula, variables())


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("(add total usd)", "converts currencies"),
        ("(if (date (str Y) when) 1)", "depends on the time"),
        ("(date (str T) when)", "only Tiki's server"),
        ("(date (str Y) 999999999999999)", "beyond the calendar"),
        ("(str-to-time (str first monday of may))", "only Tiki's server"),
        ("(str-to-time blank)", "empty"),
        ("(str-to-time (str 2024-02-31))", "calendar lacks"),
        ("(clean long)", "accents"),
        ("(substring long 0 1)", "a letter in two"),
        ("(substring name 1 2 3)", "too many arguments"),
        ("(substring name 1e20)", "too large"),
        ("(pad name 1e9 (str x))", "longer than a field"),
        ("(pad name 20 blank)", "fills with nothing"),
        ("(str-replace (str a) (pad blank 65535) (pad blank 65535 (str a)))", "longer than a field"),
        ("(number-format qty 500)", "too many decimals"),
        ("(number-format qty name)", "no number"),
        ("(hash total)", "hash of money"),
        ("(equals (map (a 1)) 1)", "compares lists"),
        ("(lower (map (a 1)))", "is a list"),
        ("(not-equals total 36)", "money with a plain value"),
        ("(round qty total)", "money for a plain number"),
        ("(round 1 1e30)", "too large for an integer"),
        ("(div qty none)", "no amount"),
        ("(sub (mul 1e200 1e200) (mul 1e200 1e200))", "beyond all bounds"),
        ("(map 1)", "without a name"),
        ("(contains name (str x))", "plain word"),
        ('(split-list (content list) (separator "") (key v))', "plain word"),
        ("(concat name.0)", "single letter"),
    ],
)
def test_a_result_that_only_tiki_can_know_is_left_to_tiki(formula: str, reason: str) -> None:
    clock = None if "on the time" in reason else CLOCK
    with pytest.raises(Unsupported, match=reason):
        formulas.evaluate(formula, variables(), clock)


def test_an_unknown_time_zone_leaves_dates_to_tiki() -> None:
    with pytest.raises(Unsupported, match="Mars/Olympus"):
        formulas.evaluate("(date (str Y) when)", variables(), Clock(0, "Mars/Olympus"))


def test_a_date_that_is_not_given_is_now() -> None:
    assert formulas.evaluate("(date (str Y-m-d))", {}, CLOCK) == "2023-11-14"
    assert formulas.evaluate("(date)", {}, CLOCK) == "1700000000"


@given(st.text(alphabet='()" ab1.-~é', max_size=60))
def test_any_text_as_a_formula_has_a_result_or_is_left_to_tiki(formula: str) -> None:
    try:
        assert isinstance(formulas.evaluate(formula, {"a": "1", "b": "x"}), str)
    except Unsupported as why:
        assert str(why)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-400, 400))
def test_any_number_can_be_rounded_and_written(value: float, places: int) -> None:
    assert php_numbers.text(php_numbers.rounded(value, places))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (36.0, "36"), (0.1 + 0.2, "0.3"), (-0.0, "-0"), (1e14, "1.0E+14"), (1.5e300, "1.5E+300"), (1e-5, "1.0E-5"),
        (0.0001, "0.0001"), (123456789.125, "123456789.125"), (float("inf"), "INF"), (float("-inf"), "-INF"), (7, "7"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_php_writes_them(value: float, written: str) -> None:
    assert php_numbers.text(value) == written


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e3", 1000.0), (" 8 ", 8), ("007", 7), (".5", 0.5), ("5.", 5.0), ("0x1A", None), ("12,5", None), ("", None),
     ("9223372036854775808", 9223372036854775808.0)],
)  # fmt: skip
def test_numeric_text_is_told_as_php_tells_it(text: str, number: float | None) -> None:
    assert php_numbers.number(text) == number


def test_what_is_beyond_a_floats_precision_is_not_rounded() -> None:
    assert php_numbers.rounded(1.311741371558151e-299, 299) == 1.311741371558151e-299
    assert php_numbers.rounded(1.5e15, 3) == 1.5e15


def test_infinity_is_neither_rounded_nor_cut() -> None:
    assert php_numbers.rounded(float("inf"), 2) == php_numbers.floor(float("inf")) == php_numbers.ceiling(float("inf"))


def test_calculations_run_by_position_and_see_the_results_before_them() -> None:
    chained = tracker(
        Field(1, 1, "qty", "n"),
        math_field(2, "double", "(mul qty 2)"),
        math_field(3, "quad", "(mul double 2)"),
        math_field(4, "item", "(concat itemId)"),
    )
    assert formulas.calculated(chained, {1: "1.5"}, 9) == {2: "3", 3: "6", 4: "9"}


def test_a_calculation_sees_the_old_result_of_one_behind_it() -> None:
    crossed = tracker(math_field(1, "first", "(add second 1)"), math_field(2, "second", "(add 1 1)"))
    assert formulas.calculated(crossed, {2: "40"}, 9) == {1: "41", 2: "2"}
    assert formulas.calculated(crossed, {}, 9) == {1: 'Variable not found "second".', 2: "2"}


def test_empty_values_are_values_and_missing_ones_are_not() -> None:
    fields = tracker(Field(1, 1, "qty", "n"), math_field(2, "double", "(mul qty 2)"))
    assert formulas.calculated(fields, {1: ""}, 9) == {2: "0"}
    assert formulas.calculated(fields, {1: None}, 9) == {2: 'Variable not found "qty".'}


def test_currency_fields_and_calculations_that_look_like_them_are_money() -> None:
    fields = tracker(
        Field(1, 1, "total", "b"),
        math_field(2, "net", "(div total 1.2)"),
        math_field(3, "half", "(div net 2)"),
        math_field(4, "mirror", "(str 12)", mirrorField=1),
        math_field(5, "sum", "(add mirror 1)"),
        Field(6, 1, "cache", "W"),
        math_field(7, "cached", "(concat cache)"),
    )
    results = formulas.calculated(fields, {1: "36EUR", 6: "x"}, 9)
    assert results == {2: "30EUR", 3: "15EUR", 4: "12", 5: "13", 7: 'Variable not found "cache".'}


def test_a_field_left_to_tiki_keeps_its_value_and_so_do_those_that_use_it() -> None:
    fields = tracker(
        Field(1, 1, "items", "l"),
        math_field(2, "count", "(count items)"),
        math_field(3, "more", "(add count 1)"),
        math_field(4, "chance", "(random)"),
        math_field(5, "year", "(date (str Y))"),
        math_field(6, "next", "(add year 1)"),
        math_field(7, "since", "(sub 5 creation_date)"),
        math_field(8, "word", "(str items)"),
        math_field(9, "broken", "(add"),
    )
    reasons = formulas.left_to_tiki(fields)
    assert reasons[2] == "it looks at the items of field items"
    assert reasons[3] == "it uses field count, which is left to Tiki"
    assert reasons[4] == "random: its result is random"
    assert set(reasons) == {2, 3, 4}
    assert formulas.calculated(fields, {2: "4", 6: "2024"}, 9) == {
        3: "", 4: "", 5: "", 7: "", 8: "items", 9: 'Expecting ")" near ""',
    }  # fmt: skip
    known = formulas.calculated(fields, {}, 9, clock=CLOCK, facts={"creation_date": "3"})
    assert (known[5], known[6], known[7]) == ("2023", "2024", "2")


@pytest.mark.parametrize(
    "name", ["contact-full", "contact-minimal", "contact-empty-values", "order-ordinary", "api-minimal"]
)
def test_recorded_items_have_the_recorded_calculations(name: str) -> None:
    rows = {r["fieldId"]: r["value"] for _, t, r in golden.case(name)["rows"] if t == "tiki_tracker_item_fields"}
    defined = golden.fixture()["rows"]["tiki_tracker_fields"]
    of_tracker = next(each["trackerId"] for each in defined if each["fieldId"] in rows)
    fields = [
        Field(
            f["fieldId"], of_tracker, f["permName"], f["type"], position=f["position"], options=json.loads(f["options"])
        )
        for f in sorted(defined, key=lambda each: int(each["position"]))
        if f["trackerId"] == of_tracker
    ]
    calculations = {field.field_id for field in fields if field.type == "math"}
    given = {field_id: value for field_id, value in rows.items() if field_id not in calculations}
    expected = {field_id: rows[field_id] for field_id in calculations}
    assert formulas.calculated(tracker(*fields), given, golden.case(name)["result"]["itemId"]) == expected


def test_money_shows_its_amount_and_currency() -> None:
    assert str(Money(12.50, "EUR")) == "12.5EUR"
    assert money_from_field("12 EUR") == Money("12 EUR", "")
    assert money_from_text("12 EUR") == "12 EUR"


def test_the_names_that_calculations_use_are_told_and_all_where_one_is_too_deep() -> None:
    text = Field(1, 7, "text", "t")
    fields = [text, math_field(2, "sum", "(add qty (concat (str words) other.part))"), math_field(3, "odd", "(add qty")]
    deep = math_field(4, "deep", "(add " * 500 + "1" + ")" * 500)

    assert formulas.used(tracker(*fields)) == {"qty", "other"}
    assert formulas.used(tracker(*fields, deep)) == {"text", "sum", "odd", "deep"}
