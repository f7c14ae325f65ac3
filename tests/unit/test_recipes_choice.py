"""Which recipe a handler is verified by, what several handlers make of a request, and signing by recipes."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signed_requests import (
    BODY,
    NOW,
    handler_for,
    new_key,
    public_pem,
    reason,
    recipe_named,
    signed,
    unsigned,
    verdict,
)
from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.choice import configured, for_handler, inferred
from tikisync.core.recipes.senders import PLAIN, RECIPES
from tikisync.core.verification import signed_request, verify
from tikisync.errors import SetupError

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
    assert verify(request, [handler]) == Verified(handler)


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
        ("sendgrid", public_pem(new_key("ecdsa")), "bad_key"),
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
