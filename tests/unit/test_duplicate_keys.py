"""What makes a request a duplicate of an earlier one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.signed_requests import BODY, handler_for, recipe_named, signed, unsigned, verdict, with_header
from tikisync.config import HandlerSettings
from tikisync.core.handlers import Handler, Verified
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.requests import Request
from tikisync.core.verification import sign, signed_request, verify
from tikisync.pipeline.judging import duplicate_keys

Keys = tuple[bytes | None, bytes | None]
LATER = 60_000  # milliseconds


def keys(duplicates: str, *, delivery_id: str | None = "1", content: bytes = b"c" * 32) -> Keys:
    headers = () if delivery_id is None else ((b"x-delivery", delivery_id.encode()),)
    request = Request("POST", "/tiki-webhooks.php", "", headers, b"{}", 0, "192.0.2.10")
    return duplicate_keys(request, content, HandlerSettings(delivery_id="x-delivery", duplicates=duplicates))


def test_a_delivery_id_alone_tells_duplicates_where_the_admin_says_so() -> None:
    id_key, body_key = keys("id")
    assert (id_key, body_key) == keys("id", content=b"d" * 32)
    assert body_key is None
    assert id_key != keys("id", delivery_id="2")[0]


def test_the_content_tells_duplicates_whatever_the_delivery_id() -> None:
    assert keys("body") == keys("body", delivery_id="2")
    assert keys("body")[0] is None
    assert keys("body") != keys("body", content=b"d" * 32)


def test_both_count_where_the_admin_says_so() -> None:
    assert keys("id+body") == (keys("id")[0], keys("body")[1])


@pytest.mark.parametrize("duplicates", ["id", "id+body"])
@pytest.mark.parametrize("delivery_id", [None, "", " "])
def test_without_a_delivery_id_the_content_counts(duplicates: str, delivery_id: str | None) -> None:
    assert keys(duplicates, delivery_id=delivery_id) == keys("body")


def test_a_handler_without_a_delivery_id_goes_by_the_content() -> None:
    request = Request("POST", "/", "", ((b"", b"no name"),), b"{}", 0, "")
    assert duplicate_keys(request, b"c" * 32, HandlerSettings()) == keys("body")


def test_accepting_duplicates_means_no_key_at_all() -> None:
    assert keys("accept") == (None, None)


def by_recipe(recipe: Recipe, request: Request, settings: HandlerSettings | None = None) -> Keys:
    found = verdict(recipe, request)
    assert isinstance(found, Verified)
    return duplicate_keys(request, found.content, settings or HandlerSettings(), recipe)


def is_duplicate(one: Keys, other: Keys) -> bool:
    return any(first is not None and first == second for first, second in zip(one, other, strict=True))


def later(recipe: Recipe, body: bytes = BODY) -> Request:
    """What the sender sends again, signed a minute later."""
    return signed(recipe, replace(unsigned(body), received_at=unsigned().received_at + LATER))


@pytest.mark.parametrize("duplicates", ["id", "body", "id+body"])
@pytest.mark.parametrize("name", ["stripe", "svix", "paypal", "slack", "shopify", "github", "calendly", "zoom"])
def test_what_is_sent_again_after_trouble_is_a_duplicate(name: str, duplicates: str) -> None:
    recipe, settings = recipe_named(name), HandlerSettings(duplicates=duplicates)
    assert is_duplicate(by_recipe(recipe, signed(recipe), settings), by_recipe(recipe, later(recipe), settings))


@pytest.mark.parametrize("name", ["svix", "standard-webhooks", "gitlab"])
def test_equal_bodies_under_signed_ids_of_their_own_are_no_duplicates(name: str) -> None:
    recipe = recipe_named(name)
    handler = handler_for(recipe)
    one, other = (signed_request(unsigned(), handler, {handler.name: recipe}, number) for number in ("1", "2"))
    assert not is_duplicate(by_recipe(recipe, one), by_recipe(recipe, other))


@pytest.mark.parametrize("duplicates", ["body", "id+body"])
@pytest.mark.parametrize("name", ["github", "shopify", "discourse", "zendesk", "twilio"])
def test_a_new_id_that_is_not_signed_does_not_make_a_replayed_request_new(name: str, duplicates: str) -> None:
    recipe = recipe_named(name)
    one = signed(recipe)
    renumbered = with_header(one, recipe.delivery_id.removeprefix("headers."), lambda _: b"another")
    settings = HandlerSettings(duplicates=duplicates)
    assert is_duplicate(by_recipe(recipe, one, settings), by_recipe(recipe, renumbered, settings))


def test_nor_does_taking_out_an_id_that_is_not_signed() -> None:
    recipe = recipe_named("chatwoot")
    one = signed(recipe)
    without = replace(one, headers=tuple(each for each in one.headers if each[0] != b"x-chatwoot-delivery"))
    assert len(without.headers) == len(one.headers) - 1
    assert is_duplicate(by_recipe(recipe, one), by_recipe(recipe, without))


def test_unless_the_admin_says_that_the_id_alone_counts() -> None:
    recipe, by_id = recipe_named("github"), HandlerSettings(duplicates="id")
    one = signed(recipe)
    renumbered = with_header(one, "x-github-delivery", lambda _: b"another")
    assert not is_duplicate(by_recipe(recipe, one, by_id), by_recipe(recipe, renumbered, by_id))


def test_a_signature_taken_out_of_its_list_is_the_same_delivery_also_where_only_a_signed_id_counts() -> None:
    recipe, by_id = recipe_named("stripe"), HandlerSettings(duplicates="id")
    one = signed(recipe, unsigned(b"{}"))
    padded = with_header(one, "stripe-signature", lambda value: value + b",v1=00")
    assert is_duplicate(by_recipe(recipe, one, by_id), by_recipe(recipe, padded, by_id))


def test_an_id_in_a_header_of_the_admins_choice_is_not_taken_for_the_signed_one() -> None:
    recipe, by_id = recipe_named("stripe"), HandlerSettings(duplicates="id", delivery_id="x-delivery")
    request = replace(signed(recipe), headers=(*signed(recipe).headers, (b"x-delivery", b"1")))
    assert by_recipe(recipe, request, by_id)[1] is None


def test_the_same_body_under_another_topic_is_another_event_where_a_header_holds_the_topic() -> None:
    recipe = recipe_named("shopify", delivery_id="")
    create, paid = (
        replace(signed(recipe), headers=(*signed(recipe).headers, (b"x-shopify-topic", topic)))
        for topic in (b"orders/create", b"orders/paid")
    )
    assert not is_duplicate(by_recipe(recipe, create), by_recipe(recipe, paid))
    assert is_duplicate(by_recipe(recipe, create), by_recipe(recipe, create))
    plain = HandlerSettings(topic="x-shopify-topic")
    assert duplicate_keys(create, b"c" * 32, plain) != duplicate_keys(paid, b"c" * 32, plain)
    assert duplicate_keys(create, b"c" * 32, HandlerSettings()) == duplicate_keys(paid, b"c" * 32, HandlerSettings())


def test_without_its_prefix_a_signature_is_the_same_delivery_where_the_recipe_is_inferred() -> None:
    handler = replace(handler_for(recipe_named("github")), signature_header="X-Hub-Signature-256")
    prefixed, bare = (
        replace(unsigned(), headers=((b"x-hub-signature-256", prefix + sign(handler, BODY).encode()),))
        for prefix in (b"sha256=", b"")
    )
    one, other = (kept(request, handler) for request in (prefixed, bare))
    assert one == other


def kept(request: Request, handler: Handler) -> Keys:
    verdict = verify(request, [handler])
    assert isinstance(verdict, Verified)
    return duplicate_keys(request, verdict.content, HandlerSettings())
