"""Recipes: every sender's requests verify, nothing else does, and each refusal says why."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes import verifying
from tikisync.core.recipes.choice import configured, for_handler, inferred
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import PLAIN, RECIPES
from tikisync.core.requests import Request
from tikisync.core.verification import misconfiguration, signed_request, verify
from tikisync.errors import SetupError

NOW = 1_700_000_000_000
BODY = b'{"id": "evt_1", "webhookTimestamp": 1700000000000}'
FORM = b"To=%2B15550100&Body=Hello+there&From=%2B15550101"
PUBLIC_URL = "https://wiki.example.org"
PATH = "/tiki-webhooks.php"
ASYMMETRIC = [name for name, recipe in RECIPES.items() if recipe.scheme in verifying.ASYMMETRIC]
UNSIGNED = [name for name, recipe in RECIPES.items() if recipe.scheme == "token"]
JSON = (b"content-type", b"application/json")
FORM_TYPE = (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def private_key(scheme: str) -> PrivateKey:
    if scheme == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1()) if scheme == "ecdsa" else rsa.generate_private_key(65537, 2048)


def private_pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def recipe_named(name: str, **changes: Any) -> Recipe:
    return replace(RECIPES[name], **{"public_url": PUBLIC_URL, "webhook_id": "WH-1", **changes})


def handler_for(recipe: Recipe) -> Handler:
    """The handler as Tiki's admin would make it for a sender: with the secret, token or public key."""
    secret = "whsec_" + b64encode(b"a secret of 24 bytes ...").decode() if recipe.key == "whsec" else "user:a sécret"
    if recipe.scheme in verifying.ASYMMETRIC:
        secret = public_pem(private_key(recipe.scheme))
    return Handler(1, "Shop", "hook", "hmac", "sha256", "X-Signature", secret)


def unsigned(body: bytes = BODY, *headers: tuple[bytes, bytes], query: str = "", path: str = PATH) -> Request:
    return Request("POST", path, query, headers or (JSON,), body, NOW, "192.0.2.7")


def signed(recipe: Recipe, request: Request | None = None, handler: Handler | None = None) -> Request:
    """The request as the sender signs it, with the private key where it has one."""
    handler = handler or handler_for(recipe)
    if recipe.scheme in verifying.ASYMMETRIC:
        handler = replace(handler, secret=private_pem(private_key(recipe.scheme)))
    return signed_request(request or unsigned(), handler, {handler.name: recipe}, "msg_1")


def verdict(recipe: Recipe, request: Request, handler: Handler | None = None) -> Verified | Refused:
    handler = handler or handler_for(recipe)
    return verify(request, [handler], {handler.name: recipe})


def reason(recipe: Recipe, request: Request, handler: Handler | None = None) -> str:
    found = verdict(recipe, request, handler)
    assert isinstance(found, Refused)
    assert found.detail
    return found.reason


def with_header(request: Request, name: str, change: Callable[[bytes], bytes]) -> Request:
    headers = tuple((key, change(value) if key == name.encode() else value) for key, value in request.headers)
    return replace(request, headers=headers)


def signature_header(recipe: Recipe) -> str:
    return recipe.signature[0].removeprefix("headers.").replace("#", "1")


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
    if recipe.scheme in verifying.ASYMMETRIC:
        other = {
            "ed25519": ed25519.Ed25519PrivateKey.generate,
            "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
        }
        key = other[recipe.scheme]() if recipe.scheme in other else rsa.generate_private_key(65537, 2048)
        handler = replace(handler, secret=public_pem(key))
    else:
        handler = replace(handler, secret="whsec_" + b64encode(b"other").decode())
    assert reason(recipe, signed(recipe), handler) == ("wrong_token" if name in UNSIGNED else "wrong_signature")


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
    if recipe.reads("url") or "query.secret" in recipe.signature:
        texts["query"] = request.query.encode()
    name = data.draw(st.sampled_from(sorted(name for name, text in texts.items() if text)))
    text = bytearray(texts[name])
    bit = data.draw(st.integers(0, len(text) * 8 - 1))
    text[bit // 8] ^= 1 << bit % 8
    if name == "body":
        return replace(request, body=bytes(text))
    if name == "query":
        return replace(request, query=text.decode("latin-1"))
    return with_header(request, name, lambda _: bytes(text))


@pytest.mark.parametrize("name", RECIPES)
@given(st.data())
def test_one_flipped_bit_anywhere_refuses(name: str, data: st.DataObject) -> None:
    recipe = recipe_named(name)
    body = data.draw(st.just(BODY) | st.binary(min_size=1, max_size=60)) if name != "linear" else BODY
    request = signed(recipe, unsigned(body, query="a=1&b=2"))
    assert isinstance(verdict(recipe, request), Verified)
    assert isinstance(verdict(recipe, altered(data, recipe, request)), Refused)


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
        assert found.signature == original.signature  # the dedupe key takes both for one


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.judges_time])
@pytest.mark.parametrize(("direction", "expected"), [(1, "stale_timestamp"), (-1, "future_timestamp")])
def test_a_signed_timestamp_too_far_from_the_receipt_is_refused(name: str, direction: int, expected: str) -> None:
    recipe = recipe_named(name)
    request = signed(recipe)
    at_the_limit = replace(request, received_at=NOW + direction * recipe.tolerance)
    assert isinstance(verdict(recipe, at_the_limit), Verified)
    beyond = verdict(recipe, replace(request, received_at=NOW + direction * (recipe.tolerance + 100_000)))
    assert isinstance(beyond, Refused)
    assert beyond.reason == expected
    assert f"{(recipe.tolerance + 100_000) / 1000:g} s" in beyond.detail
    assert f"{recipe.tolerance / 1000:g} s are tolerated" in beyond.detail


