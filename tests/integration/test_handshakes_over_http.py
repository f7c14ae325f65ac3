"""Handshakes over HTTP: what senders ask of the address before they send webhooks to it."""

from __future__ import annotations

import httpx2
import pytest

from tests.integration.test_receive import handler, stored
from tests.integration.test_web import served
from tests.signed_requests import recipe_named
from tikisync.config import HandlerSettings
from tikisync.database import Database

META = HandlerSettings(recipe=recipe_named("meta", verify_token="let me in"))
PATHS = ("/tiki-webhooks.php", "/webhooks/Forge")


def asked(site: Database, settings: HandlerSettings, method: str, path: str, **more: str) -> httpx2.Response:
    with served(site, handlers={"Forge": settings}) as port:
        answer = httpx2.request(method, f"http://127.0.0.1:{port}{path}", **more)  # type: ignore[arg-type]
    assert stored(site) == []
    return answer


@pytest.mark.parametrize("path", PATHS)
def test_a_challenge_in_the_address_is_echoed_as_plain_text_that_no_browser_takes_for_more(
    sqlite_tiki: Database, path: str
) -> None:
    dropbox = HandlerSettings(recipe=recipe_named("dropbox"))
    answer = asked(sqlite_tiki, dropbox, "GET", f"{path}?challenge=%3Cscript%3E")
    assert (answer.status_code, answer.text) == (200, "<script>")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_only_with_the_right_token_does_meta_get_its_challenge_back(sqlite_tiki: Database) -> None:
    query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    answer = asked(sqlite_tiki, META, "GET", f"/tiki-webhooks.php?{query}let%20me%20in")
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert asked(sqlite_tiki, META, "GET", f"/tiki-webhooks.php?{query}guessed").status_code == 405


def test_whoever_looks_with_head_gets_no_body(sqlite_tiki: Database) -> None:
    mandrill = HandlerSettings(recipe=recipe_named("mandrill"))
    answer = asked(sqlite_tiki, mandrill, "HEAD", "/tiki-webhooks.php")
    assert (answer.status_code, answer.content) == (200, b"")
    assert asked(sqlite_tiki, mandrill, "GET", "/tiki-webhooks.php").status_code == 405


def test_a_secret_goes_back_in_the_header_it_came_in(sqlite_tiki: Database) -> None:
    asana = HandlerSettings(recipe=recipe_named("asana"))
    with served(sqlite_tiki, handlers={"Forge": asana}) as port:
        answer = httpx2.post(f"http://127.0.0.1:{port}/tiki-webhooks.php", headers={"X-Hook-Secret": "abc"})
    assert (answer.status_code, answer.headers["x-hook-secret"], answer.text) == (200, "abc", "")


def test_the_worker_is_not_woken_for_a_handshake(sqlite_tiki: Database) -> None:
    told: list[str] = []
    settings = {"Forge": HandlerSettings(recipe=recipe_named("asana"))}
    with served(sqlite_tiki, stored=lambda: told.append("stored"), handlers=settings) as port:
        httpx2.post(f"http://127.0.0.1:{port}/webhooks/Forge", headers={"X-Hook-Secret": "abc"})
    assert told == []


def test_a_handler_without_a_handshake_answers_none(sqlite_tiki: Database) -> None:
    stripe = HandlerSettings(recipe=recipe_named("stripe"))
    assert handler(sqlite_tiki).name == "Forge"
    for method in ("GET", "HEAD"):
        answer = asked(sqlite_tiki, stripe, method, "/tiki-webhooks.php?challenge=abc")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
