"""Numeric, currency, duration and auto-increment fields."""

from __future__ import annotations

import pytest

from tests.fields import context, field, stored, untouched
from tikisync.core.fields import FIELD_TYPES, unwritable
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError

EURO = {"currency": "EUR"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (12.5, "12.5"),
        (10.0, "10"),
        ("10.00", "10.00"),
        (" 8 ", " 8 "),
        ("1.5e3", "1.5e3"),
        ("", ""),
        ([], ""),
    ],
)
def test_a_number_is_stored_as_given(value: Json, text: str) -> None:
    assert stored(field("n"), value) == text


@pytest.mark.parametrize("value", ["12,5", "a dozen", "0x1A", True, [1], {"amount": 1}, float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="Numeric takes a number"):
        stored(field("n"), value)


def test_a_number_too_long_for_the_column_is_refused() -> None:
    with pytest.raises(FieldValueError, match="65535 bytes"):
        stored(field("n"), "1" * 65_536)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"amount": 199.9, "currency": "EUR"}, "199.9EUR"),
        ({"amount": "1234.50", "currency": "usd"}, "1234.50USD"),
        ({"amount": -3, "currency": "EUR"}, "-3EUR"),
        ({"amount": 1000.0, "currency": "EUR"}, "1000EUR"),
        ({"amount": "", "currency": "EUR"}, ""),
        ("199.90 EUR", "199.90EUR"),
        ("199.90EUR", "199.90EUR"),
        ("", ""),
        ([], ""),
    ],
)
def test_an_amount_is_stored_with_its_currency(value: Json, text: str) -> None:
    assert stored(field("b"), value) == text


@pytest.mark.parametrize("value", [99.5, "99.5", {"amount": 99.5}, {"amount": 99.5, "currency": None}, 0])
def test_an_amount_without_a_currency_is_refused_with_a_way_to_name_it(value: Json) -> None:
    with pytest.raises(FieldValueError, match="without a currency") as refused:
        stored(field("b", EURO), value)

    assert "currency: 'EUR'" in refused.value.hint


@pytest.mark.parametrize(
    "value",
    [
        "EUR",
        "1,5 EUR",
        "1e3 EUR",
        "12 E1",
        "12 <b>",
        {"currency": "EUR"},
        {"amount": "1 USD", "currency": "EUR"},
        {"amount": 1, "currency": 5},
        {"amount": True, "currency": "EUR"},
        {"amount": [1], "currency": "EUR"},
        True,
        [1],
    ],
)
def test_what_is_no_amount_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="Currency takes an amount"):
        stored(field("b", EURO), value)


def test_a_duration_has_the_units_that_its_form_offers() -> None:
    days = {"days": 1, "hours": 1, "minutes": 1}

    assert stored(field("DUR", days), {"hours": 1, "minutes": 5}) == '{"days":"","hours":"1","minutes":"5"}'
    assert stored(field("DUR"), {"hours": "1.5"}) == '{"hours":"1.5","minutes":""}'
    assert stored(field("DUR", {"seconds": "1", "minutes": 0}), {"seconds": 5}) == '{"hours":"","seconds":"5"}'


@pytest.mark.parametrize("value", ["", [], {}, {"hours": None}, {"hours": ""}])
def test_an_empty_duration_is_stored_as_blank_units(value: Json) -> None:
    assert stored(field("DUR"), value) == '{"hours":"","minutes":""}'
    assert untouched(field("DUR")) == '{"hours":"","minutes":""}'
    assert untouched(field("DUR"), context(creating=False)) is None


@pytest.mark.parametrize(
    "value", [{"seconds": 5}, {"hours": "long"}, {"hours": True}, {"hours": "<b>"}, "1h", 90, [1], True]
)
def test_what_is_no_duration_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="Duration takes an object"):
        stored(field("DUR"), value)


def test_a_number_that_tiki_counts_up_is_not_the_webhooks_to_give() -> None:
    assert "numbered" in unwritable(field("q"))
    assert FIELD_TYPES["q"].numbered
    assert not FIELD_TYPES["n"].numbered
    assert FIELD_TYPES["q"].logged(field("q"), "100") is None
    assert untouched(field("q")) is None
    with pytest.raises(FieldValueError, match="numbered"):
        stored(field("q"), 500)
