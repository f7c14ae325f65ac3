"""Requests as verification reads them, and the address behind trusted proxies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.requests import Request, client_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"), ip_network("fd00::/8"))


def request(*headers: tuple[bytes, bytes], body: bytes = b"") -> Request:
    return Request("POST", "/tiki-webhooks.php", "", headers, body, 1_700_000_000_000, "192.0.2.10")


def test_a_header_sent_once_keeps_its_value_without_the_spaces_around_it() -> None:
    assert request((b"x-signature", b" \tab cd\t ")).combined_headers() == {b"x-signature": b"ab cd"}


def test_a_repeated_header_is_one_value_joined_by_commas_as_php_sees_it_behind_apache() -> None:
    combined = request((b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b" 3 "), (b"x-a", b"")).combined_headers()
    assert combined == {b"x-a": b"1, 3, ", b"x-b": b"2"}


def test_the_text_of_a_request_shows_neither_headers_nor_body() -> None:
    shown = repr(request((b"x-signature", b"c0ffee"), body=b"private"))
    assert "c0ffee" not in shown
    assert "private" not in shown


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # a stranger may claim what it likes
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66", "198.51.100.1"], "198.51.100.1"),  # the rest is the client's own claim
        ("10.0.0.1", ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),  # through two of our proxies
        ("10.0.0.1", ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),  # everybody is ours
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1", "nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [" 198.51.100.1:4711 "], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("fd00::1", ["2001:DB8:0::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),  # IPv4 on a dual-stack socket
        ("", ["198.51.100.1"], ""),  # a Unix socket
    ],
)
def test_forwarded_addresses_are_believed_as_far_as_trusted_proxies_wrote_them(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


@given(st.text(max_size=40), st.lists(st.text(max_size=40) | st.ip_addresses().map(str), max_size=5))
def test_whatever_is_forwarded_to_nobody_we_trust_the_peer_is_the_client(peer: str, forwarded: list[str]) -> None:
    assert client_address(peer, forwarded, ()) == client_address(peer, [], PROXIES)


@given(st.ip_addresses().map(str), st.lists(st.text(max_size=40) | st.ip_addresses().map(str), max_size=5))
def test_no_forwarded_text_raises_and_the_client_is_always_an_address(peer: str, forwarded: list[str]) -> None:
    everybody = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    client = client_address(peer, forwarded, everybody)
    assert ip_network(client).num_addresses == 1