def test_a_timestamp_that_is_not_signed_is_not_judged() -> None:
    recipe = recipe_named("shopify")
    request = signed(recipe, unsigned(BODY, (b"x-shopify-triggered-at", b"2001-01-01T00:00:00Z")))
    assert isinstance(verdict(recipe, request), Verified)
    assert not recipe.judges_time


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("slack", "x-slack-request-timestamp", b"yesterday"),
        ("slack", "x-slack-request-timestamp", b"1e9"),
        ("slack", "x-slack-request-timestamp", b"-1700000000"),
        ("slack", "x-slack-request-timestamp", b"1700000000.5"),
        ("slack", "x-slack-request-timestamp", b"9" * 16),
        ("hubspot", "x-hubspot-request-timestamp", "١٧".encode()),
        ("zendesk", "x-zendesk-webhook-signature-timestamp", b"2023-11-14T22:13:20"),
        ("zendesk", "x-zendesk-webhook-signature-timestamp", b"14 Nov 2023"),
    ],
)
def test_a_signed_timestamp_that_cannot_be_read_is_refused(name: str, header: str, value: bytes) -> None:
    recipe = recipe_named(name)
    handler = handler_for(recipe)
    content = {
        "slack": b"v0:" + value + b":" + BODY,
        "hubspot": f"POST{PUBLIC_URL}{PATH}".encode() + BODY + value,
        "zendesk": value + BODY,
    }[name]
    digest = hmac.digest(handler.secret.encode(), content, "sha256")
    signature = b"v0=" + digest.hex().encode() if name == "slack" else b64encode(digest)
    request = unsigned(BODY, (header.encode(), value), (signature_header(recipe).encode(), signature))
    assert reason(recipe, request) == "bad_timestamp"


