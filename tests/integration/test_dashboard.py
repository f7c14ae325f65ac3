"""The dashboard over HTTP: what it lets in, what it shows, what it does, and what it never tells."""

from __future__ import annotations

import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests import dashboards
from tests.dashboards import PASSWORD, Site
from tests.spooling import opened, spooled
from tikisync import inspection
from tikisync.core.verification import sign
from tikisync.database import Database
from tikisync.pipeline import administer

SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def site(sqlite_tiki: Database, tmp_path: Path) -> Iterator[Site]:
    with dashboards.running(sqlite_tiki, tmp_path) as found:
        yield found


@pytest.fixture
def stranger(site: Site) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=site.url, headers=SAME) as client:
        yield client


@pytest.fixture
def admin(stranger: httpx2.Client) -> httpx2.Client:
    answer = stranger.post("/login", data={"login": "ADMIN", "password": PASSWORD, "next": "/tikisync/deliveries"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/tikisync/deliveries?signed_in=")
    return stranger


def status(site: Site, number: int) -> str:
    return administer.delivery(site.database, number)[0].status


def test_without_a_session_every_page_leads_to_the_login_and_shows_nothing(stranger: httpx2.Client) -> None:
    for path in ("/", "/live", "/deliveries", "/deliveries/1", "/refused", "/handlers", "/rules", "/workbench", "/no"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.text) == (303, ""), path
        assert answer.headers["location"].startswith("/tikisync/login?next=/tikisync/")
    assert stranger.post("/deliveries/5/discard").headers["location"] == "/tikisync/login"
    part = stranger.get("/live", headers={"hx-request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/tikisync/login")


def test_a_wrong_login_tells_nobody_which_part_was_wrong(stranger: httpx2.Client) -> None:
    told = set()
    for login, password in (("admin", "wrong"), ("stranger", PASSWORD), ("hook", "wrong"), ("", "")):
        answer = stranger.post("/login", data={"login": login, "password": password})
        assert answer.status_code == 403
        told.update(re.findall(r'role="alert">([^<]+)', answer.text))
        assert "set-cookie" not in answer.headers
        assert PASSWORD not in answer.text
    assert len(told) == 1


def test_too_many_tries_are_told_to_wait(stranger: httpx2.Client) -> None:
    answers = [stranger.post("/login", data={"login": "admin", "password": "wrong"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert "Too many tries" in answers[-1].text


def test_the_session_is_a_cookie_that_scripts_cannot_read_and_leaves_the_machine_by_https_only(
    site: Site, stranger: httpx2.Client
) -> None:
    given = {"login": "admin", "password": PASSWORD}
    here = stranger.post("/login", data=given).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/tikisync/", "Max-Age=28800"} <= set(here.split("; "))
    assert "Secure" not in here
    elsewhere = stranger.post("/login", data=given, headers={"host": "tiki.example"}).headers["set-cookie"]
    assert "Secure" in elsewhere.split("; ")
    behind_a_proxy = stranger.post("/login", data=given, headers={"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert "Secure" in behind_a_proxy.split("; ")


def test_a_browser_that_does_not_keep_the_session_is_told_why(stranger: httpx2.Client) -> None:
    login = stranger.get("/login?next=/tikisync/?signed_in=")
    assert "over https" in login.text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/other", "/tikisync/\\evil", "x"])
def test_the_login_leads_nowhere_else(stranger: httpx2.Client, target: str) -> None:
    answer = stranger.post("/login", data={"login": "admin", "password": PASSWORD, "next": target})
    assert answer.headers["location"] == "/tikisync/?signed_in="


def test_leaving_ends_the_session(admin: httpx2.Client) -> None:
    assert admin.get("/").status_code == 200
    assert admin.post("/logout").status_code == 303
    assert admin.get("/").status_code == 303


def test_a_session_ends_when_tiki_takes_the_rights_away(site: Site, admin: httpx2.Client) -> None:
    with site.database.transaction() as tx:
        tx.update("users_users", {"login": "admin"}, {"waiting": "a"})
    assert admin.get("/").status_code == 303


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site", "origin": "SELF"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "SELF"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_forms_of_other_sites_do_nothing(
    site: Site, admin: httpx2.Client, headers: dict[str, str], allowed: bool
) -> None:
    del admin.headers["sec-fetch-site"]
    own = site.url.removesuffix("/tikisync")
    sent = {name: value.replace("SELF", own) for name, value in headers.items()}
    answer = admin.post("/deliveries/5/discard", headers=sent)
    assert answer.status_code == (303 if allowed else 403)
    assert status(site, 5) == ("discarded" if allowed else "pending")


def test_every_answer_forbids_scripts_and_frames_of_others(admin: httpx2.Client) -> None:
    for path in ("/", "/login", "/static/dashboard.css", "/nothing", "/deliveries/99"):
        headers = admin.get(path).headers
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
        assert headers["cache-control"] == "no-store" or path.startswith("/static")


def test_no_page_has_an_inline_script_or_style(admin: httpx2.Client) -> None:
    for path in (
        "/",
        "/login",
        "/deliveries",
        "/deliveries/1?dry_run=1",
        "/handlers",
        "/rules",
        "/workbench?rule=order",
    ):
        page = admin.get(path).text
        assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", page) == [], path


def test_other_methods_and_boundless_forms_are_refused(admin: httpx2.Client) -> None:
    assert admin.put("/deliveries/1").status_code == 405
    assert admin.post("/workbench", content=b"a=" + b"x" * (5 << 20)).status_code == 413
    for path in ("/deliveries/1/explode", "/deliveries/x/replay", f"/deliveries/{'9' * 5000}/replay"):
        assert admin.post(path).status_code == 404
    assert admin.post("/workbench", content=b"\xff=\xfe" + b"&a=b" * 200).status_code == 200


def test_a_stranger_cannot_make_us_read_much(stranger: httpx2.Client) -> None:
    assert stranger.post("/login", content=b"login=" + b"x" * (17 << 10)).status_code == 413
    assert stranger.post("/workbench", content=b"text=" + b"x" * (17 << 10)).status_code == 303


def test_the_bare_prefix_leads_to_the_front_page(stranger: httpx2.Client) -> None:
    assert stranger.get(str(stranger.base_url).rstrip("/")).headers["location"] == "/tikisync/"


def test_the_front_page_tells_what_waits_in_the_spool(admin: httpx2.Client, site: Site, tmp_path: Path) -> None:
    assert "In the spool" not in admin.get("/").text
    folder = tmp_path / "config.spool"
    spool = opened(folder)
    spool.add([spooled(b"one"), spooled(b"two")])
    spool.finish(spool.oldest(1, 1), [spooled(b"one", reason="wrong_signature")])
    page = admin.get("/").text
    assert re.search(r'<dt>In the spool</dt><dd class="alarm">1</dd>.*oldest .* ago, 1 rejected', page)
    assert "tikisync spool list" in page
    assert "In the spool" in admin.get("/live").text
    (folder / "waiting").unlink()
    (folder / "waiting").mkdir()  # so it cannot be read
    assert "cannot be used" in admin.get("/").text


def test_the_front_page_tells_how_things_stand(admin: httpx2.Client) -> None:
    page = admin.get("/").text
    assert "orderNowhere" in page  # what check finds
    assert re.search(r"<dt>Backlog</dt><dd>1</dd>.*oldest \d+\.\d s ago", page)
    assert re.search(r'<dt>Failed</dt><dd class="alarm">2</dd>', page)
    assert page.count("<rect") >= 3
    live = admin.get("/live").text
    assert "<rect" in live
    assert "<html" not in live


def test_the_front_page_says_that_the_login_will_be_closed(site: Site, admin: httpx2.Client) -> None:
    with site.database.transaction() as tx:
        tx.insert("tiki_preferences", {"name": "auth_method", "value": "ldap"})
    assert any(each.where == "preference auth_method" for each in inspection.check(site.app))
    assert admin.get("/").status_code == 303


def test_the_front_page_says_when_webhooks_are_switched_off(site: Site, admin: httpx2.Client) -> None:
    with site.database.transaction() as tx:
        tx.update("tiki_preferences", {"name": "auth_webhooks"}, {"value": "n"})
    assert "Webhooks are switched off in Tiki" in admin.get("/live").text


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("status=failed", [4, 3]),
        ("handler=Shop&text=A-2", [2]),
        ("text=molten", [3]),
        ("item=0", []),
        ("item=nonsense", [5, 4, 3, 2, 1]),
        ("before=3", [2, 1]),
        ("before=x&status=odd", [5, 4, 3, 2, 1]),
        ("since=2100-01-01T00:00", []),
    ],
)
def test_deliveries_are_found_by_what_is_asked_for(admin: httpx2.Client, query: str, numbers: list[int]) -> None:
    page = admin.get(f"/deliveries?{query}").text
    assert [int(each) for each in re.findall(r'<th scope="row"><a href="/tikisync/deliveries/(\d+)"', page)] == numbers


def test_a_delivery_that_is_done_tells_its_story_with_a_link_to_its_item(admin: httpx2.Client) -> None:
    page = admin.get("/deliveries/1").text
    assert "Verified for handler <strong>Shop</strong>" in page
    assert "Checked again just now: accepted." in page
    assert re.search(
        r'order: created <a href="https://tiki\.example/tiki-view_tracker_item\.php\?itemId=\d+">item \d+</a>', page
    )
    assert "<strong>refund</strong>: its condition does not hold" in page
    assert "&#34;kind&#34;: &#34;order&#34;" in page


def test_secrets_signatures_and_credentials_never_show(site: Site, admin: httpx2.Client) -> None:
    handler = administer.handler(site.database, "Shop")
    shown = "".join(
        admin.get(path).text
        for path in ("/", "/deliveries/1?dry_run=1", "/deliveries", "/handlers", "/rules", "/workbench?delivery=1")
    )
    for secret in (handler.secret, sign(handler, dashboards.order(1)), "very-secret", PASSWORD):
        assert secret not in shown
    assert "authorization" in shown


def test_the_deliveries_of_an_item_are_one_click_away_from_each_of_them(site: Site, admin: httpx2.Client) -> None:
    dashboards.store(site, dashboards.order(1, state="paid"), 1_700_000_000_000)
    site.work()
    found = re.search(r'<a href="/tikisync(/deliveries\?item=\d+)">item \d+</a>', admin.get("/deliveries/6").text)
    assert found
    page = admin.get(found[1]).text
    assert re.findall(r'<th scope="row"><a href="/tikisync/deliveries/(\d+)"', page) == ["6", "1"]


def refuse(site: Site, headers: dict[str, str], body: bytes = b"{}") -> None:
    """Post a request that nobody signed as Tiki's handlers say, and have it kept at once."""
    answer = httpx2.post(site.url.replace("/tikisync", "/tiki-webhooks.php"), content=body, headers=headers)
    assert (answer.status_code, answer.text) == (403, "Webhook not authorized.")
    assert site.app.receiver.refusals
    site.app.receiver.refusals.write()


def test_a_refused_request_says_why_and_what_would_accept_it(site: Site, admin: httpx2.Client) -> None:
    assert "Nothing was refused." in admin.get("/refused").text
    handler = administer.handler(site.database, "Shop")
    other_way = b64decode(sign(handler, b"{}")).hex()  # as "hmac" has it, where Tiki says "base64 hmac"
    refuse(site, {handler.signature_header: other_way, "x-note": "<b>"})
    assert 'href="/tikisync/refused">why?</a>' in admin.get("/live").text
    found = re.search(r'href="/tikisync(/refused/[0-9a-f]{16})"', admin.get("/refused").text)
    assert found
    page = admin.get(found[1]).text
    assert "handler Shop accepts it with the signature header x-shop-signature, verification hmac" in page
    assert "&lt;b&gt;" in page
    assert other_way not in page
    with site.database.transaction() as tx:
        tx.update("tiki_webhooks", {"name": "Shop"}, {"verification": "hmac"})
    assert "this verifies for handler Shop" in admin.get(found[1]).text
    assert admin.get("/refused/0123456789abcdef").status_code == 404


def test_a_refused_request_that_nothing_fits_says_where_to_look(site: Site, admin: httpx2.Client) -> None:
    refuse(site, {"stripe-signature": "t=1,v1=00"})
    refuse(site, {"x-shop-signature": "00"}, administer.handler(site.database, "Shop").secret.encode())
    odd, stripe = re.findall(r'href="/tikisync(/refused/[0-9a-f]{16})"', admin.get("/refused").text)
    assert "Its headers look like those of Stripe" in admin.get(stripe).text
    assert "No handler&#39;s secret fits" in admin.get(stripe).text
    assert "Its body was not kept (it holds the secret of a handler)" in admin.get(odd).text


def test_a_failed_delivery_says_why_and_a_dry_run_says_it_of_now(admin: httpx2.Client) -> None:
    page = admin.get("/deliveries/3?dry_run=1").text
    assert re.search(r'class="note bad">rule order, field orderState: [^<]+<code>[a-z_]+</code>', page)
    assert page.count("molten") == 1  # in the body; errors hold nothing of it
    assert re.search(r'class="note bad" role="alert">[^<]*orderState', page)
    other = admin.get("/deliveries/4").text
    assert "orderNowhere" in other


def test_a_dry_run_shows_the_rows_and_writes_none(site: Site, admin: httpx2.Client) -> None:
    with site.database.transaction() as tx:
        before = tx.all("SELECT * FROM tiki_tracker_items")
    part = admin.get("/deliveries/5?dry_run=1", headers={"hx-request": "true", "hx-target": "dry-run"}).text
    assert "<html" not in part
    assert "a new item of tracker Orders" in part
    assert "tiki_tracker_item_fields" in part
    with site.database.transaction() as tx:
        assert tx.all("SELECT * FROM tiki_tracker_items") == before


def test_a_delivery_of_a_handler_that_has_changed_says_so(site: Site, admin: httpx2.Client) -> None:
    with site.database.transaction() as tx:
        tx.update("tiki_webhooks", {"name": "Shop"}, {"secret": "another"})
    assert "it would be refused" in admin.get("/deliveries/1").text
    with site.database.transaction() as tx:
        tx.update("tiki_webhooks", {"name": "Shop"}, {"name": "Store"})
    assert "no rule is for" not in admin.get("/deliveries/1").text


def test_a_body_that_no_rule_can_read_says_so(site: Site, admin: httpx2.Client) -> None:
    dashboards.store(site, b"{broken", 1_700_000_000_000)
    page = admin.get("/deliveries/6").text
    assert re.search(r'<p class="note bad">[^<]*JSON', page)


def test_a_delivery_that_has_expired_says_since_when_and_offers_nothing(site: Site, admin: httpx2.Client) -> None:
    assert [step.met for step in site.app.retention().steps(0, threading.Event()) if step.met]
    page = admin.get("/deliveries/1").text
    assert "Body, headers and attempts expired at <time" in page
    assert "A repeat of it is still known" in page
    assert not any(word in page for word in ("/1/replay", "Dry run", "Body of the request", "Checked again"))
    assert admin.get("/deliveries/1?dry_run=1", headers={"hx-target": "dry-run"}).text.count("expired at") == 1
    refused = admin.post("/deliveries/1/replay")
    assert "delivery 1 expired at" in refused.text
    assert status(site, 1) == "done"


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]


def test_a_failed_delivery_is_replayed_and_a_pending_one_discarded(
    site: Site, admin: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answer = admin.post("/deliveries/3/replay", follow_redirects=True)
    assert "1 delivery will be applied again." in answer.text
    assert status(site, 3) == "pending"
    assert any("dashboard.replay" in line and "admin" in line for line in logged(caplog))
    assert "1 delivery put aside" in admin.post("/deliveries/5/discard", follow_redirects=True).text
    assert "Nothing was changed" in admin.post("/deliveries/1/discard", follow_redirects=True).text
    assert [status(site, number) for number in (1, 5)] == ["done", "discarded"]


def test_all_that_a_filter_finds_is_replayed_after_a_question(site: Site, admin: httpx2.Client) -> None:
    assert "Replay 2 deliveries?" in admin.get("/deliveries/all/replay?status=failed").text
    assert status(site, 3) == "failed"
    answer = admin.post("/deliveries/all/replay", data={"status": "failed"}, follow_redirects=True)
    assert "2 deliveries will be applied again." in answer.text
    assert [status(site, number) for number in range(1, 6)] == ["done", "ignored", "pending", "pending", "pending"]


def test_handlers_and_rules_are_shown_as_they_are(admin: httpx2.Client) -> None:
    handlers = admin.get("/handlers").text
    assert 'href="https://tiki.example/tiki-admin.php?page=security"' in handlers
    assert "X-Shop-Signature" in handlers
    assert re.search(r"<dt>Secret</dt><dd>set, last used [^<]* ago</dd>", handlers)
    assert "none: Tiki's plain rule" in handlers
    rules = admin.get("/rules").text
    assert "The page cannot be used" not in rules
    assert "when = body.kind == &#39;order&#39;" in rules
    assert "[rule refund] field.orderNowhere" in rules


def test_a_broken_handler_is_told_apart(site: Site, admin: httpx2.Client) -> None:
    with site.database.transaction() as tx:
        tx.update("tiki_webhooks", {"name": "Shop"}, {"secret": ""})
    assert re.search(r'<p class="note bad">[^<]*secret', admin.get("/handlers").text)


RULE = """
[rule new]
handler = Shop
tracker = Orders
key = orderId
field.orderId = body.id
field.orderTotal = {amount: `1`, currency: 'EUR'}
"""


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"text": RULE, "delivery": "5"}, "new: created a new item of tracker Orders"),
        ({"text": RULE, "delivery": "1"}, "new: updated"),
        ({"text": RULE, "body": '{"id": "Z-9"}', "handler": "Shop"}, "Z-9"),
        ({"text": RULE, "body": "id=Z-9", "handler": "Shop", "headers": "nonsense\nX: y"}, "JSON"),
        ({"text": RULE, "body": "{}", "handler": "Shop"}, "key orderId is empty"),
        ({"text": RULE, "body": "{}", "handler": "None"}, "no webhook handler named"),
        ({"text": RULE, "delivery": "99"}, "there is no delivery 99"),
        ({"text": RULE, "delivery": "x"}, "no number of a delivery"),
        ({"text": RULE.replace("body.id", "body."), "delivery": "5"}, "field.orderId"),
        ({"text": RULE.replace("Shop", "Forge"), "delivery": "5"}, "no rule is for handler Shop"),
        ({"text": "", "delivery": "5"}, "Choose a rule"),
    ],
)
def test_the_workbench_shows_what_a_rule_would_do_and_writes_nothing(
    site: Site, admin: httpx2.Client, form: dict[str, str], told: str
) -> None:
    with site.database.transaction() as tx:
        before = tx.all("SELECT * FROM tiki_tracker_items"), tx.all("SELECT * FROM tikisync_deliveries")
    page, part = (
        admin.post("/workbench", data=form),
        admin.post("/workbench", data=form, headers={"hx-target": "result"}),
    )
    assert (page.status_code, part.status_code) == (200, 200)
    assert told in page.text
    assert told in part.text
    assert "<html" not in part.text
    with site.database.transaction() as tx:
        assert before == (tx.all("SELECT * FROM tiki_tracker_items"), tx.all("SELECT * FROM tikisync_deliveries"))


@pytest.mark.parametrize("query", ["", "rule=order", "delivery=2", "rule=refund&delivery=4", "rule=none&delivery=x"])
def test_the_workbench_begins_with_what_was_chosen(admin: httpx2.Client, query: str) -> None:
    page = admin.get(f"/workbench?{query}").text
    assert ("[rule order]" in page) == (query in ("rule=order", "delivery=2"))


def test_trouble_with_the_database_is_told_in_words(site: Site, admin: httpx2.Client) -> None:
    with site.database.transaction() as tx:
        tx.run("DROP TABLE tikisync_attempts")
    answer = admin.get("/deliveries/1")
    assert answer.status_code == 500
    assert "That did not work" in answer.text
    assert "tikisync_attempts" in answer.text
    with site.database.transaction() as tx:
        tx.run("DROP TABLE users_users")
    answer = admin.get("/")
    assert answer.status_code == 500
    assert "users_users" not in answer.text


def test_what_a_sender_sends_is_never_html(site: Site, admin: httpx2.Client) -> None:
    dashboards.store(site, b'{"kind": "order", "id": "<script>alert(1)</script>", "total": 1}', 1_700_000_000_000)
    for path in ("/deliveries/6?dry_run=1", "/deliveries?text=<script>", "/workbench?delivery=6"):
        assert "<script>" not in admin.get(path).text


def test_without_the_setting_there_is_no_dashboard(sqlite_tiki: Database, tmp_path: Path) -> None:
    off = dashboards.CONFIG.replace("enabled = yes", "enabled = no")
    with dashboards.running(sqlite_tiki, tmp_path, off) as site:
        for path in ("", "/", "/login", "/static/htmx.min.js"):
            assert httpx2.get(site.url + path).status_code == 404


def test_metrics_are_told_to_this_machine_only_unless_all_may_read_them(sqlite_tiki: Database, tmp_path: Path) -> None:
    with dashboards.running(sqlite_tiki, tmp_path) as site:
        place = site.url.replace("/tikisync", "/metrics")
        httpx2.post(site.url.replace("/tikisync", "/tiki-webhooks.php"), content=b"{}")
        told = httpx2.get(place).text
        assert httpx2.get(place, headers={"x-forwarded-for": "192.0.2.1"}).status_code == 404
        for line in (
            'tikisync_requests_total{status="403",reason="',
            'tikisync_deliveries{status="pending"} 1\n',
            'tikisync_deliveries{status="failed"} 2\n',
            "tikisync_database_up 1\n",
            "tikisync_webhooks_enabled 1\n",
            'tikisync_receipt_to_done_seconds{quantile="0.95"} ',
            "# TYPE tikisync_requests_total counter\n",
            'tikisync_apply_seconds{quantile="0.5"} ',
            'tikisync_ack_seconds_bucket{le="+Inf"} 1\n',
            "tikisync_ack_seconds_count 1\n",
        ):
            assert line in told, told
        with site.database.transaction() as tx:
            tx.run("DROP TABLE tikisync_deliveries")
        assert "tikisync_database_up 0" in httpx2.get(place).text


def test_a_delivery_that_waits_too_long_is_told_by_readyz_only_where_the_config_asks_for_it(
    sqlite_tiki: Database, tmp_path: Path
) -> None:
    for lag, status_code in (("off", 200), ("1 s", 503), ("1 h", 200)):  # one has been waiting for five seconds
        text = dashboards.CONFIG.replace("metrics =", f"ready_lag = {lag}\nmetrics =")
        with dashboards.running(sqlite_tiki, tmp_path, text) as site:
            assert httpx2.get(site.url.replace("/tikisync", "/readyz")).status_code == status_code


@pytest.mark.parametrize(("who", "status_code"), [("all", 200), ("off", 404)])
def test_the_config_says_who_may_read_the_metrics(
    sqlite_tiki: Database, tmp_path: Path, who: str, status_code: int
) -> None:
    with dashboards.running(sqlite_tiki, tmp_path, dashboards.CONFIG.replace("loopback", who)) as site:
        place = site.url.replace("/tikisync", "/metrics")
        assert httpx2.get(place, headers={"x-forwarded-for": "192.0.2.1"}).status_code == status_code


def test_rules_on_a_page_of_tikis_are_shown_with_its_version_and_what_is_wrong_with_it(
    sqlite_tiki: Database, tmp_path: Path
) -> None:
    page = {"pageName": "TikisyncRules", "pageSlug": "r", "user": "admin", "creator": "admin", "version": 7}
    rule = "[rule paged]\nhandler = Shop\ntracker = Orders\nfield.orderId = body.id\n"
    with sqlite_tiki.transaction() as tx:
        tx.insert("tiki_pages", {**page, "data": rule, "lastModif": 1})
    config = f"{dashboards.CONFIG}\n[rules]\npage = TikisyncRules\n"
    with (
        dashboards.running(sqlite_tiki, tmp_path, config) as site,
        httpx2.Client(base_url=site.url, headers=SAME) as client,
    ):
        client.post("/login", data={"login": "admin", "password": PASSWORD, "next": "/tikisync/"})
        good = client.get("/rules").text
        with sqlite_tiki.transaction() as tx:
            tx.update("tiki_pages", {"pageName": "TikisyncRules"}, {"version": 8, "data": rule + "feild.x = y"})
        broken = client.get("/rules").text
        now = client.get("/").text

    assert "tiki-index.php?page=TikisyncRules" in good
    assert "(version 7)" in good
    assert "[rule paged]" in good
    for text in (broken, now):
        assert "Tiki page TikisyncRules (version 8)" in text
        assert "feild.x (line 5)" in text
    assert "The rules of its version 7 hold." in broken
    assert "[rule paged]" in broken
