"""Captured requests: read from files as people save them, or refused with the line that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.raw_requests import read_request
from tikisync.core.requests import handler_in
from tikisync.errors import SetupError

RAW = b"POST /webhooks/Shop%202?a=%20 HTTP/1.1\r\nHost: wiki.example.org\r\nX-Signature:  1f \r\n\r\n{}\r\n\r\n"


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_a_captured_request_is_read_whole(newline: bytes) -> None:
    request = read_request(RAW.replace(b"\r\n", newline), 5)
    assert (request.method, request.path, request.query) == ("POST", "/webhooks/Shop 2", "a=%20")
    assert request.handler_name == "Shop 2"
    assert request.headers == ((b"host", b"wiki.example.org"), (b"x-signature", b"1f"))
    assert (request.body, request.received_at, request.client_ip) == (b"{}" + newline * 2, 5, "")


def test_a_line_break_after_the_given_length_is_an_editor_s() -> None:
    assert read_request(b"POST / HTTP/1.1\ncontent-length: 2\n\n{}\n", 0).body == b"{}"
    assert read_request(b"POST / HTTP/1.1\ncontent-length: 2\n\n{}more", 0).body == b"{}more"
    assert read_request(b"POST / HTTP/1.1\ncontent-length: x\n\n{}\n", 0).body == b"{}\n"


def test_a_whole_address_and_a_missing_body_will_do() -> None:
    request = read_request(b"POST https://wiki.example.org?x=1\nA: b\n", 0)
    assert (request.path, request.query, request.body) == ("/", "x=1", b"")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "line 1 is not a request line"),
        (b'{"a": 1}', "line 1 is not a request line"),
        (b"POST http://[ HTTP/1.1\n\n", "line 1 is not an address"),
        (b"POST / HTTP/1.1\nA: b\nno header\n\n", "line 3 is not a header"),
        (b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n2\r\n{}\r\n0", "in chunks"),
    ],
)
def test_what_is_no_request_is_told_by_its_line(raw: bytes, told: str) -> None:
    with pytest.raises(SetupError, match=told) as caught:
        read_request(raw, 0)
    assert caught.value.hint


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda raw: b"POST / HTTP/1.1\n" + raw))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read_request(raw, 0)
    except SetupError:
        return


def test_a_path_may_name_its_handler() -> None:
    assert [handler_in(path) for path in ("/webhooks/Shop", "/webhooks/", "/tiki-webhooks.php")] == ["Shop", None, None]
