"""Validation patterns; what PHP makes of them was printed by PHP 8.2."""

from __future__ import annotations

import time

import pytest

from tikisync.core import patterns


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[A-Z]{2}[0-9]{8,12}$", "GB12345678"),
        ("[A-Z]+", "ABC"),
        (r"a\/b", "a/b"),
        ("(?i)abc", "ABC"),
        ("[[:alpha:]]+", "abc"),
        (r"\Aab\z", "ab"),
        (r"\Aab\Z", "ab"),
        (r"\N+", "ab"),
        (r"\p{L}+", "abc"),
        ("x{,3}", "x{,3}"),
        ("x{e}", "x{e}"),
        (r"^\d++$", "123"),
        ("(?<year>\\d{4})", "2024"),
        ("[é]+|.{2}", "é"),  # two bytes
        ("7", "007"),  # not the whole text, but PHP compares numbers
    ],
)
def test_a_text_that_the_whole_pattern_matches_fits(pattern: str, text: str) -> None:
    assert patterns.fits(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[A-Z]{2}[0-9]{8,12}$", "12345"),
        ("[A-Z]+", "ABCd"),
        ("^.{5}$", "éaaaa"),  # six bytes
        (r"^\w+$", "é"),
        ("^ab$", "ab\n"),
        (r"\Aab\z", "ab\n"),
        ("x{,3}", "xx"),
    ],
)
def test_any_other_text_does_not_fit(pattern: str, text: str) -> None:
    assert not patterns.fits(pattern, text)


@pytest.mark.parametrize("pattern", ["[", "*a", "(", r"a/b", r"^[\w]/i", r"\\/", "(" * 3000])
def test_a_pattern_that_cannot_be_compiled_is_an_error(pattern: str) -> None:
    with pytest.raises(patterns.PatternError):
        patterns.fits(pattern, "a")


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$"])
def test_a_pattern_that_would_never_end_does_not_fit_and_ends(pattern: str) -> None:
    started = time.monotonic()

    assert not patterns.fits(pattern, "a" * 60 + "b")
    assert time.monotonic() - started < 5
