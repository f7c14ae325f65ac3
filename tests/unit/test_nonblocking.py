"""Answers of a server as they come in: in any pieces, counts and refusals."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.database.nonblocking import NonBlockingConnection
from tikisync.errors import PassingError

AFFECTED = {0: b"\x00", 7: b"\x07", 250: b"\xfa", 70_000: b"\xfd\x70\x11\x01"}  # as length-encoded integers


@contextmanager
def connected() -> Iterator[tuple[NonBlockingConnection, socket.socket]]:
    """Yield a connection over a pair of sockets, and the server's end of it."""
    near, far = socket.socketpair()
    logged_in = SimpleNamespace(_sock=near, encoding="utf8", _force_close=near.close)
    connection = NonBlockingConnection(logged_in)
    try:
        yield connection, far
    finally:
        connection.close()
        far.close()


def packet(payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + b"\x01" + payload


def ok(affected: int) -> bytes:
    return packet(b"\x00" + AFFECTED[affected] + b"\x00" + b"\x02\x00\x00\x00")


def refusal() -> bytes:
    return packet(b"\xff\x18\x04#23000Column 'handler_id' cannot be null")


outcomes = st.lists(st.one_of(st.none(), st.sampled_from(sorted(AFFECTED))), min_size=1, max_size=3)


@given(questions=st.lists(outcomes, min_size=1, max_size=4), cuts=st.sets(st.integers(1, 400)))
def test_in_whatever_pieces_answers_come_each_is_told_once_and_in_order(
    questions: Sequence[Sequence[int | None]], cuts: set[int]
) -> None:
    told = b"".join(refusal() if each is None else ok(each) for question in questions for each in question)
    places = [0, *sorted(cut for cut in cuts if cut < len(told)), len(told)]
    with connected() as (connection, far):
        for question in questions:
            assert connection.send(["SELECT 1"] * len(question))
        answers: list[int | None] = []
        for start, end in pairwise(places):
            far.sendall(told[start:end])
            answers += connection.answers()
    assert answers == [None if None in question else question[-1] for question in questions]


def test_statements_go_out_as_packets_of_the_protocol_one_after_the_other() -> None:
    with connected() as (connection, far):
        assert connection.send(["SELECT 'ü'", "DO 0"])
        assert far.recv(100) == b"\x0c\x00\x00\x00\x03SELECT '\xc3\xbc'\x05\x00\x00\x00\x03DO 0"


def test_what_the_socket_does_not_take_goes_later_and_whole() -> None:
    statement = "SELECT '" + "x" * 3_000_000 + "'"
    with connected() as (connection, far):
        assert not connection.send([statement])
        assert not connection.send(["DO 0"])
        received = b""
        while not connection.flush() or len(received) < len(statement) + 14:
            received += far.recv(1 << 20)
    assert received[5 : 5 + len(statement)].decode() == statement
    assert received.endswith(b"\x03DO 0")


@pytest.mark.parametrize("told", [b"", b"\x05\x00", packet(b"\x02two columns")], ids=["end", "part", "rows"])
def test_an_end_or_what_is_no_such_answer_is_trouble_that_passes(told: bytes) -> None:
    with connected() as (connection, far):
        connection.send(["DO 0"])
        far.sendall(told)
        far.shutdown(socket.SHUT_WR)
        with pytest.raises(PassingError, match="did not carry out"):
            connection.answers()


def test_answers_that_come_with_the_end_are_told_before_it() -> None:
    with connected() as (connection, far):
        for _ in range(3):
            connection.send(["DO 0"])
        far.sendall(ok(7) + refusal())
        far.shutdown(socket.SHUT_WR)
        assert connection.answers() == [7, None]
        with pytest.raises(PassingError):
            connection.answers()


def test_what_nobody_asked_for_is_no_answer() -> None:
    with connected() as (connection, far):
        far.sendall(refusal())
        assert connection.answers() == []
