"""Recipes: every sender's requests verify, nothing else does, and each refusal says why."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signed_requests import (
    BODY,
    FORM,
    FORM_TYPE,
    JSON,
    NOW,
    handler_for,
    new_key,
    public_pem,
    reason,
    recipe_named,
    signature_header,
    signed,
    unsigned,
    verdict,
    with_header,
)
from tikisync.core.handlers import Refused, Verified
from tikisync.core.recipes.choice import configured
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import PLAIN, RECIPES
from tikisync.core.recipes.verifying import ASYMMETRIC
from tikisync.core.requests import Request
from tikisync.core.verification import misconfiguration, signed_request, verify

TOKENS = [name for name, recipe in RECIPES.items() if recipe.scheme == "token"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_request_of_every_known_sender_verifies(name: str) -> None:
    recipe = recipe_named(name)
    found = verdict(recipe, signed(recipe))
    assert isinstance(found, Verified), found
    assert found.handler.name == "Shop"


@pytest.mark.parametrize("name", RECIPES)
def test_a_request_of_every_known_sender_with_another_secret_is_refused(name: str) -> None:
    recipe = recipe_named(name)
    handler = handler_for(recipe)
    if recipe.scheme in ASYMMETRIC:
        handler = replace(handler, secret=public_pem(new_key(recipe.scheme)))
    else:
        handler = replace(handler, secret="whsec_" + b64encode(b"other").decode())
    assert reason(recipe, signed(recipe), handler) == ("wrong_token" if name in TOKENS else "wrong_signature")


@pytest.mark.parametrize("name", RECIPES)
def test_a_request_of_every_known_sender_without_its_signature_is_refused(name: str) -> None:
    assert reason(recipe_named(name), unsigned()) == "no_signature_header"


def altered(data: st.DataObject, recipe: Recipe, request: Request) -> Request:
    """The request with one bit flipped in its body, its query, or one of the headers that the recipe reads."""
    places = (
        *recipe.signature,
        recipe.timestamp if recipe.judges_time else "",
        recipe.delivery_id if recipe.reads("id") else "",
    )
    read = {
        place.removeprefix("headers.").replace("#", "1").encode() for place in places if place.startswith("headers.")
    }
    texts = {"body": request.body} if recipe.scheme != "token" else {}
    texts |= {name.decode(): value for name, value in request.headers if name in read}
    if recipe.reads("url"):
        texts["query"] = request.query.encode()
    name = data.draw(st.sampled_from(sorted(name for name, text in texts.items() if text)))
    text = bytearray(texts[name])
    bit = data.draw(st.integers(0, 65535)) % (len(text) * 8)  # ECDSA signatures vary in length
    text[bit // 8] ^= 1 << bit % 8
    if name == "body":
        return replace(request, body=bytes(text))
    if name == "query":
        return replace(request, query=text.decode("latin-1"))
    return with_header(request, name, lambda _: bytes(text))


@pytest.mark.parametrize("name", [name for name in RECIPES if "query.secret" not in RECIPES[name].signature])
@settings(max_examples=40)  # the first call makes a key
@given(st.data())
def test_one_flipped_bit_anywhere_refuses(name: str, data: st.DataObject) -> None:
    recipe = configured(handler_for(RECIPES[name]), {"Shop": recipe_named(name)}) or PLAIN
    body = data.draw(st.just(BODY) | st.binary(min_size=1, max_size=60)) if name != "linear" else BODY
    request = signed(recipe, unsigned(body, query="a=1&b=2"))
    assert isinstance(verdict(recipe, request), Verified)
    assert isinstance(verdict(recipe, altered(data, recipe, request)), Refused)


@given(st.integers(0, 8 * len("secret=s3cret") - 1))
def test_one_flipped_bit_of_a_secret_in_the_address_refuses(bit: int) -> None:
    recipe = recipe_named("url-secret")
    handler = replace(handler_for(recipe), secret="s3cret")
    request = signed(recipe, handler=handler)
    query = bytearray(request.query.encode())
    query[bit // 8] ^= 1 << bit % 8
    assert isinstance(verdict(recipe, request, handler), Verified)
    assert isinstance(verdict(recipe, replace(request, query=query.decode("latin-1")), handler), Refused)


@pytest.mark.parametrize("name", ["twilio", "mandrill"])
@given(st.data())
def test_a_flipped_bit_of_a_form_refuses_unless_it_writes_the_same_fields_otherwise(
    name: str, data: st.DataObject
) -> None:
    recipe = recipe_named(name)
    request = signed(recipe, unsigned(FORM, FORM_TYPE))
    original = verdict(recipe, request)
    assert isinstance(original, Verified)
    other = altered(data, recipe, request)
    found = verdict(recipe, other)
    if isinstance(found, Verified):  # %2B became %2b
        assert parse_qsl(other.body) == parse_qsl(FORM)
        assert found.content == original.content  # the dedupe key takes both for one


def in_base64(value: bytes) -> bytes:
    return b"sha256=" + b64encode(bytes.fromhex(value.removeprefix(b"sha256=").decode()))


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("github", lambda value: value.removeprefix(b"sha256="), "wrong_prefix"),
        ("github", lambda value: value.replace(b"sha256=", b"sha1="), "wrong_prefix"),
        ("github", lambda value: b"sha256=" + value[7:].upper(), "wrong_encoding"),
        ("github", in_base64, "wrong_encoding"),
        ("shopify", lambda value: value.rstrip(b"="), "wrong_encoding"),
        ("sendgrid", lambda value: value.hex().encode() + b"0", "wrong_encoding"),
        ("stripe", lambda value: value.replace(b"v1=", b"v0="), "wrong_prefix"),
        ("stripe", lambda value: value.partition(b",")[2], "no_timestamp"),
        ("stripe", lambda value: b"t=1," + value, "no_timestamp"),
        ("stripe", lambda value: value + b",v1=0" * 100, "too_many_signatures"),
        ("standard-webhooks-ed25519", lambda value: b" ".join([value] * 21), "too_many_signatures"),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_signature(
    name: str, change: Callable[[bytes], bytes], expected: str
) -> None:
    recipe = recipe_named(name)
    assert reason(recipe, with_header(signed(recipe), signature_header(recipe), change)) == expected


@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        ("slack", "x-slack-request-timestamp", "no_timestamp"),
        ("svix", "svix-timestamp", "no_timestamp"),
        ("svix", "svix-id", "no_delivery_id"),
        ("paypal", "paypal-transmission-id", "no_delivery_id"),
    ],
)
def test_a_refusal_says_what_is_missing_of_what_is_signed(name: str, header: str, expected: str) -> None:
    recipe = recipe_named(name)
    assert reason(recipe, with_header(signed(recipe), header, lambda _: b"")) == expected


def test_a_detail_shows_no_secret_and_no_signature() -> None:
    for name in RECIPES:
        recipe = recipe_named(name)
        handler = handler_for(recipe)
        request = signed(recipe, unsigned(BODY))
        found = verdict(recipe, replace(request, body=b"other"), handler)
        shown = repr(found)
        assert handler.secret not in shown
        assert all(value.decode("latin-1") not in shown for key, value in request.headers if b"signature" in key)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "square", "public_url": ""}, "no_public_url"),
        ({"name": "paypal", "webhook_id": ""}, "no_webhook_id"),
        ({"name": "github", "algorithm": "whirlpool"}, "unknown_algorithm"),
        ({"name": "github", "encoding": "morse"}, "unknown_verification"),
    ],
)
def test_a_recipe_that_lacks_something_refuses_everything(changes: dict[str, str], expected: str) -> None:
    whole = recipe_named(changes["name"])
    lacking = replace(whole, **{key: value for key, value in changes.items() if key != "name"})  # type: ignore[arg-type]
    assert reason(lacking, signed(whole)) == expected
    found = misconfiguration(handler_for(whole), {"Shop": lacking})
    assert found is not None
    assert found.reason == expected


def test_a_well_made_handler_has_no_misconfiguration() -> None:
    for name in RECIPES:
        recipe = recipe_named(name)
        assert misconfiguration(handler_for(recipe), {"Shop": recipe}) is None


def test_any_of_several_signatures_may_match() -> None:
    stripe, standard, docusign = recipe_named("stripe"), recipe_named("standard-webhooks"), recipe_named("docusign")
    rolled = with_header(signed(stripe), "stripe-signature", lambda value: value.replace(b",", b",v1=00,v0=11,", 1))
    assert isinstance(verdict(stripe, rolled), Verified)
    several = with_header(signed(standard), "webhook-signature", lambda value: b"v1a,AA== v1,AA== " + value + b" v2,x")
    assert isinstance(verdict(standard, several), Verified)
    request = signed(docusign)
    [signature] = [value for name, value in request.headers if name == b"x-docusign-signature-1"]
    numbered = unsigned(BODY, (b"x-docusign-signature-1", b"AAAA"), (b"x-docusign-signature-12", signature))
    assert isinstance(verdict(docusign, numbered), Verified)
    assert reason(docusign, unsigned(BODY, (b"x-docusign-signature-x", signature))) == "no_signature_header"


def test_what_stands_for_the_signed_content_does_not_change_with_how_the_signature_is_written() -> None:
    stripe, sendgrid = recipe_named("stripe"), recipe_named("sendgrid")
    request = signed(stripe)
    padded = with_header(request, "stripe-signature", lambda value: value + b",v1=00")
    one, other = verdict(stripe, request), verdict(stripe, padded)
    assert isinstance(one, Verified)
    assert isinstance(other, Verified)
    assert one.content == other.content
    again = (
        verdict(sendgrid, signed(sendgrid)),
        verdict(sendgrid, signed(sendgrid)),
    )  # ECDSA signs differently each time
    assert [type(each) for each in again] == [Verified, Verified]
    assert again[0] == again[1]
    assert verdict(stripe, signed(stripe, unsigned(b"{}"))) != one


# Anything at all


def test_which_senders_sign_their_delivery_id() -> None:
    signing = {name for name, recipe in RECIPES.items() if recipe.signs_delivery_id}
    assert {"stripe", "svix", "slack", "paypal", "notion"} <= signing
    assert not {"github", "shopify", "telegram", "calendly", "twilio"} & signing


ANYTHING = st.binary(max_size=40)
PLACES = sorted(
    {place for recipe in RECIPES.values() for place in (*recipe.signature, recipe.timestamp, recipe.delivery_id)}
)
HEADER = st.sampled_from([place[8:].replace("#", "3").encode() for place in PLACES if place.startswith("headers.")])
VALUE = ANYTHING | st.sampled_from(
    [b"t=1700000000,v1=00", b"v1,AAAA v1a,AAAA", b"sha256=00", b"1700000000", b"Basic x"]
)
CONTENT_TYPE = st.sampled_from([JSON, FORM_TYPE, (b"content-type", b"\xff;")])


@given(
    st.data(),
    st.lists(st.tuples(HEADER, VALUE), max_size=8),
    CONTENT_TYPE,
    ANYTHING | st.just(b"payload=%7b&a"),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_arbitrary_requests_raise_nothing_but_a_refusal(
    data: st.DataObject,
    headers: list[tuple[bytes, bytes]],
    kind: tuple[bytes, bytes],
    body: bytes,
    path: str,
    query: str,
) -> None:
    recipe = recipe_named(data.draw(st.sampled_from(sorted(RECIPES))))
    request = Request("POST", path, query, (kind, *headers), body, NOW, "")
    assert isinstance(verdict(recipe, request), Refused)


@given(st.sampled_from(sorted(RECIPES)), st.text(max_size=40) | st.sampled_from(["whsec_", "=", "é", "A" * 43 + "="]))
def test_whatever_a_secret_holds_it_verifies_its_own_signature_or_refuses_with_a_reason(name: str, secret: str) -> None:
    recipe = recipe_named(name)
    handler = replace(handler_for(recipe), secret=secret)
    recipes = {"Shop": recipe}
    if wrong := misconfiguration(handler, recipes):
        assert wrong.reason in ("empty_secret", "bad_secret", "bad_key")
        found = verify(signed(recipe), [handler], recipes)
        assert isinstance(found, Refused)
        assert found.reason == wrong.reason
    elif recipe.scheme not in ASYMMETRIC:
        request = signed_request(unsigned(), handler, recipes, "msg_1")
        found = verify(request, [handler], recipes)
        assert isinstance(found, Verified) or secret.encode() != secret.encode().strip(b" \t")


def test_a_request_that_has_an_id_already_is_signed_with_it() -> None:
    recipe = recipe_named("svix")
    request = signed(recipe, unsigned(BODY, (b"svix-id", b"msg_of_mine")))
    assert dict(request.headers)[b"svix-id"] == b"msg_of_mine"
    assert isinstance(verdict(recipe, request), Verified)


def test_which_senders_may_sign_once_for_each_of_several_secrets() -> None:
    several = {name for name, recipe in RECIPES.items() if recipe.holds_several}
    assert several == {
        "stripe", "calendly", "paddle", "svix", "gitlab", "standard-webhooks", "standard-webhooks-ed25519", "docusign",
    }  # fmt: skip
