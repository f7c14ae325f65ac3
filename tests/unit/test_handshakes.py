"""Handshakes: what senders ask before their webhooks is answered, and nothing else is."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signed_requests import FORM_TYPE, JSON, handler_for, recipe_named, signed, unsigned
from tikisync.core.recipes.choice import inferred
from tikisync.core.recipes.handshakes import HANDSHAKES, HandshakeAnswer, handshake
from tikisync.core.recipes.handshakes import answer as answer_of_any
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request

CHALLENGE = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
META = recipe_named("meta", verify_token="let me in")


def answer(recipe: Recipe, request: Request) -> HandshakeAnswer | None:
    return handshake(recipe, handler_for(recipe), request)


def get(query: str = "", method: str = "GET") -> Request:
    return replace(unsigned(b"", query=query), method=method, headers=())


def posted(body: object, *headers: tuple[bytes, bytes]) -> Request:
    return unsigned(json.dumps(body).encode(), JSON, *headers)


SLACK = posted({"type": "url_verification", "token": "x", "challenge": CHALLENGE})
ZOOM = posted({"event": "endpoint.url_validation", "payload": {"plainToken": CHALLENGE}})
NOTION = posted({"verification_token": "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"})
ASANA = posted({}, (b"x-hook-secret", b"b537207f20cbfa02357cf448134da559"))
WOOCOMMERCE = unsigned(b"webhook_id=7", FORM_TYPE)
META_GET = get(f"hub.mode=subscribe&hub.verify_token=let%20me%20in&hub.challenge={CHALLENGE}")


def test_slack_gets_its_challenge_back() -> None:
    recipe = recipe_named("slack")
    found = answer(recipe, signed(recipe, SLACK))
    assert found == HandshakeAnswer(CHALLENGE.encode())
    assert found.content_type.startswith("text/plain")


def test_zoom_gets_its_token_encrypted() -> None:
    recipe = recipe_named("zoom")
    found = answer(recipe, signed(recipe, ZOOM))
    assert found is not None
    encrypted = hmac.digest(handler_for(recipe).secret.encode(), CHALLENGE.encode(), "sha256").hex()
    assert json.loads(found.body) == {"plainToken": CHALLENGE, "encryptedToken": encrypted}
    assert found.content_type == "application/json"


@pytest.mark.parametrize(("name", "request_"), [("slack", SLACK), ("zoom", ZOOM)])
def test_an_unsigned_challenge_of_a_sender_that_signs_them_gets_no_answer(name: str, request_: Request) -> None:
    recipe = recipe_named(name)
    late = replace(signed(recipe, request_), received_at=2_000_000_000_000)
    forged = replace(signed(recipe, request_), body=request_.body + b" ")
    assert [answer(recipe, each) for each in (request_, late, forged)] == [None] * 3


def test_dropbox_gets_its_challenge_back() -> None:
    assert answer(recipe_named("dropbox"), get(f"challenge={CHALLENGE}")) == HandshakeAnswer(CHALLENGE.encode())


def test_meta_gets_its_challenge_back_for_the_right_token() -> None:
    assert answer(META, META_GET) == HandshakeAnswer(CHALLENGE.encode())
    assert answer(META, replace(META_GET, query=META_GET.query.replace("let", "lets"))) is None
    assert answer(replace(META, verify_token=""), META_GET) is None
    assert answer(replace(META, verify_token=""), get("hub.mode=subscribe&hub.challenge=1")) is None
    assert answer(META, replace(META_GET, query=META_GET.query.replace("subscribe", "unsubscribe"))) is None


@pytest.mark.parametrize(("name", "request_"), [("notion", NOTION), ("asana", ASANA)])
def test_a_secret_that_the_sender_gives_is_kept_for_the_admin_but_not_shown(name: str, request_: Request) -> None:
    found = answer(recipe_named(name), request_)
    assert found is not None
    assert found.secret[:4] in ("secr", "b537")
    assert found.secret not in repr(found)


def test_asana_gets_its_secret_back_in_the_header_it_came_in() -> None:
    found = answer(recipe_named("asana"), ASANA)
    assert found is not None
    assert found.headers == ((b"x-hook-secret", b"b537207f20cbfa02357cf448134da559"),)


def test_mailchimp_is_answered_only_at_the_address_with_the_secret() -> None:
    recipe = recipe_named("mailchimp")
    assert answer(recipe, signed(recipe, get())) == HandshakeAnswer()
    assert answer(recipe, get("secret=other")) is None
    assert answer(recipe, get()) is None


def test_mandrill_is_answered_when_it_looks_whether_the_address_is_there() -> None:
    assert answer(recipe_named("mandrill"), get(method="HEAD")) == HandshakeAnswer()


def test_woocommerce_is_answered_when_it_pings() -> None:
    assert answer(recipe_named("woocommerce"), WOOCOMMERCE) == HandshakeAnswer()


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("slack", posted({"type": "event_callback", "challenge": CHALLENGE})),
        ("slack", posted({"type": "url_verification"})),
        ("slack", posted({"type": "url_verification", "challenge": "two\nlines"})),
        ("zoom", posted({"event": "meeting.started", "payload": {"plainToken": CHALLENGE}})),
        ("zoom", posted({"event": "endpoint.url_validation", "payload": {"plainToken": "é"}})),
        ("dropbox", get("challenge=")),
        ("dropbox", get("challenge=%0d%0aSet-Cookie:x")),
        ("dropbox", get("challenge=a&challenge=b")),
        ("dropbox", get("challenge=" + "a" * 1001)),
        ("dropbox", get(f"challenge={CHALLENGE}", "POST")),
        ("meta", get(f"hub.mode=subscribe&hub.challenge={CHALLENGE}")),
        ("meta", replace(META_GET, method="POST")),
        ("notion", posted({"verification_token": "x", "type": "page.created"})),
        ("notion", posted(["verification_token"])),
        ("notion", replace(NOTION, headers=(*NOTION.headers, (b"x-notion-signature", b"sha256=00")))),
        ("asana", posted({}, (b"x-hook-secret", b"a b"))),
        ("asana", replace(ASANA, headers=(*ASANA.headers, (b"x-hook-signature", b"00")))),
        ("mailchimp", unsigned(b"type=subscribe", FORM_TYPE)),
        ("mandrill", get()),
        ("woocommerce", unsigned(b"webhook_id=7&more=1", FORM_TYPE)),
        ("woocommerce", unsigned(b"webhook_id=seven", FORM_TYPE)),
        ("woocommerce", unsigned(b'{"webhook_id": 7}')),
        ("woocommerce", replace(WOOCOMMERCE, headers=(FORM_TYPE, (b"x-wc-webhook-signature", b"AAAA")))),
    ],
)
def test_what_is_no_handshake_gets_no_answer(name: str, request_: Request) -> None:
    recipe = META if name == "meta" else recipe_named(name)
    assert answer(recipe, request_) is None
    assert answer(recipe, signed(recipe, request_)) is None


@pytest.mark.parametrize(
    "request_", [SLACK, ZOOM, NOTION, ASANA, WOOCOMMERCE, META_GET, get("challenge=x"), get(method="HEAD")]
)
def test_a_recipe_that_asks_for_no_handshake_answers_none(request_: Request) -> None:
    for recipe in (recipe_named("github"), recipe_named("hmac"), recipe_named("notion", handshake="none")):
        assert answer(recipe, request_) is None


def test_a_recipe_that_nobody_named_answers_only_signed_handshakes() -> None:
    for name, header in (("slack", "X-Slack-Signature"), ("notion", "X-Notion-Signature")):
        found = inferred(replace(handler_for(RECIPES[name]), signature_header=header))
        assert found is not None
        assert found.handshake == ("slack" if name == "slack" else "")


def test_the_first_handler_that_is_asked_answers() -> None:
    plain, dropbox = replace(handler_for(RECIPES["hmac"]), name="Plain"), handler_for(RECIPES["dropbox"])
    handlers = [plain, dropbox, replace(dropbox, name="Second")]
    recipes = {"Shop": RECIPES["dropbox"], "Second": RECIPES["dropbox"]}
    request = get(f"challenge={CHALLENGE}")
    expected = HandshakeAnswer(CHALLENGE.encode())
    assert answer_of_any(request, handlers, recipes) == (dropbox, expected)
    assert answer_of_any(replace(request, handler_name="Second"), handlers, recipes) == (handlers[2], expected)
    assert answer_of_any(replace(request, handler_name="Plain"), handlers, recipes) is None
    assert answer_of_any(replace(request, query=""), handlers, recipes) is None


@pytest.mark.parametrize("name", HANDSHAKES)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    query=st.text(max_size=30) | st.text(max_size=9).map(lambda text: f"challenge={text}&hub.mode=subscribe"),
    body=st.binary(max_size=30) | st.sampled_from([SLACK.body, ZOOM.body, NOTION.body, WOOCOMMERCE.body]),
    headers=st.lists(
        st.tuples(st.sampled_from([b"x-hook-secret", b"content-type"]), st.binary(max_size=9)), max_size=2
    ),
)
def test_arbitrary_requests_are_answered_only_with_what_can_be_sent(
    name: str, method: str, query: str, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    request = Request(method, "/tiki-webhooks.php", query, tuple(headers), body, 0, "")
    found = answer(META if name == "meta" else recipe_named(name), request)
    if found is not None:
        for text in (found.body, *(value for header in found.headers for value in header)):
            assert all(33 <= byte <= 126 for byte in text)
