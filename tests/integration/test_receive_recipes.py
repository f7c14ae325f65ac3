"""Receiving by recipes: verified as their senders sign, kept without what shows a secret, duplicates known."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from tests.databases import TikiDatabase
from tests.signed_requests import JSON, handler_for, recipe_named, unsigned, with_header
from tikisync.config import HandlerSettings
from tikisync.core.handlers import Handler
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.requests import Request
from tikisync.core.verification import signed_request
from tikisync.database import Database
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.answering import Answer
from tikisync.pipeline.receive import Receiver
from tikisync.tiki import handlers

BODY = b'{"id": "evt_1", "type": "order.paid"}'


@pytest.fixture(params=["tiki", "sqlite_tiki"])
def site(request: pytest.FixtureRequest) -> TikiDatabase:
    database: TikiDatabase = request.getfixturevalue(request.param)
    return database


def set_up(site: TikiDatabase, recipe: Recipe, *secrets: str) -> list[Handler]:
    """Leave Tiki with handlers Shop, Shop 2, … for this recipe, with these secrets or one that fits the recipe."""
    fitting = handler_for(recipe)
    with site.admin.transaction() as tx:
        tx.run("DELETE FROM tiki_webhooks WHERE name <> 'Shop'")
        tx.update("tiki_webhooks", {"name": "Shop"}, {"secret": secrets[0] if secrets else fitting.secret})
        for number, secret in enumerate(secrets[1:], 2):
            tx.insert(
                "tiki_webhooks",
                {
                    "name": f"Shop {number}", "user": "hook", "verification": "hmac", "algo": "sha256",
                    "signatureHeader": "X-Signature", "secret": secret, "created": 1, "lastModif": 1,
                },
            )  # fmt: skip
        return list(handlers.load(tx))


def sent(recipe: Recipe, handler: Handler, body: bytes = BODY, number: str = "1") -> Request:
    return signed_request(unsigned(body), handler, {handler.name: recipe}, number)


def receiver(site: Database, recipe: Recipe, *names: str, **settings: Any) -> Receiver:
    names = names or ("Shop",)
    return Receiver(site, {name: HandlerSettings(recipe=recipe, **settings) for name in names}, {})


def stored(site: TikiDatabase) -> list[Delivery]:
    with site.transaction() as tx:
        found = [deliveries.get(tx, each.delivery_id) for each in deliveries.listing(tx, limit=100)]
    return [each for each in reversed(found) if each]


@pytest.mark.parametrize("name", ["stripe", "slack", "twilio", "standard-webhooks", "shopify", "token"])
def test_a_request_signed_by_a_recipe_is_stored_and_one_of_another_secret_refused(
    site: TikiDatabase, name: str
) -> None:
    recipe = recipe_named(name)
    [shop] = set_up(site, recipe)
    stranger = replace(shop, secret="whsec_" + "QUFB" * 8)
    answers = receiver(site, recipe).receive([sent(recipe, shop), sent(recipe, stranger)])
    assert [(answer.status, answer.text) for answer in answers] == [(200, "ok"), (403, "Webhook not authorized.")]
    assert [(each.handler, each.body) for each in stored(site)] == [("Shop", BODY)]


def test_a_recipe_whose_header_gives_it_away_needs_no_section(site: TikiDatabase) -> None:
    github = recipe_named("github")
    set_up(site, github)
    with site.admin.transaction() as tx:
        named = {"verification": "hmac", "signatureHeader": "X-Hub-Signature-256"}
        tx.update("tiki_webhooks", {"name": "Shop"}, named)
        [shop] = handlers.load(tx)
    [answer] = Receiver(site, {}, {}).receive([sent(github, shop)])
    assert (answer.status, answer.handler) == (200, "Shop")


@pytest.mark.parametrize("name", ["token", "bearer", "basic", "url-secret", "gitlab-token", "telegram", "mailchimp"])
def test_what_shows_its_secret_is_kept_without_it(site: TikiDatabase, name: str) -> None:
    recipe = recipe_named(name)
    [shop] = set_up(site, recipe, "t0ken-of-the-shop")
    request = sent(recipe, shop, b'{"update_id": 1}')
    receiver(site, recipe).receive([replace(request, query="a=1&" + request.query)])
    [kept] = stored(site)
    assert kept.query.rstrip("&") == "a=1"
    assert dict(kept.headers)["content-type"] == "application/json"
    with site.transaction() as tx:
        shown = repr(tx.all("SELECT * FROM tikisync_deliveries"))
    assert "t0ken-of-the-shop" not in shown
    assert "dDBrZW4tb2YtdGhlLXNob3A" not in shown  # the same in base64


def test_credentials_and_cookies_are_never_kept(site: TikiDatabase) -> None:
    recipe = recipe_named("stripe")
    [shop] = set_up(site, recipe)
    private = ((b"authorization", b"Basic eDp5"), (b"cookie", b"session=1"), (b"proxy-authorization", b"Basic eDp5"))
    request = sent(recipe, shop)
    receiver(site, recipe).receive([replace(request, headers=(*request.headers, *private))])
    assert {name for name, _ in stored(site)[0].headers} == {"content-type", "stripe-signature"}


class TestDuplicates:
    def test_a_delivery_is_recognized_by_the_id_in_its_body_when_it_is_sent_again(self, site: TikiDatabase) -> None:
        recipe = recipe_named("stripe")
        [shop] = set_up(site, recipe)
        later = replace(unsigned(BODY), received_at=unsigned().received_at + 60_000)
        again = signed_request(later, shop, {"Shop": recipe})
        receiver(site, recipe).receive([sent(recipe, shop), again, sent(recipe, shop, BODY.replace(b"_1", b"_2"))])
        assert [each.duplicates for each in stored(site)] == [1, 0]

    def test_two_topics_of_one_order_are_two_deliveries_and_each_counts_once(self, site: TikiDatabase) -> None:
        recipe = recipe_named("shopify")
        [shop] = set_up(site, recipe)
        events = [
            with_topic(sent(recipe, shop, number=number), topic)
            for number, topic in (("1", b"orders/create"), ("2", b"orders/paid"), ("3", b"orders/paid"))
        ]
        receiver(site, recipe).receive(events)
        assert [(dict(each.headers)["x-shopify-topic"], each.duplicates) for each in stored(site)] == [
            ("orders/create", 0), ("orders/paid", 1),
        ]  # fmt: skip


def with_topic(request: Request, topic: bytes) -> Request:
    return replace(request, headers=(*request.headers, (b"x-shopify-topic", topic)))


class TestRotation:
    """The old secret stands in the handler Shop, the new one in Shop 2; the sender signs with one or with both."""

    SECRETS = ("the old secret", "the new secret")

    def rotating(self, site: TikiDatabase, recipe: Recipe, *, together: bool = True) -> tuple[Receiver, list[Handler]]:
        found = set_up(site, recipe, *self.SECRETS)
        receiving = receiver(site, recipe, "Shop", "Shop 2")
        receiving.elders = {"Shop": "Shop", "Shop 2": "Shop" if together else "Shop 2"}
        return receiving, found

    def test_both_secrets_verify_and_the_delivery_says_which(self, site: TikiDatabase) -> None:
        recipe = recipe_named("github")
        receiving, (old, new) = self.rotating(site, recipe)
        answers = receiving.receive([sent(recipe, old), sent(recipe, new, b"{}", "2")])
        assert [answer.handler for answer in answers] == ["Shop", "Shop 2"]

    @pytest.mark.parametrize("name", ["stripe", "docusign"])
    def test_one_of_two_signatures_sent_alone_does_not_take_effect_again(self, site: TikiDatabase, name: str) -> None:
        recipe = recipe_named(name)
        receiving, (old, new) = self.rotating(site, recipe)
        one, other = sent(recipe, old), sent(recipe, new)
        answers = receiving.receive([both(name, one, other), other, one])
        assert {answer.status for answer in answers} == {200}
        assert [(each.handler, each.duplicates) for each in stored(site)] == [("Shop", 2)]

    def test_handlers_with_rules_of_their_own_get_what_is_sent_to_each(self, site: TikiDatabase) -> None:
        recipe = recipe_named("stripe")
        receiving, (old, new) = self.rotating(site, recipe, together=False)
        receiving.receive([sent(recipe, old), sent(recipe, new)])
        assert [each.handler for each in stored(site)] == ["Shop", "Shop 2"]

    def test_with_the_old_handler_gone_from_tiki_the_new_one_stands_for_itself(self, site: TikiDatabase) -> None:
        recipe = recipe_named("stripe")
        receiving, (_, new) = self.rotating(site, recipe)
        with site.admin.transaction() as tx:
            tx.delete("tiki_webhooks", {"name": "Shop"})
        receiving.receive([sent(recipe, new), sent(recipe, new)])
        assert [(each.handler, each.duplicates) for each in stored(site)] == [("Shop 2", 1)]


def both(name: str, one: Request, other: Request) -> Request:
    """The request with the signatures of both secrets, as the sender writes them."""
    if name == "docusign":
        second = next(value for key, value in other.headers if key == b"x-docusign-signature-1")
        return replace(one, headers=(*one.headers, (b"x-docusign-signature-2", second)))
    second = dict(other.headers)[b"stripe-signature"].partition(b",")[2]
    return with_header(one, "stripe-signature", lambda value: value + b"," + second)


class TestHandshakes:
    def test_a_signed_challenge_is_answered_and_nothing_kept(self, site: TikiDatabase) -> None:
        recipe = recipe_named("slack")
        [shop] = set_up(site, recipe)
        challenge = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
        [answer, event] = receiver(site, recipe).receive([sent(recipe, shop, challenge), sent(recipe, shop)])
        assert answer.handshake
        assert (answer.status, answer.reason, answer.handler, answer.handshake.body) == (
            200, "handshake", "Shop", b"abc",
        )  # fmt: skip
        assert event == Answer(200, "ok", "received", "Shop")
        assert [each.body for each in stored(site)] == [BODY]

    def test_an_unsigned_challenge_is_refused(self, site: TikiDatabase) -> None:
        recipe = recipe_named("slack")
        set_up(site, recipe)
        [answer] = receiver(site, recipe).receive([unsigned(b'{"type": "url_verification", "challenge": "abc"}')])
        assert (answer.status, answer.handshake) == (403, None)

    def test_a_get_is_a_handshake_or_not_allowed(self, site: TikiDatabase) -> None:
        recipe = recipe_named("dropbox")
        [shop] = set_up(site, recipe)
        get = replace(unsigned(b"", query="challenge=abc"), method="GET")
        signed_get = replace(sent(recipe, shop), method="GET")
        receiving = receiver(site, recipe)
        answers = receiving.receive([get, replace(get, query=""), signed_get])
        assert [answer.status for answer in answers] == [200, 405, 405]
        assert answers[0].handshake
        assert answers[0].handshake.body == b"abc"
        assert stored(site) == []

    def test_with_the_switch_off_no_handshake_is_answered(self, site: TikiDatabase) -> None:
        recipe = recipe_named("dropbox")
        set_up(site, recipe)
        with site.admin.transaction() as tx:
            tx.update("tiki_preferences", {"name": "auth_webhooks"}, {"value": "n"})
        [answer] = receiver(site, recipe).receive([replace(unsigned(b"", query="challenge=abc"), method="GET")])
        assert (answer.status, answer.reason) == (403, "disabled")

    def test_a_secret_that_a_sender_gives_is_told_to_the_log_with_time_and_address(
        self, site: TikiDatabase, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "tikisync")
        notion, dropbox = recipe_named("notion"), recipe_named("dropbox")
        set_up(site, notion)
        receiver(site, notion).receive([unsigned(b'{"verification_token": "secret_abc"}', JSON)])
        receiver(site, dropbox).receive([replace(unsigned(b"", query="challenge=abc"), method="GET")])
        given, answered = [(each.getMessage(), vars(each)["facts"]) for each in caplog.records]
        assert given[0] == "handshake.secret"
        assert given[1] | {"advice": ""} == {
            "handler": "Shop", "client_ip": "192.0.2.7", "received_at": "2023-11-14T22:13:20.000Z",
            "secret": "secret_abc", "advice": "",
        }  # fmt: skip
        assert (answered[0], "secret" in answered[1]) == ("handshake.answered", False)
        assert stored(site) == []


@pytest.mark.parametrize(
    ("name", "takes"), [("dropbox", True), ("mandrill", True), ("slack", False), ("github", False)]
)
def test_get_and_head_are_received_only_where_a_recipe_asks_for_them(name: str, takes: bool) -> None:
    receiving = receiver(Database("sqlite://"), recipe_named(name))
    assert [receiving.answers(method) for method in ("POST", "GET", "HEAD", "PUT")] == [True, takes, takes, False]
