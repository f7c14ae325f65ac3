"""The doctor: what it says of a refused request, and that following its advice lets the request in."""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signed_requests import (
    BODY,
    FORM,
    FORM_TYPE,
    JSON,
    NOW,
    PUBLIC_URL,
    handler_for,
    recipe_named,
    signed,
    unsigned,
)
from tikisync.core.diagnosis import Finding, diagnose, recognised
from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.adjusting import named
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.recipes.verifying import ASYMMETRIC
from tikisync.core.requests import Request
from tikisync.core.verification import NO_RECIPES, verify

SHOP = Handler(1, "Shop", "hook", "hmac", "sha256", "X-Shop-Signature", "a secret")
# Recipes whose requests are just like another's, which is named in their place.
SAME_AS = {"meta": "github", "gitlab": "standard-webhooks", "brevo": "bearer", "brevo-basic": "basic",
           "pipedrive": "basic", "postmark": "basic", "mailchimp": "url-secret"}  # fmt: skip


def finding(request: Request, handler: Handler = SHOP, recipe: Recipe | None = None) -> Finding:
    recipes = {handler.name: recipe} if recipe else NO_RECIPES
    diagnosis = diagnose(request, [handler], recipes, PUBLIC_URL)
    assert isinstance(diagnosis.verdict, Refused)
    [found] = diagnosis.findings
    assert found.handler == handler.name
    assert handler.secret.strip() not in repr(diagnosis)
    return found


def follow(advice: Finding, handler: Handler, request: Request) -> Verified | Refused:
    """Set the handler up as the advice says, and verify the request again."""
    settings = {key.removeprefix("recipe."): value for key, value in advice.settings.items() if key != "recipe"}
    needed = {"verify_token": "x"} if advice.settings["recipe"] == "meta" else {}
    recipe, problems = named(advice.settings["recipe"], {**needed, **settings}, PUBLIC_URL)
    assert problems == []
    return verify(request, [handler], {handler.name: recipe})


def hmac_of(content: bytes, algorithm: str = "sha256", secret: bytes = b"a secret") -> bytes:
    return hmac.digest(secret, content, algorithm)


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"hmac", "token", "paypal"}))
def test_a_sender_is_recognised_and_the_advice_lets_it_in(name: str) -> None:
    recipe = recipe_named(name)
    handler = replace(handler_for(recipe), signature_header="X-Wrong")
    request = signed(recipe, handler=handler)
    advice = finding(request, handler)
    assert advice.settings["recipe"] in (name, SAME_AS.get(name))
    assert (
        f"this verifies as {RECIPES[advice.settings['recipe']].title} with the secret of handler Shop"
        in advice.sentence
    )
    assert isinstance(follow(advice, handler, request), Verified)


def test_a_request_that_verifies_needs_no_advice() -> None:
    diagnosis = diagnose(signed(RECIPES["github"]), [handler_for(RECIPES["github"])], {"Shop": RECIPES["github"]})
    assert isinstance(diagnosis.verdict, Verified)
    assert (diagnosis.findings, diagnosis.senders) == ((), ())


@pytest.mark.parametrize(("name", "sender"), [("typeform", "Typeform"), ("sendgrid", "SendGrid"), ("bearer", "Brevo")])
def test_a_wrong_secret_leaves_only_the_senders_that_write_such_headers(name: str, sender: str) -> None:
    recipe = RECIPES[name]
    diagnosis = diagnose(signed(recipe), [replace(handler_for(recipe), secret="other")])
    assert diagnosis.findings == ()
    assert sender in diagnosis.senders


def test_the_handler_whose_secret_fits_is_named() -> None:
    recipe = recipe_named("typeform")
    right = replace(handler_for(recipe), name="Shop 2026")
    diagnosis = diagnose(signed(recipe, handler=right), [replace(right, name="Shop", secret="other"), right])
    assert [advice.handler for advice in diagnosis.findings] == ["Shop 2026"]


@pytest.mark.parametrize(
    ("written", "verification", "algorithm"),
    [
        (hmac_of(BODY).hex().encode(), "hmac", "sha256"),
        (b64encode(hmac_of(BODY)), "base64 hmac", "sha256"),
        (hmac_of(BODY, "sha1").hex().encode(), "hmac", "sha1"),
        (b64encode(hmac_of(BODY, "sha512")), "base64 hmac", "sha512"),
    ],
)
def test_where_tikis_own_rule_would_do_the_advice_is_for_tikis_handler(
    written: bytes, verification: str, algorithm: str
) -> None:
    handler = replace(SHOP, algo="md5")
    advice = finding(unsigned(BODY, JSON, (b"x-my-signature", written)), handler)
    assert advice.settings == {}
    assert (
        f"signature header x-my-signature, verification {verification}, algorithm {algorithm} in Tiki"
        in advice.sentence
    )
    mended = replace(handler, signature_header="x-my-signature", verification=verification, algo=algorithm)
    assert isinstance(verify(unsigned(BODY, (b"x-my-signature", written)), [mended]), Verified)


