"""The verifier says what ``verify`` says, of whatever handlers and requests there are."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request
from tikisync.core.verification import ENCODINGS, misconfiguration, sign, verify
from tikisync.core.verifier import Verifier

HEADERS = (
    "X-Signature",
    "x-signature",
    "X-Other",
    "X-Hub-Signature-256",
    "X-Docusign-Signature-1",
    "Typeform-Signature",
)
HERE, ELSEWHERE = [ip_network("192.0.2.0/24")], [ip_network("198.51.100.0/24")]
FORGE = Handler(1, "Forge", "second", "hmac", "sha256", "X-Signature", "forge-secret")

a_handler = st.builds(
    Handler,
    handler_id=st.integers(1, 9),
    name=st.sampled_from(["A", "B", "C", "D"]),
    user=st.just("hook"),
    verification=st.sampled_from([*ENCODINGS, "token"]),
    algo=st.sampled_from(["sha256", "SHA256", "sha512", "nonesuch"]),
    signature_header=st.sampled_from(HEADERS),
    secret=st.sampled_from(["one", "two", "three", ""]),
    user_exists=st.booleans(),
)


@st.composite
def a_signature(draw: st.DrawFn, handlers: list[Handler], body: bytes) -> tuple[bytes, bytes]:
    header = draw(st.sampled_from(HEADERS)).lower().encode()
    good = [handler for handler in handlers if not misconfiguration(handler)]
    if not good or draw(st.integers(0, 5)) == 0:
        return header, draw(st.sampled_from([b"", b"0", b"?", b"sha256=?"]))
    handler = draw(st.sampled_from(good))
    value = sign(handler, body).encode()
    value = draw(st.sampled_from([value, value, value, b"sha256=" + value, b64encode(value), value[:-1]]))
    return draw(st.sampled_from([handler.header, handler.header, handler.header, header])), value


@given(data=st.data(), handlers=st.lists(a_handler, max_size=6), body=st.sampled_from([b"", b"{}", b"hello"]))
def test_the_verdicts_are_those_of_verify(data: st.DataObject, handlers: list[Handler], body: bytes) -> None:
    recipes = data.draw(
        st.dictionaries(
            st.sampled_from(["A", "B"]),
            st.sampled_from([RECIPES["github"], RECIPES["docusign"], RECIPES["typeform"]]),
            max_size=1,
        )
    )
    allow = data.draw(st.dictionaries(st.sampled_from(["A", "C"]), st.sampled_from([HERE, ELSEWHERE]), max_size=1))
    verifier = Verifier(handlers, recipes, allow)
    for _ in range(4):
        headers = tuple(data.draw(st.lists(a_signature(handlers, body), max_size=2)))
        name = data.draw(st.sampled_from([None, None, None, "A", "nobody"]))
        request = Request("POST", "/tiki-webhooks.php", "", headers, body, 0, "192.0.2.10", name)
        verdict, expected = verifier.verify(request), verify(request, handlers, recipes, allow)
        assert verdict == expected
        if isinstance(verdict, Verified) and isinstance(expected, Verified):
            assert verdict.handler is expected.handler


@pytest.mark.parametrize("other_header", [False, True])
def test_whoever_of_many_signed_is_found_and_found_again(other_header: bool) -> None:
    many = [replace(FORGE, handler_id=n, name=f"F{n}", secret=f"secret {n}") for n in range(50)]
    if other_header:
        many = [replace(each, signature_header=f"X-{each.name}") for each in many]
    verifier = Verifier(many)
    for number in (49, 49, 0, 7, 49):
        header = (many[number].header, sign(many[number], b"body").encode())
        verdict = verifier.verify(Request("POST", "/", "", (header,), b"body", 0, ""))
        assert isinstance(verdict, Verified)
        assert verdict.handler is many[number]


def test_what_was_said_of_a_wrong_signature_is_said_of_the_next_one_too() -> None:
    verifier = Verifier([FORGE])
    wrong = Request("POST", "/", "", ((b"x-signature", b"wrong"),), b"body", 0, "")
    verdicts = [verifier.verify(wrong), verifier.verify(wrong)]
    assert [each.reason for each in verdicts if isinstance(each, Refused)] == ["wrong_signature"] * 2


def test_an_algorithm_that_makes_no_hash_is_in_no_other_handlers_way() -> None:
    odd = replace(FORGE, handler_id=0, name="Odd", algo="NULL")
    signature = sign(FORGE, b"{}").encode()
    request = Request("POST", "/", "", ((FORGE.header, signature),), b"{}", 0, "")
    assert Verifier([odd, FORGE]).verify(request) == Verified(FORGE)
