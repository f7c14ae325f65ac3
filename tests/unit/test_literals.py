"""Values as SQL: nothing in a value ends its literal, and what is no value is refused."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.database import literals
from tikisync.database.literals import literal
from tikisync.database.sessions import Statement


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("red", "'red'"),
        ("it's", "_utf8mb4 X'69742773'"),
        ("ž", "_utf8mb4 X'c5be'"),
        (b"red", "_binary 'red'"),
        (b"\\", "_binary X'5c'"),
        (7, "7"),
        (True, "1"),
        (None, "NULL"),
        (1.5, "1.5e0"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 1, 2), "'2026-01-02'"),
        (datetime(2026, 1, 2, 3, 4, 5), "'2026-01-02 03:04:05'"),
        ([1, "a"], "(1,'a')"),
        (frozenset({2}), "(2)"),
        ((), f"({literals.NOTHING})"),
    ],
)
def test_a_value_is_written_by_its_type(value: object, written: str) -> None:
    assert literal(value) == written


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.binary())
def test_a_literal_has_no_quote_within_and_no_backslash(value: str | bytes) -> None:
    written = literal(value)
    assert written.isascii()
    assert written.count("'") == 2
    assert written.endswith("'")
    assert "\\" not in written


@pytest.mark.parametrize("value", [{"a": 1}, object()])
def test_what_is_no_value_of_a_column_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=f"{type(value).__name__} can"):
        literal(value)


def test_a_statement_shows_no_values() -> None:
    assert "hunter2" not in repr(Statement("SELECT %s", "SELECT 'hunter2'", ("hunter2",)))
