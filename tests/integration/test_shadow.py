"""``tikisync shadow``: kept and mirrored requests, judged by tikisync and by Tiki's rule here or in a real PHP."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.arrivals import arrival
from tests.databases import TikiDatabase
from tests.integration.test_against_php import Php
from tikisync.cli import program
from tikisync.cli.client import post
from tikisync.config import HandlerSettings, ServerSettings, recipes_of
from tikisync.core.handlers import Handler, Refused
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.refusals import of as refusal_of
from tikisync.core.refusals import written
from tikisync.core.requests import Request
from tikisync.core.verification import sign, signed_request
from tikisync.errors import SetupError, TikisyncError
from tikisync.inbox import deliveries
from tikisync.pipeline import administer
from tikisync.pipeline.shadow import Copy, Shadow
from tikisync.web import mirror, server

BODY = b'{"id": 1}'


def by_name(tiki: TikiDatabase) -> dict[str, Handler]:
    return {each.name: each for each in administer.handlers(tiki)}


def keep(tiki: TikiDatabase, handler: Handler, body: bytes = BODY, **headers: str) -> None:
    """Put a delivery into the inbox that is signed as the handler says."""
    signature = {handler.signature_header.lower(): sign(handler, body)}
    kept = arrival(handler=handler.name, body=body, headers=tuple({**signature, **headers}.items()))
    with tiki.transaction() as tx:
        deliveries.add(tx, [kept._replace(id_key=None, body_key=None)])


@pytest.fixture
def tiki(sqlite_tiki: TikiDatabase) -> TikiDatabase:
    """A Tiki with four deliveries, one of them for a handler that is not SHA-256."""
    handlers = by_name(sqlite_tiki)
    for name in ("Shop", "Forge", "Forge two", "Bank"):
        keep(sqlite_tiki, handlers[name])
    return sqlite_tiki


@pytest.fixture
def config(tiki: TikiDatabase, tmp_path: Path) -> Path:
    file = tmp_path / "config.ini"
    file.write_text(f"[tiki]\nurl = {tiki.url}\n[server]\npublic_url = https://wiki.example\n")
    return file


def shadow(config: Path, *options: str, code: int = 1) -> dict[str, Any]:
    done = CliRunner().invoke(program, ["shadow", "-c", str(config), "--json", *options])
    if isinstance(done.exception, TikisyncError):
        raise done.exception
    assert done.exit_code == code, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture
def copy(tiki: TikiDatabase, tmp_path: Path) -> Iterator[Php]:
    """A copy of the Tiki: its rule in PHP, with the same handlers."""
    if shutil.which("php") is None:
        pytest.skip("php is not installed")
    running = Php(tmp_path, AS_TIKI="1")
    running.knows(list(by_name(tiki).values()))
    yield running
    running.stop()


def test_the_inbox_is_judged_again_and_a_documented_difference_is_explained(config: Path) -> None:
    report = shadow(config, "--replay-inbox")

    assert report["counts"] == {"same": 3, "documented": 1, "real": 0, "left out": 0}
    [only] = report["differences"]
    assert (only["request"], only["difference"]["what"]) == ("delivery 4", "verdict")
    assert only["ours"] == {"accepted": True, "handler": "Bank", "user": "hook"}
    assert "sha512" in only["difference"]["why"]
    shadow(config, "--replay-inbox", "--documented-ok", code=0)
    shadow(config, "--replay-inbox", "--limit", "1", code=1)


def test_a_person_reads_sentences(config: Path) -> None:
    done = CliRunner().invoke(program, ["shadow", "-c", str(config), "--replay-inbox"])

    assert "documented delivery 4: tikisync takes it for Bank (user hook), Tiki refuses it" in done.stdout
    assert "4 requests: 3 judged the same, 1 differ as documented, 0 differ otherwise" in done.stdout


def test_a_copy_in_php_says_the_same_and_is_told_apart_where_its_secrets_are_others(
    config: Path, copy: Php, tiki: TikiDatabase
) -> None:
    assert shadow(config, "--replay-inbox", "--against", copy.url)["counts"]["real"] == 0

    copy.knows([replace(each, secret="another") for each in by_name(tiki).values()])

    report = shadow(config, "--replay-inbox", "--against", copy.url)
    assert report["counts"]["real"] == 3
    assert "has the copy the same handlers" in report["differences"][-1]["difference"]["why"]


def test_what_is_not_whole_is_left_out_with_the_reason(config: Path, tiki: TikiDatabase) -> None:
    handlers = by_name(tiki)
    requests = [
        Request("POST", "/tiki-webhooks.php", "", ((b"x-signature", b"0" * 64),), BODY, 1, "192.0.2.1"),
        Request("POST", "/tiki-webhooks.php", "", ((b"x-signature", b"0"),), b"a" * 40_000, 2, "192.0.2.1"),
        Request("POST", "/tiki-webhooks.php", "", ((b"cookie", b"a=b"),), BODY, 3, "192.0.2.1"),
    ]
    kept = [refusal_of(each, Refused("wrong_signature", ""), list(handlers.values())) for each in requests]
    config.with_suffix(".refused").write_text("".join(f"{written(each)}\n" for each in kept))
    with tiki.transaction() as tx:
        tx.run("DELETE FROM tiki_webhooks WHERE name = 'Forge two'")
    config.write_text(config.read_text() + "[handler Forge]\nrecipe = bearer\n")

    report = shadow(config, "--replay-inbox")

    reasons = " ".join(each["why"] for each in report["left_out"])
    assert "its body was not kept" in reasons
    assert "a secret was taken out of it" in reasons
    assert "Tiki has no handler Forge two any more" in reasons
    assert "its sender shows a secret" in reasons
    assert report["counts"]["same"] == 2


def test_a_copy_that_does_not_answer_or_answers_oddly_is_said(config: Path, tiki: TikiDatabase) -> None:
    shop = by_name(tiki)["Shop"]
    headers = ((shop.header, sign(shop, BODY).encode()),)
    request = Request("POST", "/tiki-webhooks.php", "", headers, BODY, 1, "192.0.2.1")
    odd = Shadow(tiki, {}, {}, ask=lambda _request, _handlers: Copy(500, "oops")).compare("it", request)
    assert odd.difference and "the copy answered 500" in odd.difference.why

    away = shadow(config, "--replay-inbox", "--against", "http://127.0.0.1:9/tiki-webhooks.php")
    assert away["counts"]["left out"] == 4
    assert "nothing answers" in away["left_out"][0]["why"]


def test_the_live_tiki_is_not_asked_unless_told(config: Path) -> None:
    with pytest.raises(SetupError, match="is the live Tiki") as refused:
        shadow(config, "--replay-inbox", "--against", "https://wiki.example/tiki-webhooks.php")

    assert "--live" in refused.value.hint


@pytest.mark.parametrize(
    "options", [(), ("--listen", "x", "--replay-inbox"), ("--listen", "x"), ("--replay-inbox", "--php", "cgi")]
)
def test_options_that_do_not_fit_are_told(config: Path, options: tuple[str, ...]) -> None:
    with pytest.raises(SetupError):
        shadow(config, *options)


def test_a_challenge_is_a_documented_difference(tiki: TikiDatabase) -> None:
    settings = {"Shop": HandlerSettings(recipe=RECIPES["slack"])}
    body = b'{"type": "url_verification", "challenge": "abc"}'
    with tiki.transaction() as tx:
        tx.update("tiki_webhooks", {"name": "Shop"}, {"signatureHeader": "X-Slack-Signature"})
    bare = Request("POST", "/", "", ((b"content-type", b"application/json"),), body, 1_700_000_000_000, "192.0.2.1")

    compared = Shadow(tiki, settings, {}).compare(
        "it", signed_request(bare, by_name(tiki)["Shop"], recipes_of(settings))
    )

    assert compared.difference and compared.difference.is_documented
    assert "challenge" in compared.difference.why
    assert compared.ours.handler == "Shop"


def test_a_delivery_whose_body_has_expired_is_left_out(config: Path, tiki: TikiDatabase) -> None:
    with tiki.transaction() as tx:
        tx.update("tikisync_deliveries", {"delivery_id": 1}, {"status": "done", "due_at": 1})

    assert [each["why"] for each in shadow(config, "--replay-inbox")["left_out"]] == [
        "its body and headers have expired"
    ]


def test_while_webhooks_are_off_nothing_is_compared(config: Path, tiki: TikiDatabase) -> None:
    with tiki.transaction() as tx:
        tx.update("tiki_preferences", {"name": "auth_webhooks"}, {"value": "n"})

    assert shadow(config, "--replay-inbox")["counts"]["left out"] == 4


def test_mirrored_requests_of_any_path_are_taken_and_answered_with_nothing(tiki: TikiDatabase) -> None:
    seen: list[Request] = []
    arrived = threading.Event()

    def take(request: Request) -> None:
        seen.append(request)
        arrived.set()

    with server.listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/wiki/tiki-webhooks.php?a=1"
        running = server.Running(mirror.application(take, ServerSettings()), listener)
        try:
            running.wait_until_ready()
            shop = by_name(tiki)["Shop"]
            assert post(url, BODY, {shop.signature_header: sign(shop, BODY)}) == (204, "")
            assert arrived.wait(10)
        finally:
            running.stop()

    compared = Shadow(tiki, {}, {}).compare("it", seen[0])
    assert (compared.difference, compared.ours, compared.tikis.handler) == (None, compared.tikis, "Shop")
    assert (seen[0].path, seen[0].query) == ("/wiki/tiki-webhooks.php", "a=1")
    with tiki.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tikisync_deliveries") == 4