@pytest.mark.parametrize(
    ("name", "header", "value", "expected"),
    [
        ("github", "x-hub-signature-256", lambda value: value.removeprefix(b"sha256="), "wrong_prefix"),
        ("github", "x-hub-signature-256", lambda value: value.replace(b"sha256=", b"sha1="), "wrong_prefix"),
        ("github", "x-hub-signature-256", lambda value: b"sha256=" + value[7:].upper(), "wrong_encoding"),
        ("github", "x-hub-signature-256", lambda value: b"sha256=" + b64encode(bytes.fromhex(value[7:].decode())), "wrong_encoding"),
        ("shopify", "x-shopify-hmac-sha256", lambda value: value.rstrip(b"="), "wrong_encoding"),
        ("stripe", "stripe-signature", lambda value: value.replace(b"v1=", b"v0="), "wrong_prefix"),
        ("stripe", "stripe-signature", lambda value: value.partition(b",")[2], "no_timestamp"),
        ("stripe", "stripe-signature", lambda value: b"t=1," + value, "no_timestamp"),
        ("stripe", "stripe-signature", lambda value: value + b",v1=0" * 100, "too_many_signatures"),
        ("slack", "x-slack-request-timestamp", lambda _: b"", "no_timestamp"),
        ("svix", "svix-id", lambda _: b"", "no_delivery_id"),
        ("sendgrid", "x-twilio-email-event-webhook-signature", lambda value: value.hex().encode() + b"0", "wrong_encoding"),
        ("standard-webhooks-ed25519", "webhook-signature", lambda value: b" ".join([value] * 21), "too_many_signatures"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong(name: str, header: str, value: Callable[[bytes], bytes], expected: str) -> None:
    recipe = recipe_named(name)
    assert reason(recipe, with_header(signed(recipe), header, value)) == expected


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
    ("name", "secret", "expected"),
    [
        ("github", "", "empty_secret"),
        ("standard-webhooks", "whsec_", "empty_secret"),
        ("standard-webhooks", "whsec_not base64!", "bad_secret"),
        ("sendgrid", "not a key", "bad_key"),
        ("sendgrid", "-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----", "bad_key"),
        ("sendgrid", public_pem(ec.generate_private_key(ec.SECP384R1())), "bad_key"),
        ("sendgrid", public_pem(ed25519.Ed25519PrivateKey.generate()), "bad_key"),
        ("standard-webhooks-ed25519", public_pem(ec.generate_private_key(ec.SECP256R1())), "bad_key"),
    ],
)
def test_a_secret_that_cannot_be_one_refuses_everything(name: str, secret: str, expected: str) -> None:
    recipe = recipe_named(name)
    handler = replace(handler_for(recipe), secret=secret)
    assert reason(recipe, signed(recipe), handler) == expected
    found = misconfiguration(handler, {"Shop": recipe})
    assert found is not None
    assert (found.reason, found.handler) == (expected, "Shop")


def test_a_weak_rsa_key_is_no_key() -> None:
    weak = replace(handler_for(recipe_named("paypal")), secret=public_pem(rsa.generate_private_key(65537, 1024)))
    assert reason(recipe_named("paypal"), signed(recipe_named("paypal")), weak) == "bad_key"


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


def test_any_of_several_public_keys_may_match() -> None:
    recipe = recipe_named("sendgrid")
    old = public_pem(ec.generate_private_key(ec.SECP256R1()))
    handler = replace(handler_for(recipe), secret=old + public_pem(private_key("ecdsa")))
    assert isinstance(verdict(recipe, signed(recipe), handler), Verified)


@pytest.mark.parametrize("spoilt", ["lines", "spaces", "bare"])
def test_a_key_whose_line_breaks_a_form_field_ate_is_still_read(spoilt: str) -> None:
    recipe = recipe_named("sendgrid")
    pem = public_pem(private_key("ecdsa"))
    secret = pem.replace("\n", " " if spoilt == "spaces" else "")
    if spoilt == "bare":
        secret = "".join(pem.splitlines()[1:-1])
    assert isinstance(verdict(recipe, signed(recipe), replace(handler_for(recipe), secret=secret)), Verified)


@pytest.mark.parametrize("writing", ["whpk", "base64", "hex"])
def test_a_bare_ed25519_key_is_read(writing: str) -> None:
    recipe = recipe_named("standard-webhooks-ed25519")
    raw = private_key("ed25519").public_key().public_bytes_raw()  # type: ignore[union-attr]
    secret = {"whpk": "whpk_" + b64encode(raw).decode(), "base64": b64encode(raw).decode(), "hex": raw.hex()}[writing]
    assert isinstance(verdict(recipe, signed(recipe), replace(handler_for(recipe), secret=secret)), Verified)


@pytest.mark.parametrize(
    ("key", "secret"),
    [("hex", "00ff10"), ("base64", "AP8Q"), ("whsec", "whsec_AP8Q"), ("whsec", "AP8Q"), ("base64", " AP8Q\n")],
)
def test_a_secret_is_decoded_as_the_recipe_says(key: str, secret: str) -> None:
    recipe = recipe_named("github", key=key)
    signature = b"sha256=" + hmac.new(b"\x00\xff\x10", BODY, hashlib.sha256).hexdigest().encode()
    request = unsigned(BODY, (b"x-hub-signature-256", signature))
    assert isinstance(verdict(recipe, request, replace(handler_for(recipe), secret=secret)), Verified)


def test_signatures_in_base64_for_urls_verify() -> None:
    recipe = recipe_named("github", encoding="base64url", prefix="")
    assert isinstance(verdict(recipe, signed(recipe)), Verified)
    bare = replace(recipe_named("standard-webhooks-ed25519"), encoding="base64url")
    assert isinstance(verdict(bare, signed(bare)), Verified)
    in_hex = replace(bare, encoding="hex")
    assert isinstance(verdict(in_hex, signed(in_hex)), Verified)
    assert reason(in_hex, signed(bare)) == "wrong_encoding"


def test_what_stands_for_the_signed_content_does_not_change_with_how_the_signature_is_written() -> None:
    stripe, sendgrid = recipe_named("stripe"), recipe_named("sendgrid")
    request = signed(stripe)
    padded = with_header(request, "stripe-signature", lambda value: value + b",v1=00")
    one, other = verdict(stripe, request), verdict(stripe, padded)
    assert isinstance(one, Verified)
    assert isinstance(other, Verified)
    assert one.signature == other.signature
    again = (
        verdict(sendgrid, signed(sendgrid)),
        verdict(sendgrid, signed(sendgrid)),
    )  # ECDSA signs differently each time
    assert [type(each) for each in again] == [Verified, Verified]
    assert again[0] == again[1]
    assert verdict(stripe, signed(stripe, unsigned(b"{}"))) != one


# The address


def test_the_address_is_the_public_one_with_path_and_query() -> None:
    recipe = recipe_named("square", public_url="https://wiki.example.org/tiki/")
    handler = handler_for(recipe)
    url = b"https://wiki.example.org/tiki/webhooks/My%20Shop?x=1&y=%20"
    signature = b64encode(hmac.digest(handler.secret.encode(), url + BODY, "sha256"))
    request = unsigned(BODY, (b"x-square-hmacsha256-signature", signature), path="/webhooks/My Shop", query="x=1&y=%20")
    assert isinstance(verdict(recipe, request), Verified)
    assert reason(recipe, replace(request, query="x=2")) == "wrong_signature"
    assert reason(recipe, replace(request, path="/webhooks/Shop")) == "wrong_signature"


def test_the_address_can_be_given_as_the_sender_knows_it() -> None:
    recipe = recipe_named("square", url="https://hooks.example.org/in?old=1")
    handler = handler_for(recipe)
    signature = b64encode(hmac.digest(handler.secret.encode(), b"https://hooks.example.org/in?k=v" + BODY, "sha256"))
    request = unsigned(BODY, (b"x-square-hmacsha256-signature", signature), query="k=v")
    assert isinstance(verdict(recipe, request), Verified)


@pytest.mark.parametrize(
    ("public_url", "as_signed"),
    [
        ("https://wiki.example.org", "https://wiki.example.org:443"),
        ("http://wiki.example.org", "http://wiki.example.org:80"),
        ("https://wiki.example.org:8443", "https://wiki.example.org"),
        ("https://wiki.example.org", "https://wiki.example.org"),
    ],
)
def test_twilio_may_sign_the_address_with_or_without_its_port(public_url: str, as_signed: str) -> None:
    sender = recipe_named("twilio", public_url=as_signed, content=("{url}{parameters}",))
    request = signed(sender, unsigned(FORM, FORM_TYPE, query="a=https://x:1/"))
    assert isinstance(verdict(recipe_named("twilio", public_url=public_url), request), Verified)


def test_hubspot_signs_some_escaped_characters_as_such() -> None:
    recipe = recipe_named("hubspot")
    handler = handler_for(recipe)
    content = f"POST{PUBLIC_URL}{PATH}?q=a:b/c%20%26".encode() + BODY + str(NOW).encode()
    signature = b64encode(hmac.digest(handler.secret.encode(), content, "sha256"))
    headers = (
        (b"x-hubspot-signature-v3", signature), (b"x-hubspot-request-timestamp", str(NOW).encode()),
    )  # fmt: skip
    request = unsigned(BODY, *headers, query="q=a%3Ab%2fc%20%26")
    assert isinstance(verdict(recipe, request), Verified)


# Bodies that are signed in another form


def test_a_body_that_is_no_form_needs_its_digest_in_twilios_address() -> None:
    recipe = recipe_named("twilio")
    request = signed(recipe)
    assert f"bodySHA256={hashlib.sha256(BODY).hexdigest()}" in request.query
    assert reason(recipe, replace(request, body=b"{}")) == "wrong_signature"
    assert reason(recipe, replace(request, query="")) == "body_not_signed"
    empty = signed(recipe, unsigned(b""))
    assert isinstance(verdict(recipe, empty), Verified)


def test_a_form_that_cannot_be_read_is_not_signed() -> None:
    recipe = recipe_named("twilio")
    request = replace(signed(recipe, unsigned(FORM, FORM_TYPE)), body=b"a=%ff&b=1")
    assert reason(recipe, request) == "body_not_signed"


def test_gitea_signs_the_json_in_its_form() -> None:
    recipe = recipe_named("gitea")
    handler = handler_for(recipe)
    form = b"payload=%7B%22a%22%3A+1%7D"
    signature = hmac.new(handler.secret.encode(), b'{"a": 1}', hashlib.sha256).hexdigest().encode()
    request = unsigned(form, FORM_TYPE, (b"x-gitea-signature", signature))
    assert isinstance(verdict(recipe, request), Verified)
    for body in (form + b"&more=1", b"more=1&" + form, b"payload=%ff", b""):
        assert reason(recipe, replace(request, body=body)) == "body_not_signed"


# Which recipe


def test_tikis_plain_rule_holds_without_a_recipe_and_under_the_name_plain() -> None:
    handler = Handler(1, "Shop", "hook", "hmac", "sha256", "X-Hub-Signature-256", "secret")
    request = signed_request(unsigned(), replace(handler, signature_header="X-Signature"))
    other = replace(handler, signature_header="X-Signature")
    assert for_handler(other, {}) is None
    assert isinstance(verify(request, [other]), Verified)
    github = signed(RECIPES["github"], handler=handler)
    assert isinstance(verify(github, [handler]), Verified)
    assert for_handler(handler, {"Shop": PLAIN}) is None
    assert isinstance(verify(github, [handler], {"Shop": PLAIN}), Refused)


@pytest.mark.parametrize(
    ("header", "algo", "name"),
    [
        ("X-Hub-Signature-256", "sha256", "github"), ("Stripe-Signature", "sha256", "stripe"),
        ("X-Slack-Signature", "sha256", "slack"), ("X-Hub-Signature", "sha256", "jira"),
        ("X-Hub-Signature", "sha1", "intercom"), ("webhook-signature", "sha256", "standard-webhooks"),
        ("X-Hub-Signature-256", "sha1", None), ("X-Hub-Signature-256", "whirlpool", None),
        ("X-Shopify-Hmac-Sha256", "sha256", None), ("X-Gitlab-Token", "sha256", None),
        ("Authorization", "sha256", None), ("X-Twilio-Signature", "sha1", None), ("Linear-Signature", "sha256", None),
    ],
)  # fmt: skip
def test_a_recipe_is_inferred_only_from_a_header_that_tikis_rule_never_serves(
    header: str, algo: str, name: str | None
) -> None:
    handler = Handler(1, "Shop", "hook", "hmac", algo, header, "secret")
    found = inferred(handler)
    assert (found and found.name) == name
    assert for_handler(handler, {}) == found
    assert inferred(replace(handler, verification="plain")) is None


def test_an_inferred_recipe_takes_nothing_from_a_handler_that_tiki_would_choose() -> None:
    forge = Handler(1, "Forge", "first", "hmac", "sha256", "X-Hub-Signature-256", "secret")
    gitea = Handler(2, "Gitea", "second", "hmac", "sha256", "X-Gitea-Signature", "secret")
    request = signed_request(signed(RECIPES["github"], handler=forge), gitea)
    found = verify(request, [forge, gitea])
    assert isinstance(found, Verified)
    assert found.handler is gitea
    assert isinstance(verify(request, [forge]), Verified)


@given(st.binary(max_size=60), st.sampled_from(["X-Hub-Signature-256", "Stripe-Signature", "X-Slack-Signature"]))
def test_what_tikis_rule_accepts_an_inferred_recipe_does_not_refuse(body: bytes, header: str) -> None:
    handler = Handler(1, "Shop", "hook", "hmac", "sha256", header, "secret")
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest().encode()
    request = unsigned(body, (header.lower().encode(), signature))
    assert verify(request, [handler]) == Verified(handler, signature)


def test_a_generic_recipe_takes_from_tiki_what_it_does_not_say() -> None:
    handler = Handler(1, "Shop", "hook", "base64 hmac", "sha512", "X-My-Signature", "secret")
    recipe = replace(RECIPES["hmac"], prefix="v9=", content=("{method} {body}",))
    completed = configured(handler, {"Shop": recipe})
    assert completed is not None
    assert (completed.signature, completed.algorithm) == (("headers.x-my-signature",), "sha512")
    signature = b"v9=" + b64encode(hmac.digest(b"secret", b"POST " + BODY, "sha512"))
    request = unsigned(BODY, (b"x-my-signature", signature))
    assert isinstance(verdict(recipe, request, handler), Verified)
    assert reason(recipe, request, replace(handler, verification="plain")) == "unknown_verification"


def test_a_handler_whose_user_is_gone_ends_the_search_with_a_recipe_too() -> None:
    recipe = recipe_named("github")
    orphan = replace(handler_for(recipe), user_exists=False)
    heir = replace(orphan, handler_id=2, name="Heir", user_exists=True)
    found = verify(signed(recipe), [orphan, heir], {"Shop": recipe, "Heir": recipe})
    assert isinstance(found, Refused)
    assert (found.reason, found.handler) == ("user_missing", "Shop")


def test_rotation_is_a_second_handler_with_the_new_secret() -> None:
    recipe = recipe_named("stripe")
    old = handler_for(recipe)
    new = replace(old, handler_id=2, name="Shop 2026", secret="new secret")
    recipes = {"Shop": recipe, "Shop 2026": recipe}
    for handler in (old, new):
        found = verify(
            signed(recipe, handler=handler) if handler is old else signed_request(unsigned(), new, recipes),
            [old, new],
            recipes,
        )
        assert isinstance(found, Verified)
        assert found.handler is handler


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_refusals_the_one_with_the_right_secret_is_reported(order: int) -> None:
    recipe = recipe_named("stripe")
    right = handler_for(recipe)
    wrong = replace(right, handler_id=2, name="Other", secret="other")
    handlers = [right, wrong][::order]
    late = replace(signed(recipe), received_at=NOW + 10_000_000)
    found = verify(late, handlers, {"Shop": recipe, "Other": recipe})
    assert isinstance(found, Refused)
    assert (found.reason, found.handler) == ("stale_timestamp", "Shop")


def test_the_expected_headers_of_recipes_are_named_where_none_was_sent() -> None:
    plain = Handler(2, "Plain", "hook", "hmac", "sha256", "X-Plain", "secret")
    found = verify(unsigned(), [handler_for(RECIPES["gitea"]), plain], {"Shop": RECIPES["gitea"]})
    assert isinstance(found, Refused)
    assert found.detail.endswith(": X-Plain, x-gitea-signature, x-gogs-signature")


def test_each_secret_algorithm_and_content_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    digest, calls = hmac.digest, []

    def counted(key: bytes, message: bytes, name: str) -> bytes:
        calls.append((key, name))
        return digest(key, message, name)

    header = "X-Hub-Signature-256"
    handlers = [Handler(number, f"H{number}", "hook", "hmac", "sha256", header, "secret") for number in range(5)]
    recipes = {"H1": RECIPES["github"], "H2": RECIPES["meta"], "H3": replace(RECIPES["github"], algorithm="sha512")}
    request = unsigned(BODY, (b"x-hub-signature-256", b"sha256=00"))
    verify(request, handlers, recipes)  # the algorithms are known from here on
    monkeypatch.setattr(hmac, "digest", counted)
    verify(request, handlers, recipes)
    assert calls == [(b"secret", "sha256"), (b"secret", "sha512")]


# Signing


def test_a_signed_request_replaces_older_signatures() -> None:
    recipe = recipe_named("svix")
    request = signed(recipe, signed(recipe, replace(unsigned(), received_at=0)))
    assert len({name for name, _ in request.headers}) == len(request.headers)


@pytest.mark.parametrize(
    ("name", "secret", "expected"),
    [
        ("github", "", "empty_secret"), ("svix", "whsec_!", "bad_secret"), ("sendgrid", "no key", "bad_key"),
        ("sendgrid", public_pem(ec.generate_private_key(ec.SECP256R1())), "bad_key"),
        ("sendgrid", "-----BEGIN PRIVATE KEY-----AAAA-----END PRIVATE KEY-----", "bad_key"),
    ],
)  # fmt: skip
def test_nobody_can_sign_with_a_secret_that_is_none(name: str, secret: str, expected: str) -> None:
    recipe = recipe_named(name)
    with pytest.raises(SetupError, match="Shop") as caught:
        signed_request(unsigned(), replace(handler_for(recipe), secret=secret), {"Shop": recipe})
    assert caught.value.reason == expected


def test_without_a_recipe_a_request_is_signed_by_tikis_rule() -> None:
    handler = Handler(1, "Shop", "hook", "base64 hmac", "sha1", "X-Signature", "secret")
    assert isinstance(verify(signed_request(unsigned(), handler), [handler]), Verified)


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
    elif name not in ASYMMETRIC:
        request = signed_request(unsigned(), handler, recipes, "msg_1")
        found = verify(request, [handler], recipes)
        assert isinstance(found, Verified) or secret.encode() != secret.encode().strip(b" \t")
