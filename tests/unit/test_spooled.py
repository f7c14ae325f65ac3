"""A request on its way through the spool comes out as it went in."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.handlers import Refused
from tikisync.core.requests import Request
from tikisync.core.spooled import Spooled, packed, unpacked

names = st.text(max_size=20)
requests = st.builds(
    Request,
    method=st.sampled_from(["POST", "GET"]),
    path=names,
    query=names,
    headers=st.lists(st.tuples(st.binary(max_size=10), st.binary(max_size=30)), max_size=4).map(tuple),
    body=st.binary(max_size=200),
    received_at=st.integers(0, 2**53),
    client_ip=names,
    handler_name=st.none() | names,
    receipt=names,
)
refused = st.builds(Refused, names, names, names)


@given(st.builds(Spooled, requests, names, st.none() | refused))
def test_it_comes_out_as_it_went_in(spooled: Spooled) -> None:
    assert unpacked(packed(spooled)) == spooled


@given(st.binary(max_size=100))
def test_what_is_no_spooled_request_is_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(ValueError, match="no spooled request"):
        unpacked(payload)


@pytest.mark.parametrize("facts", [[], {}, {"handler": "a", "rejected": None, "headers": [], "new": 1}])
def test_a_payload_of_another_version_is_said_to_be_one(facts: object) -> None:
    head = json.dumps(facts).encode()
    with pytest.raises(ValueError, match="no spooled request"):
        unpacked(struct.pack(">I", len(head)) + head)
