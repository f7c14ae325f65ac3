"""Rows for a statement in bulk, as MariaDB reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.database.bulk import parameters

values = st.one_of(
    st.none(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(max_size=300),
)


def read(data: bytes, types: Sequence[type]) -> Iterator[object]:
    """Read values back, as https://mariadb.com/kb/en/com_stmt_bulk_execute/ has them."""
    place = 0
    for each in types:
        indicator, place = data[place], place + 1
        if indicator == 1:
            yield None
        elif each is int:
            yield int.from_bytes(data[place : place + 8], "little", signed=True)
            place += 8
        else:
            length, place = data[place], place + 1
            if size := {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(length):
                length, place = int.from_bytes(data[place : place + size], "little"), place + size
            value = data[place : place + length]
            yield value.decode() if each is str else value
            place += length
    assert place == len(data)


@given(rows=st.lists(values))
def test_values_are_read_back_as_they_were_one_after_the_other(rows: Sequence[object]) -> None:
    assert list(read(parameters(rows), [type(each) for each in rows])) == rows


@pytest.mark.parametrize("length", [0, 250, 251, 252, 253, 254, 255, 65_535, 65_536, 1 << 24, (1 << 24) + 1])
def test_the_length_is_told_whatever_it_is(length: int) -> None:
    assert list(read(parameters(["x" * length, 7]), [str, int])) == ["x" * length, 7]


def test_what_is_no_unicode_cannot_be_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        parameters(["\ud800"])
