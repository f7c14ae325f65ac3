"""Whatever strangers send, judging it by all recipes at once comes to a verdict, and nothing they send is an error."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.signed_requests import BODY, handler_for, recipe_named, signed, unsigned
from tikisync.config import HandlerSettings
from tikisync.core.handlers import Refused, Verified
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request
from tikisync.pipeline.judging import Judge, Shaken

HANDLERS = [
    replace(handler_for(recipe_named(name)), handler_id=number, name=name) for number, name in enumerate(RECIPES, 1)
]
SETTINGS = {name: HandlerSettings(recipe=recipe_named(name, verify_token="t")) for name in RECIPES}
JUDGE = Judge(HANDLERS, SETTINGS, dict.fromkeys(RECIPES, "stripe"))

HEADERS = sorted(
    {
        place.removeprefix("headers.").replace("#", "1").encode()
        for recipe in RECIPES.values()
        for place in (*recipe.signature, recipe.timestamp, recipe.delivery_id, recipe.topic)
        if place.startswith("headers.")
    }
    | {b"content-type", b"x-hook-secret"}
)
VALUES = st.binary(max_size=40) | st.sampled_from(
    [b"sha256=00", b"t=1700000000,v1=00", b"v1,AAAA v1a,AAAA", b"1700000000", b"2023-11-14T22:13:20Z", b"Basic Og=="]
)
BODIES = st.binary(max_size=60) | st.sampled_from(
    [
        BODY,
        b'{"type": "url_verification", "challenge": "a"}',
        b'{"verification_token": "a"}',
        b"webhook_id=1",
        b"[" * 500,
    ]
)


@given(
    st.sampled_from(["POST", "GET", "HEAD"]),
    st.text(max_size=20) | st.just("hub.mode=subscribe&hub.verify_token=t&hub.challenge=1&challenge=2&secret=%ff"),
    st.lists(st.tuples(st.sampled_from(HEADERS), VALUES), max_size=12),
    BODIES,
)
def test_arbitrary_requests_are_judged(
    method: str, query: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    request = Request(method, "/tiki-webhooks.php", query, tuple(headers), body, 1_700_000_000_000, "192.0.2.7")
    verdict = JUDGE.verdict(request)
    assert isinstance(verdict, Refused | Shaken)
    assert isinstance(verdict, Shaken) or verdict.detail


@given(st.sampled_from(sorted(RECIPES)), st.binary(min_size=1, max_size=60))
def test_what_a_sender_signs_is_kept_for_its_handler(name: str, body: bytes) -> None:
    recipe = recipe_named(name)
    handler = replace(handler_for(recipe), name=name)
    body = BODY if name == "linear" else body
    request = replace(signed(recipe, unsigned(body), replace(handler, name="Shop")), handler_name=name)
    judge = Judge([handler], {name: HandlerSettings(recipe=recipe)}, {})
    verdict = judge.verdict(request)
    if isinstance(verdict, Shaken):
        assert recipe.handshake
        return
    assert isinstance(verdict, Verified)
    kept = judge.arrival(request, verdict)
    assert (kept.handler, kept.body) == (name, body)
    assert kept.body_key
    assert recipe.scheme != "token" or handler.secret.encode() not in repr((kept.headers, kept.query)).encode()
