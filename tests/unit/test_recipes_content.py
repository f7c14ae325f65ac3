"""What senders sign beside the body, and in which form; and how Tiki's secret field holds keys."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.signed_requests import (
    BODY,
    FORM,
    FORM_TYPE,
    NOW,
    PATH,
    PUBLIC_URL,
    handler_for,
    new_key,
    private_key,
    public_pem,
    reason,
    recipe_named,
    signed,
    unsigned,
    verdict,
)
from tikisync.core.handlers import Verified
from tikisync.core.recipes.choice import configured
from tikisync.core.recipes.parts import Parts
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.redaction import without_secret
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.verification import misconfiguration, signed_request
from tikisync.errors import SetupError


@pytest.mark.parametrize(
    ("name", "secret", "expected"),
    [
        ("github", "", "empty_secret"),
        ("standard-webhooks", "whsec_", "empty_secret"),
        ("standard-webhooks", "whsec_not base64!", "bad_secret"),
        ("sendgrid", "not a key", "bad_key"),
        ("sendgrid", "-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----", "bad_key"),
        ("sendgrid", public_pem(ec.generate_private_key(ec.SECP384R1())), "bad_key"),
        ("sendgrid", public_pem(new_key("ed25519")), "bad_key"),
        ("standard-webhooks-ed25519", public_pem(new_key("ecdsa")), "bad_key"),
    ],
)
def test_a_secret_that_cannot_be_one_refuses_everything(name: str, secret: str, expected: str) -> None:
    recipe = recipe_named(name)
    handler = replace(handler_for(recipe), secret=secret)
    assert reason(recipe, signed(recipe), handler) == expected
    found = misconfiguration(handler, {"Shop": recipe})
    assert found is not None
    assert (found.reason, found.handler) == (expected, "Shop")


@pytest.mark.parametrize("spaces", ["", "\n "])
@pytest.mark.parametrize("recipe", [None, recipe_named("github"), recipe_named("gitlab-token")])
def test_a_public_key_is_no_secret_to_share(recipe: Recipe | None, spaces: str) -> None:
    pem = public_pem(new_key("ecdsa"))
    for secret in (pem, "".join(pem.splitlines()[1:-1]), public_pem(new_key("rsa")), "whpk_AAAA"):
        handler = replace(handler_for(recipe_named("github")), secret=spaces + secret)
        recipes = {"Shop": recipe} if recipe else {}
        found = misconfiguration(handler, recipes)
        assert found is not None
        assert (found.reason, found.handler) == ("public_secret", "Shop")
        with pytest.raises(SetupError, match="so anybody could sign"):
            signed_request(unsigned(), handler, recipes)


def test_a_weak_rsa_key_is_no_key() -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505  too short on purpose
    weak = replace(handler_for(recipe_named("paypal")), secret=public_pem(key))
    assert reason(recipe_named("paypal"), signed(recipe_named("paypal")), weak) == "bad_key"


def test_any_of_several_public_keys_may_match() -> None:
    recipe = recipe_named("sendgrid")
    old = public_pem(new_key("ecdsa"))
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


# Places


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("headers.x-one", [b"1"]), ("headers.x-empty", []), ("headers.x-none", []), ("query.a", [b"1", b"\xc3\xa9"]),
        ("query.b", []), ("body.events.1.id", [b"7"]), ("body.events.0", []), ("body.events.2", []),
        ("body.events.first", []), ("body.events.999999999999", []), ("body.name", [b"\xc3\xa9"]), ("body.name.id", []),
        ("body.yes", []), ("body.half", []), ("body.empty", []), ("body", []),
    ],
)  # fmt: skip
def test_a_place_holds_the_texts_that_stand_there(place: str, found: list[bytes]) -> None:
    body = '{"events": [{}, {"id": 7}], "name": "é", "yes": true, "half": 0.5, "empty": ""}'.encode()
    request = unsigned(body, (b"x-one", b"1"), (b"x-empty", b""), query="a=1&a=%C3%A9&b=")
    assert Parts(request).at(place) == found


def test_a_body_that_cannot_be_read_holds_nothing() -> None:
    assert Parts(unsigned(b"{")).at("body.id") == []
    assert Parts(unsigned(b"id=7", FORM_TYPE)).at("body.id") == [b"7"]


# Secrets that requests show


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.scheme == "token"])
def test_a_request_is_kept_without_the_token_it_showed(name: str) -> None:
    recipe = configured(handler_for(RECIPES[name]), {"Shop": RECIPES[name]})
    assert recipe is not None
    request = signed(recipe, unsigned(query="a=1&secre%74=s&b="))
    kept = without_secret(request, recipe)
    assert reason(recipe, kept) == "no_signature_header"
    assert (b"content-type", b"application/json") in kept.headers
    assert kept.query == ("a=1&b=" if "query.secret" in recipe.signature else "a=1&secre%74=s&b=")


def test_a_request_that_is_signed_is_kept_whole() -> None:
    request = signed(RECIPES["github"])
    assert without_secret(request, RECIPES["github"]) is request
    assert without_secret(request, None) is request
