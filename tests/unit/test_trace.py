"""W3C Trace Context: what a traceparent names, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.trace import Trace, trace_id_of, trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("text", "sampled"),
    [(f"00-{TRACE}-{SPAN}-01", True), (f"00-{TRACE}-{SPAN}-00", False), (f"cc-{TRACE}-{SPAN}-09-what-comes", True)],
)
def test_a_traceparent_names_trace_span_and_whether_it_is_sampled(text: str, sampled: bool) -> None:
    assert trace_of([("host", "x"), ("traceparent", text)]) == Trace(TRACE, SPAN, sampled)
    assert trace_of([(b"traceparent", text.encode())]) == Trace(TRACE, SPAN, sampled)
    assert trace_id_of([("traceparent", text)]) == TRACE


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
    ],
)
def test_what_the_specification_calls_invalid_is_no_trace(text: str) -> None:
    assert trace_of([("traceparent", text)]) is None
    assert trace_id_of([("traceparent", text)]) is None


def test_two_traceparents_are_none() -> None:
    whole = ("traceparent", f"00-{TRACE}-{SPAN}-01")
    assert trace_of([whole, whole]) is None


@given(st.binary())
def test_whatever_a_stranger_sends_is_a_trace_or_none(value: bytes) -> None:
    found = trace_of([(b"traceparent", value)])
    assert found is None or value.decode("latin-1")[3:35] == found.trace_id


@given(st.from_regex("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True))
def test_a_well_formed_one_is_taken_unless_something_of_it_is_void(text: str) -> None:
    version, trace, span, flags = text.split("-")
    is_void = version == "ff" or not int(trace, 16) or not int(span, 16)
    assert trace_of([("traceparent", text)]) == (None if is_void else Trace(trace, span, bool(int(flags, 16) & 1)))
