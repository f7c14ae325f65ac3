"""Versions: what counts as older, and what is no version at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.trackers import Json
from tikisync.core.versions import MAX_LENGTH, is_older, version_text

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1000, 1, 2), datetime(9998, 12, 30), timezones=offsets)
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, numbers)
def test_numbers_compare_as_numbers_whether_written_as_such_or_as_text(left: float, right: float) -> None:
    assert is_older(version_text(left), version_text(right)) == (left < right)
    assert len(version_text(left)) <= MAX_LENGTH


@given(moments, moments)
def test_dates_compare_as_instants_whatever_their_offsets(left: datetime, right: datetime) -> None:
    assert is_older(left.isoformat(), right.isoformat()) == (left < right)


@pytest.mark.parametrize(
    ("version", "applied", "older"),
    [
        ("9", "10", True),
        ("10", "9", False),
        ("1.10", "1.9", True),
        ("2026-11-24T06:30:00Z", "2026-11-24T07:00:00+01:00", False),
        ("2026-11-24T06:30:00", "2026-11-24T06:30:01Z", True),
        ("2026-11-24", "2026-11-24 00:00:01Z", True),
        ("2026-13-99", "2026-13-98", False),
        ("a", "b", True),
        ("b", "a", False),
        ("same", "same", False),
        ("5", "2026-11-24", False),
        ("v1", "5", False),
        ("5", "", False),
    ],
)
def test_only_what_is_of_one_kind_and_smaller_is_older(version: str, applied: str, older: bool) -> None:
    assert is_older(version, applied) is older


@given(st.text(), st.text())
def test_of_any_two_texts_at_most_one_is_older(left: str, right: str) -> None:
    assert not (is_older(left, right) and is_older(right, left))


@pytest.mark.parametrize(("value", "text"), [(None, ""), (" ", ""), (" 7 ", "7"), (1e21, "1" + "0" * 21), (-3, "-3")])
def test_a_version_is_kept_as_text(value: Json, text: str) -> None:
    assert version_text(value) == text


@pytest.mark.parametrize("value", [True, [], {}, "x" * (MAX_LENGTH + 1)])
def test_what_is_no_version_is_refused(value: Json) -> None:
    with pytest.raises(ValueError, match="a version"):
        version_text(value)


def test_moments_without_an_offset_are_utc() -> None:
    assert not is_older("2026-01-01T00:00:00", datetime(2026, 1, 1, tzinfo=UTC).isoformat())
