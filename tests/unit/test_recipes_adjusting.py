"""Recipes as the config chooses and adjusts them, and what is wrong with a choice."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.recipes.adjusting import ADJUSTABLE, named
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import PLAIN, RECIPES

URL = "https://wiki.example.org"


def problems(name: str, **adjustments: str) -> list[str]:
    return named(name, adjustments, URL)[1]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_chosen_by_its_name(name: str) -> None:
    needed = {"paypal": {"webhook_id": "WH-1"}, "meta": {"verify_token": "let me in"}}.get(name, {})
    recipe, wrong = named(name, needed, URL)
    assert wrong == []
    assert (recipe.name, recipe.public_url) == (name, URL)


def test_the_plain_rule_can_be_chosen_but_not_adjusted() -> None:
    recipe, wrong = named("plain", {}, URL)
    assert (recipe.name, wrong) == ("plain", [])
    [sentence] = problems("plain", prefix="x")
    assert sentence.startswith("recipe.prefix: there is nothing so to adjust")


def test_an_unknown_recipe_is_reported_with_the_known_ones() -> None:
    recipe, [sentence] = named("stirpe", {}, URL)
    assert recipe is PLAIN
    assert "'stirpe'" in sentence
    assert "did you mean stripe?; there are plain, acuity, " in sentence


def test_each_key_adjusts_its_part_of_the_recipe() -> None:
    recipe, wrong = named(
        "hmac",
        {
            "signature": "X-One, headers.X-Two,query.sig", "algorithm": "SHA512/256", "encoding": "base64url",
            "prefix": "'v1 '", "separator": "';'", "content": '"{timestamp};{id};{body}"', "key": "base64",
            "timestamp": "item.t=", "clock": "iso", "tolerance": "5 min", "delivery_id": "X-Id",
            "event_time": "body.at", "topic": "headers.X-Topic", "handshake": "dropbox",
            "url": "https://h.example/x", "webhook_id": "7", "verify_token": "t", "scheme": "hmac",
        },
    )  # fmt: skip
    assert wrong == []
    assert recipe == Recipe(
        "hmac", RECIPES["hmac"].title, ("headers.x-one", "headers.x-two", "query.sig"), algorithm="sha512_256",
        encoding="base64url", prefix="v1 ", separator=";", content=("{timestamp};{id};{body}",), key="base64",
        timestamp="item.t=", clock="iso", tolerance=300_000, delivery_id="headers.x-id", event_time="body.at",
        topic="headers.x-topic", handshake="dropbox", url="https://h.example/x", webhook_id="7", verify_token="t",
    )  # fmt: skip


def test_everything_but_name_and_title_can_be_adjusted() -> None:
    own = {"name", "title", "public_url"}
    assert set(ADJUSTABLE) == {field.name for field in fields(Recipe)} - own


@pytest.mark.parametrize(
    ("key", "text", "right"),
    [
        ("colour", "red", "; there are recipe.signature, recipe.scheme, "),
        ("prefx", "v1=", "; did you mean prefix?"),
        ("algorithm", "crc32", "sha256"),
        ("encoding", "morse", "hex, base64, base64url, text"),
        ("key", "rot13", "text, whsec, base64, hex"),
        ("clock", "sundial", "seconds, milliseconds, iso"),
        ("handshake", "firm", "slack, zoom, "),
        ("tolerance", "5", "such as 5 min"),
        ("tolerance", "0 s", "such as 5 min"),
        ("tolerance", "5 weeks", "such as 5 min"),
        ("delivery_id", "two words", "give a header"),
        ("timestamp", "cookies.t", "give a header"),
        ("signature", "body.signature", "give a header"),
        ("content", "{timestamp}.{bdoy}", "there is no {bdoy}; there are: {body}"),
        ("url", "wiki.example.org", "such as https://www.example.org/"),
        ("url", "ftp://wiki.example.org", "such as https://www.example.org/"),
        ("url", "https://[", "such as https://www.example.org/"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_with_what_would_be_right(key: str, text: str, right: str) -> None:
    [sentence] = problems("github", **{key: text})
    assert sentence.startswith(f"recipe.{key}: ")
    assert right in sentence


@pytest.mark.parametrize(
    ("name", "adjustments", "start"),
    [
        ("github", {"timestamp": "X-Time"}, "recipe.timestamp: it is judged only where it is signed"),
        ("github", {"content": "{timestamp}{body}"}, "recipe.timestamp: it is judged only where it is signed"),
        ("slack", {"timestamp": "item.t="}, "recipe.separator: "),
        ("github", {"content": "{method}"}, "recipe.content: it must hold {body}"),
        ("github", {"encoding": "text"}, "recipe.encoding: text is for tokens"),
        ("hubspot-v1", {"content": "{body}"}, "recipe.content: a plain hash proves nothing without {secret}"),
        ("calendly", {"content": "{id}{timestamp}{body}"}, "recipe.delivery_id: "),
        ("paypal", {}, "recipe.webhook_id: PayPal signs it too"),
        ("meta", {}, "recipe.verify_token: "),
    ],
)
def test_keys_that_do_not_go_together_are_reported(name: str, adjustments: dict[str, str], start: str) -> None:
    [sentence] = problems(name, **adjustments)
    assert sentence.startswith(start)


def test_a_sender_that_signs_the_address_needs_to_know_it() -> None:
    [sentence] = named("square", {})[1]
    assert sentence == "recipe: Square signs the address too; set [server] public_url, or recipe.url here"
    assert named("square", {"url": "https://h.example/"})[1] == []


def test_a_timestamp_in_a_signed_body_needs_no_place_in_the_content() -> None:
    assert problems("github", timestamp="body.sent_at", clock="iso") == []


def test_several_problems_are_reported_at_once() -> None:
    assert len(problems("github", encoding="morse", key="rot13", colour="red")) == 3


@given(st.sampled_from([*RECIPES, "plain", "other"]), st.dictionaries(st.sampled_from([*ADJUSTABLE, "x"]), st.text()))
def test_whatever_a_config_says_is_a_recipe_or_a_problem(name: str, adjustments: dict[str, str]) -> None:
    recipe, wrong = named(name, adjustments)
    assert isinstance(recipe, Recipe)
    assert all(sentence.startswith("recipe") for sentence in wrong)


def test_a_recipe_shows_no_token() -> None:
    assert "let me in" not in repr(named("meta", {"verify_token": "let me in"})[0])
