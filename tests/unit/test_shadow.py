"""Tiki's own choice, and why tikisync's verdict differs from it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request
from tikisync.core.shadow import FPM, MODULE, Difference, difference, fpm_spelling, outcome, tikis_choice
from tikisync.core.verification import sign, signed_request, verify

SHOP = Handler(1, "Shop", "hook", "base64 hmac", "sha256", "X-Shop-Signature", "shop-secret")
FORGE = Handler(2, "Forge", "second", "hmac", "sha256", "X-Signature", "forge-secret")
BODY = b'{"id": 1}'
FORM = (b"content-type", b"multipart/form-data; boundary=x")


def request(*headers: tuple[bytes, bytes], method: str = "POST", name: str | None = None) -> Request:
    return Request(method, "/tiki-webhooks.php", "", headers, BODY, 1_700_000_000_000, "192.0.2.1", name)


def signed(handler: Handler, **more: str) -> Request:
    return request((handler.header, sign(handler, BODY).encode()), **more)


def found(
    of: Request, *handlers: Handler, recipes: Mapping[str, Recipe] | None = None, php: str = FPM, allow: str = ""
) -> Difference | None:
    allowed = {"Shop": [ip_network(allow)]} if allow else {}
    ours = verify(of, handlers, recipes or {}, allowed)
    return difference(of, ours, tikis_choice(of, handlers, php), recipes or {}, php)


def test_where_both_agree_there_is_no_difference() -> None:
    assert found(signed(SHOP), SHOP, FORGE) is None
    assert found(request(), SHOP, FORGE) is None
    assert tikis_choice(signed(FORGE), [SHOP, FORGE]) == FORGE
    assert outcome(FORGE) != outcome(None)


def test_names_of_headers_come_from_php_fpm_in_one_spelling() -> None:
    assert fpm_spelling("webhook-signature") == "Webhook-Signature"
    woo = replace(SHOP, signature_header="X-WC-Webhook-Signature")

    seen = found(signed(woo), woo)

    assert seen and seen.is_documented and "X-Wc-Webhook-Signature" in seen.why
    assert found(signed(woo), woo, php=MODULE) is None


def test_the_handlers_own_algorithm_is_documented_both_ways() -> None:
    bank = replace(SHOP, algo="sha512")
    as_tiki = request((bank.header, sign(SHOP, BODY).encode()))

    for of in (signed(bank), as_tiki):
        seen = found(of, bank)
        assert seen and seen.what == "verdict" and seen.is_documented and "sha512" in seen.why


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (replace(SHOP, user_exists=False), "its user is gone"),
        (replace(SHOP, secret=""), "its secret is empty"),
        (replace(SHOP, secret="whpk_" + "A" * 43 + "="), "public key"),
        (replace(SHOP, algo="md17"), "its algorithm is not known"),
    ],
)
def test_where_tikisync_is_stricter_it_says_why(handler: Handler, why: str) -> None:
    digest = hmac.digest(handler.secret.encode(), BODY, "sha256")
    of = request((handler.header, b64encode(digest)))

    seen = found(of, handler)

    assert tikis_choice(of, [handler]) == handler
    assert seen and seen.is_documented and why in seen.why


def test_addresses_methods_paths_forms_and_challenges_are_documented() -> None:
    of_form = request(FORM, (SHOP.header, sign(SHOP, b"").encode()))
    cases = {
        "allow names other addresses": found(signed(SHOP), SHOP, allow="198.51.100.0/24"),
        "Tiki takes any method": difference(signed(SHOP, method="PUT"), Refused("method", ""), SHOP, {}),
        "its path names the handler": found(signed(SHOP, name="Forge"), SHOP, FORGE),
        "multipart form": found(of_form, SHOP),
        "challenge": difference(request(), "Shop", None, {}),
    }
    for why, seen in cases.items():
        assert seen and seen.is_documented and why in seen.why, why


def test_recipes_are_documented_whether_configured_or_inferred() -> None:
    github = replace(FORGE, signature_header="X-Hub-Signature-256")
    inferred = found(signed_request(request(), github), github)
    assert inferred and inferred.is_documented and "GitHub" in inferred.why

    recipes = {"Shop": RECIPES["stripe"]}
    configured = found(signed_request(request(), SHOP, recipes), SHOP, recipes=recipes)
    assert configured and "recipe = stripe takes the place" in configured.why
    plainly = found(signed(SHOP), SHOP, recipes=recipes)
    assert plainly and plainly.is_documented


def test_another_handler_is_a_difference_and_explained_by_either() -> None:
    twin = replace(SHOP, handler_id=3, name="Twin", user="other")
    first = replace(SHOP, algo="sha512")

    seen = found(signed(SHOP), first, twin)

    assert seen and (seen.what, seen.is_documented) == ("handler", True)


def test_what_nothing_explains_is_no_documented_difference() -> None:
    verified = Verified(SHOP, hashlib.sha256(BODY).digest())

    for seen in (
        difference(request(), verified, None, {}),
        difference(signed(SHOP), Refused("wrong_signature", "", "Shop"), SHOP, {}),
        difference(signed(SHOP), Verified(replace(SHOP, user="other"), b""), SHOP, {}),
    ):
        assert seen and not seen.is_documented and "please report it" in seen.why


@given(
    st.lists(
        st.builds(
            Handler,
            st.integers(1, 9), st.sampled_from("ABC"), st.just("hook"), st.sampled_from(["hmac", "base64 hmac", "odd"]),
            st.sampled_from(["sha256", "sha512", "md17"]), st.sampled_from(["X-Signature", "X-WC-S", "x-gitea"]),
            st.sampled_from(["s", "t", ""]), st.booleans(),
        ),
        max_size=4,
    ),
    st.sampled_from(["s", "t", ""]),
    st.sampled_from(["sha256", "sha512"]),
    st.booleans(),
    st.sampled_from([FPM, MODULE]),
)  # fmt: skip
def test_whatever_differs_is_documented(
    handlers: list[Handler], secret: str, algorithm: str, is_form: bool, php: str
) -> None:
    digest = hmac.new(secret.encode(), BODY, algorithm).hexdigest().encode()
    names = (b"x-signature", b"x-wc-s", b"x-gitea")
    of = request(*((FORM,) if is_form else ()), *((name, digest) for name in names))

    seen = difference(of, verify(of, handlers), tikis_choice(of, handlers, php), {}, php)

    assert seen is None or seen.is_documented, seen
