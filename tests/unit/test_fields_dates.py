"""Date and time fields and date pickers."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from tests.fields import NOW, context, field, stored, untouched
from tikisync.core.date_format import DateFormat
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError

DATE_ONLY = {"datetime": "d", "blankdate": "blank"}
TOKYO = DateFormat("%d/%m/%Y %H:%M", timezone(timedelta(hours=9)))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2024-03-31T02:30:59Z", 1_711_852_259),
        ("2024-03-31T02:30:59.999999+00:00", 1_711_852_259),
        ("2024-03-31T04:30:59.5+02:00", 1_711_852_259),
        ("2024-03-30T21:00:59-05:30", 1_711_852_259),
        ("20240331T023059Z", 1_711_852_259),
        ("2024-03-31 02:30:59", 1_711_852_259),
        (" 2024-03-31 ", 1_711_843_200),
        ("20240331", 1_711_843_200),
        (1_711_852_259, 1_711_852_259),
        (1_711_852_259.9, 1_711_852_259),
        ("1711852259", 1_711_852_259),
        (1_711_852_259_999, 1_711_852_259),
        ("1711852259999", 1_711_852_259),
        (0, 0),
        (-86_401, -86_401),
        ("1900-01-01", -2_208_988_800),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200),
    ],
)
def test_an_instant_is_stored_as_unix_seconds(value: Json, seconds: int) -> None:
    assert stored(field("j"), value) == str(seconds)
    assert stored(field("f"), value) == str(seconds // 60 * 60)


@pytest.mark.parametrize("code", ["f", "j"])
@pytest.mark.parametrize(
    "value",
    [
        "2024-02-29",
        "2024-02-29T23:59:59-11:00",
        "2024-02-29T00:00:00+14:00",
        1_709_164_800,
        1_709_251_199,
        "1709164800",
    ],
)
def test_a_date_is_stored_as_midnight_utc_of_the_day_as_written(code: str, value: Json) -> None:
    assert stored(field(code, DATE_ONLY), value) == "1709164800"


@pytest.mark.parametrize("value", ["", []])
def test_an_emptied_date_is_empty(value: Json) -> None:
    assert stored(field("f"), value) == ""


@pytest.mark.parametrize(
    "value",
    [
        *("tomorrow", "31.03.2024", "2024-02-30", "2024", "12345678901x", True, ["2024-02-29"], {"date": 1}),
        *(10**30, "9" * 40, float("nan"), float("inf"), 10**400),
    ],
)
def test_what_is_no_date_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="takes a date"):
        stored(field("f"), value)


def test_a_new_items_date_is_now_unless_the_field_starts_blank() -> None:
    assert untouched(field("f")) == str(NOW // 60 * 60)
    assert untouched(field("f", {"blankdate": ""})) == str(NOW // 60 * 60)
    assert untouched(field("f", {"blankdate": "blank"})) == ""
    assert untouched(field("f", {"datetime": "d"})) == str(NOW // 86_400 * 86_400)
    assert untouched(field("f"), context(creating=False)) is None


def test_a_new_items_date_is_the_day_where_the_user_is() -> None:
    today = context(dates=TOKYO)  # 07:14 on the next day

    assert untouched(field("f", {"datetime": "d"}), today) == str((NOW // 86_400 + 1) * 86_400)


def test_a_date_picker_starts_blank_unless_it_starts_now() -> None:
    assert untouched(field("j")) == ""
    assert untouched(field("j", {"useNow": "1"})) == str(NOW)


@pytest.mark.parametrize("code", ["f", "j"])
def test_the_history_shows_an_old_date_as_the_user_sees_dates(code: str) -> None:
    kind = FIELD_TYPES[code]

    assert kind.logged(field(code), "1711845000") == "2024-03-31 00:30"
    assert kind.logged(field(code), "1711845000", TOKYO) == "31/03/2024 09:30"
    assert kind.logged(field(code), "") == ""