@pytest.mark.parametrize(
    ("written", "settings"),
    [
        (b"sha256=" + hmac_of(BODY).hex().encode(), {"recipe.prefix": "sha256="}),
        (b"v1=" + b64encode(hmac_of(BODY)), {"recipe.prefix": "v1=", "recipe.encoding": "base64"}),
        (b64encode(hmac_of(BODY, secret=b"\x00\x01\x02")), {"recipe.key": "base64"}),
    ],
)
def test_an_unknown_sender_with_a_prefix_or_a_coded_secret_is_found(written: bytes, settings: dict[str, str]) -> None:
    handler = replace(SHOP, secret="AAEC" if "recipe.key" in settings else "a secret")
    request = unsigned(BODY, JSON, (b"x-my-signature", written))
    advice = finding(request, handler)
    assert advice.settings.items() >= {"recipe": "hmac", "recipe.signature": "x-my-signature", **settings}.items()
    assert isinstance(follow(advice, handler, request), Verified)


def test_a_secret_to_be_decoded_is_named_as_such() -> None:
    recipe = recipe_named("standard-webhooks", key="text")
    handler = replace(handler_for(recipe), secret="whsec_AAEC")
    advice = finding(signed(recipe, handler=handler), handler, RECIPES["standard-webhooks"])
    assert advice.settings == {"recipe": "standard-webhooks", "recipe.key": "text"}
    assert advice.sentence.endswith("with the secret of handler Shop and recipe.key = text")


def test_a_stale_request_of_the_right_secret_is_said_to_be_stale() -> None:
    recipe = recipe_named("stripe")
    request = replace(signed(recipe), received_at=NOW + 400_000)
    advice = finding(request, handler_for(recipe), recipe)
    assert "but signed 400 s before it arrived" in advice.sentence
    assert advice.settings == {}


@pytest.mark.parametrize(
    ("sent", "arrived", "remark"),
    [
        (b'{"a":1}', b'{"a":1}\n', "without the line break at the end"),
        (b'{"a":1}\n', b'{"a":1}', "with a line break (LF)"),
        (b'{"a":1}\r\n', b'{"a":1}', "with a line break (CR LF)"),
        ('{"a":"é"}'.encode(), b'{\n  "a": "\\u00e9"\n}', "JSON written without spaces"),
    ],
)
def test_a_body_that_was_altered_on_the_way_is_said_to_be(sent: bytes, arrived: bytes, remark: str) -> None:
    recipe = recipe_named("github")
    request = replace(signed(recipe, unsigned(sent)), body=arrived)
    advice = finding(request, handler_for(recipe), recipe)
    assert remark in advice.sentence
    assert advice.sentence.endswith("so something on the way here has altered it")


def test_spaces_around_a_secret_are_found() -> None:
    recipe = recipe_named("github")
    handler = handler_for(recipe)
    advice = finding(signed(recipe), replace(handler, secret=f" {handler.secret}\n"), recipe)
    assert advice.sentence.endswith("without the spaces around the secret")


def test_a_large_body_is_tried_only_as_it_is() -> None:
    recipe = recipe_named("github")
    large = b"[" + b"1," * 600_000 + b"1]"
    request = replace(signed(recipe, unsigned(large)), body=large + b"\n")
    assert diagnose(request, [handler_for(recipe)], {"Shop": recipe}).findings == ()


def test_the_senders_a_request_may_be_of_are_named_with_the_most_telling_first() -> None:
    request = signed(
        RECIPES["jira"],
        unsigned(
            BODY,
            JSON,
            (b"x-hub-signature-256", b"sha256=00"),
            (b"x-github-event", b"push"),
            (b"x-github-delivery", b"1"),
        ),
    )
    names = [recipe.name for recipe in recognised(request)]
    assert names[0] == "github"
    assert {"jira", "meta"} <= set(names)
    assert "intercom" not in names
    assert recognised(unsigned(BODY)) == ()


def test_a_form_of_twilio_is_recognised() -> None:
    recipe = recipe_named("twilio")
    request = signed(recipe, unsigned(FORM, FORM_TYPE), handler=SHOP)
    assert isinstance(follow(finding(request), SHOP, request), Verified)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.sampled_from([b"x-signature", b"stripe-signature", b"content-type"]), st.binary(max_size=20)),
        max_size=3,
    ),
    st.binary(max_size=20),
)
def test_arbitrary_requests_are_diagnosed(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    request = Request("POST", "/tiki-webhooks.php", "", tuple(headers), body, NOW, "")
    assert diagnose(request, [SHOP], NO_RECIPES, PUBLIC_URL).findings == ()


def test_public_keys_are_tried_where_the_handler_has_one() -> None:
    for name in ("sendgrid", "standard-webhooks-ed25519"):
        recipe = recipe_named(name)
        assert recipe.scheme in ASYMMETRIC
        assert finding(signed(recipe), handler_for(recipe)).settings == {"recipe": name}


def test_a_request_from_an_address_that_is_not_allowed_is_told_what_to_allow() -> None:
    recipe = recipe_named("github")
    handler, request = handler_for(recipe), signed(recipe)
    allow = {handler.name: (ip_network("198.51.100.0/24"),)}
    found = diagnose(request, [handler], {handler.name: recipe}, allow=allow)
    assert isinstance(found.verdict, Refused)
    assert found.verdict.reason == "address_not_allowed"
    (finding,) = found.findings
    assert finding.settings == {"allow": "198.51.100.0/24, 192.0.2.7"}
    assert isinstance(
        diagnose(replace(request, client_ip=""), [handler], {handler.name: recipe}, allow=allow).verdict, Verified
    )
