"""Signed timestamps are judged by when the request was received; others are not."""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import replace

import pytest

from tests.signed_requests import (
    BODY,
    NOW,
    PATH,
    PUBLIC_URL,
    handler_for,
    reason,
    recipe_named,
    signature_header,
    signed,
    unsigned,
    verdict,
)
from tikisync.core.handlers import Refused, Verified
from tikisync.core.recipes.senders import RECIPES


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
        ("hubspot", "x-hubspot-request-timestamp", "\u0661\u0667".encode()),
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
