"""The format of the spool's files: whatever breaks off or turns over, no wrong record is read and no whole one lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core import spool_records
from tikisync.core.spool_records import DAMAGED, FILE_HEAD_SIZE, HEAD_SIZE, MARK, RECORD, TORN, encoded, walk

TOKEN = bytes(range(24))
OTHER = bytes(24)

payloads = st.lists(st.binary(max_size=60), min_size=1, max_size=6)


def written(payloads: Sequence[bytes], token: bytes = TOKEN) -> bytes:
    data = spool_records.file_head(token)
    for payload in payloads:
        data += encoded(token, len(data), payload)
    return data


def read(data: bytes) -> list[bytes]:
    entries = list(walk(data, TOKEN, FILE_HEAD_SIZE))
    assert [each.start for each in entries] == [FILE_HEAD_SIZE, *(each.stop for each in entries[:-1])][: len(entries)]
    return [each.payload(data) for each in entries if each.kind == RECORD]


def kinds(data: bytes) -> list[str]:
    return [each.kind for each in walk(data, TOKEN, FILE_HEAD_SIZE)]


@given(payloads)
def test_what_was_written_is_read_again(payloads: list[bytes]) -> None:
    assert read(written(payloads)) == payloads


@given(payloads, st.data())
def test_a_truncated_file_loses_just_what_is_torn(payloads: list[bytes], data: st.DataObject) -> None:
    whole = written(payloads)
    cut = whole[: data.draw(st.integers(FILE_HEAD_SIZE, len(whole)))]
    ends = [len(written(payloads[:number])) for number in range(len(payloads) + 1)]
    kept = max(number for number, end in enumerate(ends) if end <= len(cut))
    assert read(cut) == payloads[:kept]
    assert kinds(cut) == [RECORD] * kept + [TORN] * (len(cut) != ends[kept])


@given(payloads, st.data())
def test_a_flipped_byte_loses_only_the_record_it_is_in(payloads: list[bytes], data: st.DataObject) -> None:
    damaged = bytearray(written(payloads))
    place = data.draw(st.integers(FILE_HEAD_SIZE, len(damaged) - 1))
    damaged[place] ^= data.draw(st.integers(1, 255))
    ends = [len(written(payloads[:number])) for number in range(1, len(payloads) + 1)]
    hit = next(number for number, end in enumerate(ends) if place < end)
    assert read(bytes(damaged)) == payloads[:hit] + payloads[hit + 1 :]


@given(payloads, st.binary(max_size=100))
def test_zeros_after_a_power_cut_are_torn_and_anything_else_is_damage(payloads: list[bytes], rest: bytes) -> None:
    whole = written(payloads)
    assert kinds(whole + bytes(len(rest))) == [RECORD] * len(payloads) + [TORN] * bool(rest)
    if rest.strip(b"\0") and not TOKEN.startswith(rest[:8]):
        assert kinds(whole + rest) == [RECORD] * len(payloads) + [DAMAGED]


def test_a_last_record_of_the_right_length_that_is_wrong_is_damage_and_not_torn() -> None:
    whole = bytearray(written([b"one", b"two"]))
    whole[-1] ^= 1
    assert kinds(bytes(whole)) == [RECORD, DAMAGED]


def test_many_zeros_are_looked_at_to_their_end() -> None:
    assert kinds(written([b"one"]) + bytes(200_000)) == [RECORD, TORN]
    assert kinds(written([b"one"]) + bytes(200_000) + b"x") == [RECORD, DAMAGED]


def test_a_record_inside_a_damaged_one_is_read_only_if_it_is_at_its_own_place() -> None:
    inner = encoded(TOKEN, FILE_HEAD_SIZE, b"forged")  # as for the first place of the file
    data = bytearray(written([b"before " + inner, b"last"]))
    data[FILE_HEAD_SIZE + HEAD_SIZE] ^= 1
    assert read(bytes(data)) == [b"last"]


@given(payloads)
def test_records_of_another_file_are_no_records_here(payloads: list[bytes]) -> None:
    other = written(payloads, OTHER)[FILE_HEAD_SIZE:]
    assert read(spool_records.file_head(TOKEN) + other) == []
    assert read(written([b"mine"]) + other) == [b"mine"]


def test_a_mark_is_told_from_records_and_comes_back() -> None:
    data = written([b"one"])
    data += encoded(TOKEN, len(data), spool_records.mark(99, 3), MARK)
    *_, entry = walk(data, TOKEN, FILE_HEAD_SIZE)
    assert (entry.kind, spool_records.read_mark(entry.payload(data))) == (MARK, (99, 3))


def test_the_token_comes_back_from_the_head_of_a_file() -> None:
    assert spool_records.token_of(spool_records.file_head(TOKEN)) == TOKEN


@pytest.mark.parametrize("place", [0, FILE_HEAD_SIZE - 10, FILE_HEAD_SIZE - 1])
def test_a_head_that_is_not_whole_or_not_ours_gives_no_token(place: int) -> None:
    head = bytearray(spool_records.file_head(TOKEN))
    assert spool_records.token_of(bytes(head[:place])) is None
    head[place] ^= 1
    assert spool_records.token_of(bytes(head)) is None
