"""PHP's semantics; the expected results were printed by PHP 8.2."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tikisync.core import php

BEYOND = "10000000000000000000"  # does not fit 64 bits


@pytest.mark.parametrize(
    "text", ["8", " 8 ", "8\n", "007", "1.5e3", ".5", "5.", "+3", "-0.50", "1E-2", "1e1000", "0", "\v1\f", BEYOND]
)
def test_a_numeric_text_is_numeric(text: str) -> None:
    assert php.is_numeric(text)


@pytest.mark.parametrize("text", ["", " ", "1,5", "0x1A", "1e", ".", "1 2", "INF", "nan", "1_0", "٣", "a dozen", "--1"])
def test_any_other_text_is_not_numeric(text: str) -> None:
    assert not php.is_numeric(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("12abc", 12),
        (" -5.9", -5),
        ("1e3", 1000),
        ("abc", 0),
        ("", 0),
        ("1e1000", 0),
        (BEYOND, 2**63 - 1),
        (f"-{BEYOND}", -(2**63)),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_a_text_cast_to_an_integer_is_the_number_it_starts_with(text: str, number: int) -> None:
    assert php.integer(text) == number


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1", "1.0"),
        ("1", "01"),
        ("100", "1e2"),
        ("1.5e3", "1500"),
        (" 1", "1"),
        ("0", "-0"),
        ("0.0", "0"),
        ("a", "a"),
        ("", ""),
        (None, ""),
        (None, None),
        ("1e1000", "1e1000"),
    ],
)
def test_loosely_equal_values_are_no_change(old: str | None, new: str | None) -> None:
    assert not php.loosely_differ(old, new)
    assert not php.loosely_differ(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0", ""),
        ("0", None),
        ("a", "A"),
        ("1", "2"),
        ("1", "1a"),
        ("1e1000", "1e1001"),
        (BEYOND, f"{BEYOND}0"),
        (BEYOND, f"0{BEYOND}"),
        (BEYOND, "1"),
        ("9007199254740993", "9007199254740992"),
    ],
)
def test_loosely_different_values_are_a_change(old: str | None, new: str | None) -> None:
    assert php.loosely_differ(old, new)
    assert php.loosely_differ(new, old)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (["owner", "ana maria"], 'owner,"ana maria"'),
        (["owner"], "owner"),
        ([], ""),
        (["a,b", 'c"d'], '"a,b","c""d"'),
        (["back\\slash"], '"back\\slash"'),
        (['a\\"b'], '"a\\"b"'),
        (["new\nline", "tab\t"], '"new\nline","tab\t"'),
        (["é"], "é"),
    ],
)
def test_fields_become_a_line_of_csv_and_come_back(fields: list[str], line: str) -> None:
    assert php.csv_line(fields) == line
    assert php.csv_fields(line) == (fields or [""])


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (' "x" ,y', ["x ", "y"]),
        ('"x"y,z', ["xy", "z"]),
        ("a,", ["a", ""]),
        ('"a,b', ["a,b"]),
        (' a , "b', [" a ", "b"]),
        ('a"b', ['a"b']),
    ],
)
def test_a_line_of_csv_is_read_as_php_reads_it(line: str, fields: list[str]) -> None:
    assert php.csv_fields(line) == fields


@settings(max_examples=100)
@given(st.text())
def test_any_line_of_csv_can_be_read(line: str) -> None:
    assert php.csv_fields(line)


def test_json_is_written_as_php_writes_it() -> None:
    value = {"en": "a/b", "fr": "é\u2028😀", "x": '"\\\n\x01\x7f<>&', "list": [1, None, True]}

    assert php.json_encode(value) == (
        r'{"en":"a\/b","fr":"\u00e9\u2028\ud83d\ude00","x":"\"\\\n\u0001' + '\x7f<>&","list":[1,null,true]}'
    )
    assert php.json_encode({}) == "[]"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (12, "12"),
        (10.0, "10"),
        (12.5, "12.5"),
        (-0.5, "-0.5"),
        (1e22, "1" + "0" * 22),
        (1e-7, "0.0000001"),
        (100, "100"),
    ],
)
def test_a_json_number_is_written_as_a_person_types_it(number: float, text: str) -> None:
    assert php.number_text(number) == text


def test_a_date_is_written_with_tikis_meaning_of_strftimes_letters() -> None:
    everything = (
        "%a %A %b %B %c|%d %D %e|%F|%g %G %h %H %i %I %j %k %l %m %M %n%p %P %r|%R %s %S %t%T %u %U %V %w %W %y %Y %z"
    )

    assert php.format_date(everything, 1_709_164_805, timezone(timedelta(hours=13))) == (
        "Thu Thursday Feb February Thu, 29 Feb 2024 13:00:05 +1300|29 02/29/24 29|2024-02-29T13:00:05+13:00|"
        "24 2024 Feb 13 01 01 59 13 1 02 00 \nPM pm 01:00:05 PM|01:00 05 05 \t01:00:05 4 09 09 4 09 24 2024 +1300"
    )


def test_a_date_keeps_what_is_no_letter_of_strftime() -> None:
    assert php.format_date("%Q 100% %Y-%m-%d", 0) == "%Q 100% 1970-01-01"


def test_a_time_beyond_the_calendar_is_shown_as_the_number_it_is() -> None:
    assert php.format_date("%Y", 10**15) == str(10**15)
