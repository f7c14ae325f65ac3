"""With the database away: what the handlers seen last verify is spooled, and stored in order when it is back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import httpx2
import pytest
from sqlalchemy.engine import make_url

from tests.databases import ServerAdmin, TikiDatabase
from tests.end_to_end.program import until
from tests.integration.test_receive import OK, UNAUTHORIZED, change, facts, handler, request, stored, told
from tests.tcp_proxy import Proxy
from tikisync import inspection
from tikisync.app import App, open_app
from tikisync.config import HandlerSettings
from tikisync.core.handlers import Handler
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request
from tikisync.core.verification import signed_request
from tikisync.database import Database
from tikisync.errors import PassingError
from tikisync.inbox import refusals
from tikisync.inbox.refusals import Refusals
from tikisync.inbox.spool import Spool
from tikisync.pipeline import check_spool
from tikisync.pipeline.answering import Answer
from tikisync.pipeline.drain import Drainer
from tikisync.pipeline.receive import Receiver
from tikisync.web import application, server

COME_BACK = (503, "Temporarily unavailable.")
LIMIT = 1 << 20


@dataclass
class Site:
    """A Tiki whose database server can go away, and a process that receives for it."""

    tiki: TikiDatabase
    proxy: Proxy
    folder: Path
    settings: dict[str, HandlerSettings] = field(default_factory=dict)
    limit: int = LIMIT
    refusals: Refusals | None = None
    receipts: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        url = make_url(self.tiki._url).set(host="127.0.0.1", port=self.proxy.port)
        self.database = Database(url, connect_timeout=2)
        self.receiver, self.drainer = self.process()

    def process(self) -> tuple[Receiver, Drainer]:
        """Return the parts of one process."""
        spool = Spool(self.folder, self.limit)
        receiver = Receiver(self.database, self.settings, {}, refusals=self.refusals, spool=spool)
        late = Receiver(self.database, self.settings, {}, refusals=self.refusals)
        drainer = Drainer(late, [receiver], spool, jitter=lambda: 0.5)
        drainer.prepare()
        return receiver, drainer

    def post(self, *bodies: bytes, signed_for: Handler | None = None) -> list[Answer]:
        forge = signed_for or handler(self.tiki)
        return self.receiver.receive([self.received(request(forge, body)) for body in bodies])

    def received(self, request: Request) -> Request:
        return replace(request, receipt=f"r{next(self.receipts)}")

    def drain(self) -> int:
        return self.drainer.drain(threading.Event())

    def bodies(self) -> list[bytes]:
        return [each.body for each in stored(self.tiki)]

    def waiting(self) -> list[bytes]:
        return [each.request.body for each in self.drainer.spool.waiting()]

    def rejected(self) -> list[tuple[bytes, str]]:
        found = self.drainer.spool.rejected()
        return [(each.request.body, each.rejected.reason) for each in found if each.rejected]


@pytest.fixture
def proxy(tiki: TikiDatabase) -> Iterator[Proxy]:
    url = make_url(tiki._url)
    proxy = Proxy(url.host or "127.0.0.1", url.port or 3306)
    yield proxy
    proxy.cut()


@pytest.fixture
def made(tiki: TikiDatabase, proxy: Proxy, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(**more: object) -> Site:
        sites.append(Site(tiki, proxy, tmp_path / "config.spool", **more))  # type: ignore[arg-type]
        return sites[-1]

    yield make
    for site in sites:
        site.database.close()


@pytest.fixture
def site(made: Callable[..., Site]) -> Site:
    return made()


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[Mapping[str, object]]:
    return [facts(record) for record in caplog.records if record.getMessage() == name]


def test_what_the_handlers_seen_last_verify_is_answered_as_ever_and_stored_later_as_it_came(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.proxy.cut()
    assert site.post(b"one", b"two") == [Answer(200, "ok", "spooled", "Forge")] * 2
    assert site.waiting() == [b"one", b"two"]
    [spooled] = events(caplog, "delivery.spooled")
    assert spooled == {"count": 2, "left_out": 0, "handlers": "Forge"}
    with pytest.raises(PassingError):
        site.drain()
    assert site.waiting() == [b"one", b"two"]
    site.proxy.restore()
    assert site.drain() == 2
    assert site.bodies() == [b"one", b"two"]
    assert {(each.received_at, each.client_ip, each.user) for each in stored(site.tiki)} == {
        (1_700_000_000_123, "192.0.2.10", "second")
    }
    assert list(site.folder.iterdir()) == []


def test_a_database_that_hangs_counts_as_away(site: Site) -> None:
    site.receiver.database = site.database.impatient(1)
    assert told(site.post(b"one")) == [OK]
    forge = handler(site.tiki)
    site.proxy.flows.clear()
    assert [each.reason for each in site.post(b"two", signed_for=forge)] == ["spooled"]
    site.proxy.flows.set()
    assert site.drain() == 1
    assert site.bodies() == [b"one", b"two"]
    site.receiver.database.close()


def test_a_lock_that_is_not_to_be_had_does_not_count_as_away(
    site: Site, tiki: TikiDatabase, server_admin: ServerAdmin
) -> None:
    site.post(b"one")
    site.database.close()  # connections take the server's setting when they are made
    server_admin.run("SET GLOBAL innodb_lock_wait_timeout = 1")
    try:
        with tiki.admin.transaction() as tx:
            tx.run("UPDATE tikisync_deliveries SET duplicates = 1")
            assert site.post(b"one") == [Answer(*COME_BACK, "conflict")]
    finally:
        server_admin.run("SET GLOBAL innodb_lock_wait_timeout = DEFAULT")
    assert site.waiting() == []
    assert site.post(b"one") == [Answer(200, "ok", "received", "Forge")]


def test_a_conflict_that_passes_is_not_noticed(site: Site, server_admin: ServerAdmin, tiki: TikiDatabase) -> None:
    site.post(b"one")
    site.database.close()
    server_admin.run("SET GLOBAL innodb_lock_wait_timeout = 1")
    try:
        with tiki.admin.transaction() as tx, ThreadPoolExecutor() as pool:
            tx.run("UPDATE tikisync_deliveries SET duplicates = 1")
            answers = pool.submit(site.post, b"one")
            time.sleep(1.5)  # the first try gives up, the second comes through
            tx._session.connection.rollback()
            assert answers.result(30) == [Answer(200, "ok", "received", "Forge")]
    finally:
        server_admin.run("SET GLOBAL innodb_lock_wait_timeout = DEFAULT")


def test_what_comes_while_others_wait_lines_up_behind_them(site: Site) -> None:
    site.proxy.cut()
    site.post(b"one")
    site.proxy.restore()
    assert told(site.post(b"two")) == [OK]
    assert site.bodies() == []
    assert site.drain() == 2
    assert told(site.post(b"three")) == [OK]
    assert site.bodies() == [b"one", b"two", b"three"]


def test_what_would_line_up_behind_the_last_ones_is_stored_directly_once_those_are(site: Site) -> None:
    site.proxy.cut()
    site.post(b"one")
    site.proxy.restore()
    answers: list[Answer] = []
    with site.drainer.spool.locked():
        thread = threading.Thread(target=lambda: answers.extend(site.post(b"two")))
        thread.start()
        assert site.drain() == 1
        thread.join(0.2)
        assert answers == []
    thread.join()
    assert answers == [Answer(200, "ok", "received", "Forge")]
    assert site.bodies() == [b"one", b"two"]


def test_another_process_stores_nothing_newer_before_it_either(site: Site) -> None:
    other, drainer = site.process()
    site.proxy.cut()
    site.post(b"one")
    site.proxy.restore()
    assert told(other.receive([site.received(request(handler(site.tiki), b"two"))])) == [OK]
    assert site.bodies() == []
    assert drainer.drain(threading.Event()) == 2
    assert site.bodies() == [b"one", b"two"]
    assert site.drain() == 0


def test_what_does_not_verify_is_told_to_come_back_for_the_handlers_may_have_changed(site: Site) -> None:
    forge = handler(site.tiki)
    site.proxy.cut()
    forged = replace(request(forge), body=b"altered")
    answers = site.receiver.receive([forged, request(forge), request(None), replace(request(None), method="GET")])
    assert [each.status for each in answers] == [503, 200, 503, 503]
    assert [each.reason for each in answers] == ["database_away", "spooled", "database_away", "database_away"]
    assert len(site.waiting()) == 1


def test_an_answer_that_is_no_delivery_is_not_spooled(made: Callable[..., Site]) -> None:
    site = made(settings={"Forge": HandlerSettings(recipe=RECIPES["asana"])})
    shake = Request("POST", "/tiki-webhooks.php", "", ((b"x-hook-secret", b"a-secret"),), b"{}", 1, "192.0.2.10")
    assert [each.reason for each in site.receiver.receive([shake])] == ["handshake"]
    site.proxy.cut()
    assert told(site.receiver.receive([shake])) == [COME_BACK]
    assert not site.drainer.spool.waits()


class TestNotSpooled:
    def test_without_a_spool_senders_are_told_to_come_back(self, site: Site) -> None:
        site.receiver.spool = None
        site.proxy.cut()
        assert told(site.post(b"one")) == [COME_BACK]

    def test_while_no_handlers_were_ever_seen(self, site: Site) -> None:
        site.receiver.seen = None
        site.proxy.cut()
        assert site.post(b"one") == [Answer(*COME_BACK, "none_seen")]

    def test_while_the_switch_was_off_when_it_was_seen_last(self, site: Site) -> None:
        change(site.tiki, "UPDATE tiki_preferences SET value = 'n' WHERE name = 'auth_webhooks'")
        assert [each.reason for each in site.post(b"one")] == ["disabled"]
        site.proxy.cut()
        assert told(site.post(b"two")) == [COME_BACK]
        assert not site.receiver.can_spool

    def test_a_deleted_handler_s_once_that_was_seen(self, site: Site) -> None:
        forge = handler(site.tiki)
        change(site.tiki, "DELETE FROM tiki_webhooks WHERE name = 'Forge'")
        assert told(site.post(b"one", signed_for=forge)) == [UNAUTHORIZED]
        site.proxy.cut()
        assert told(site.post(b"two", signed_for=forge)) == [COME_BACK]

    def test_what_has_no_room(self, made: Callable[..., Site], caplog: pytest.LogCaptureFixture) -> None:
        site = made(limit=1700)
        site.proxy.cut()
        answers = site.post(b"a" * 300, b"b" * 300, b"c" * 300)
        assert [each.reason for each in answers] == ["spooled", "spooled", "spool_full"]
        assert told(answers)[-1] == COME_BACK
        assert told(site.post(b"d" * 300)) == [COME_BACK]
        assert len(events(caplog, "spool.full")) == 2
        site.proxy.restore()
        site.drain()
        assert site.bodies() == [b"a" * 300, b"b" * 300]

    def test_where_the_folder_cannot_be(self, made: Callable[..., Site], tmp_path: Path) -> None:
        (tmp_path / "config.spool").write_text("a file")
        site = made()
        assert told(site.post(b"one")) == [OK]
        site.proxy.cut()
        assert [(each.status, each.reason) for each in site.post(b"two")] == [(503, "spool_unusable")]

    def test_what_an_admin_has_to_mend_is_no_passing_trouble(self, site: Site) -> None:
        with site.tiki.admin.transaction() as tx:
            tx.run("DROP TABLE tikisync_deliveries")
        assert [(each.status, each.reason) for each in site.post(b"one")] == [(503, "database_incomplete")]
        assert not site.drainer.spool.waits()


class TestVerifiedAgain:
    def test_what_does_not_verify_any_more_is_kept_aside_with_the_reason_and_can_be_retried(
        self, made: Callable[..., Site], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept = Refusals(tmp_path / "refused", 10)
        site = made(refusals=kept)
        shop, forge = handler(site.tiki, "Shop"), handler(site.tiki)
        site.proxy.cut()
        site.post(b"one")
        site.post(b"two", signed_for=shop)
        change(site.tiki, "UPDATE tiki_webhooks SET secret = 'renewed' WHERE name = 'Forge'")
        site.proxy.restore()
        assert site.drain() == 2
        assert site.bodies() == [b"two"]
        assert site.rejected() == [(b"one", "wrong_signature")]
        [told_of] = events(caplog, "spool.rejected")
        assert (told_of["reason"], told_of["handler"]) == ("wrong_signature", "Forge")
        kept.write()
        assert [each.refused.reason for each in refusals.stored(tmp_path / "refused")] == ["wrong_signature"]
        assert [each.level for each in check_spool.check(site.drainer.spool)] == ["error"]
        change(site.tiki, "UPDATE tiki_webhooks SET secret = :old WHERE name = 'Forge'", old=forge.secret)
        assert site.drainer.spool.retry() == 1
        assert site.drain() == 1
        assert (site.bodies(), site.rejected()) == ([b"two", b"one"], [])

    def test_the_user_is_the_one_the_handler_has_by_then(self, site: Site) -> None:
        site.proxy.cut()
        site.post(b"one")
        change(site.tiki, "UPDATE tiki_webhooks SET `user` = 'admin' WHERE name = 'Forge'")
        site.proxy.restore()
        site.drain()
        assert [each.user for each in stored(site.tiki)] == ["admin"]

    def test_with_the_switch_off_by_then_they_are_kept_aside(self, site: Site) -> None:
        site.proxy.cut()
        site.post(b"one")
        change(site.tiki, "UPDATE tiki_preferences SET value = 'n' WHERE name = 'auth_webhooks'")
        site.proxy.restore()
        site.drain()
        assert (site.bodies(), site.rejected()) == ([], [(b"one", "disabled")])
        assert [each.reason for each in site.post(b"two")] == ["disabled"]

    def test_a_signed_timestamp_is_judged_by_when_the_request_came(self, made: Callable[..., Site]) -> None:
        settings = {"Forge": HandlerSettings(recipe=RECIPES["stripe"])}
        site = made(settings=settings)
        forge = replace(handler(site.tiki), signature_header="Stripe-Signature")
        change(site.tiki, "UPDATE tiki_webhooks SET signatureHeader = 'Stripe-Signature' WHERE name = 'Forge'")
        site.receiver.keep([])
        plain = replace(request(None, b"{}"), received_at=1_600_000_000_000)  # years before it is drained
        sent = signed_request(plain, forge, {"Forge": RECIPES["stripe"]})
        site.proxy.cut()
        late = replace(sent, received_at=sent.received_at + 3_600_000)
        assert [each.status for each in site.receiver.receive([sent, late])] == [200, 503]
        site.proxy.restore()
        assert site.drain() == 1
        assert [each.received_at for each in stored(site.tiki)] == [1_600_000_000_000]

    def test_one_that_became_a_handshake_is_kept_aside(self, made: Callable[..., Site]) -> None:
        site = made()
        forge = handler(site.tiki)
        sent = request(forge, b'{"type": "url_verification", "challenge": "c"}')
        site.proxy.cut()
        assert told(site.receiver.receive([sent])) == [OK]
        slack = replace(RECIPES["hmac"], handshake="slack")
        site.drainer.receiver.handlers = {"Forge": HandlerSettings(recipe=slack)}
        site.proxy.restore()
        site.drain()
        assert [reason for _, reason in site.rejected()] == ["handshake"]

    def test_what_the_database_cannot_hold_or_a_bug_is_met_by_is_kept_aside_alone(
        self, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Buggy(dict[str, HandlerSettings]):
            def get(self, key: str, default: object = None) -> HandlerSettings:
                if key == "Shop":
                    raise ZeroDivisionError
                return HandlerSettings()

        forge, shop = handler(site.tiki), handler(site.tiki, "Shop")
        sent = [request(forge, b"%d" % number) for number in range(5)]
        sent[1] = replace(sent[1], path="/webhooks/" + "x" * 70_000, handler_name=None)
        sent[3] = request(shop, b"3")
        site.proxy.cut()
        assert told(site.receiver.receive(sent)) == [OK] * 5
        site.drainer.receiver.handlers = Buggy()
        site.proxy.restore()
        assert site.drain() == 5
        assert site.bodies() == [b"0", b"2", b"4"]
        assert site.rejected() == [(b"1", "value_refused"), (b"3", "internal")]
        assert [record.getMessage() for record in caplog.records if record.exc_info] == ["bug"]


class TestOnceOnly:
    def died_before_forgetting(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """Drain, and die after the commit."""

        class KilledError(BaseException):
            pass

        def die(*_: object) -> int:
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(site.drainer.spool, "finish", die)
            with pytest.raises(KilledError):
                site.drain()
        assert site.waiting() == site.bodies()

    @pytest.mark.parametrize("duplicates", ["id+body", "accept"])
    def test_a_drain_that_died_half_way_is_repeated_without_effect(
        self, made: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, duplicates: str
    ) -> None:
        site = made(settings={"Forge": HandlerSettings(duplicates=duplicates)})
        site.proxy.cut()
        bodies = [b"same", b"same"] if duplicates == "accept" else [b"one", b"two"]
        site.post(*bodies)
        site.proxy.restore()
        self.died_before_forgetting(site, monkeypatch)
        assert site.drain() == 2
        assert site.bodies() == bodies
        assert not site.drainer.spool.waits()

    def test_a_commit_whose_answer_was_lost_and_is_spooled_counts_once(self, made: Callable[..., Site]) -> None:
        site = made(settings={"Forge": HandlerSettings(duplicates="accept")})
        sent = site.received(request(handler(site.tiki)))
        site.receiver.keep([sent])  # the commit happened …
        site.proxy.cut()
        assert told(site.receiver.receive([sent])) == [OK]  # … and nobody knows
        site.proxy.restore()
        site.drain()
        assert len(stored(site.tiki)) == 1

    def test_many_are_drained_in_steps_and_in_order(self, site: Site) -> None:
        site.proxy.cut()
        for start in range(0, 600, 100):
            site.post(*[b"%d" % number for number in range(start, start + 100)])
        site.proxy.restore()
        assert site.drain() == 600
        assert site.bodies() == [b"%d" % number for number in range(600)]

    def test_a_database_that_goes_away_amid_draining_loses_and_doubles_nothing(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.proxy.cut()
        for start in range(0, 600, 100):
            site.post(*[b"%d" % number for number in range(start, start + 100)])
        site.proxy.restore()
        finish = site.drainer.spool.finish

        def cut(*arguments: object) -> int:
            site.proxy.cut()
            return finish(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(site.drainer.spool, "finish", cut)
        with pytest.raises(PassingError):
            site.drain()
        assert len(site.waiting()) == 600 - 256
        assert site.drainer.spool.standing().waiting == 600 - 256
        site.proxy.restore()
        monkeypatch.undo()
        assert site.drain() == 600 - 256
        assert site.bodies() == [b"%d" % number for number in range(600)]


def test_the_drain_goes_on_by_itself_wakes_the_worker_and_lets_new_ones_through_directly(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tikisync")
    woken, stop = threading.Event(), threading.Event()
    site.drainer.stored = woken.set
    thread = threading.Thread(target=site.drainer.run, args=(stop,))
    thread.start()
    try:
        site.proxy.cut()
        assert told(site.post(b"one")) == [OK]
        until(lambda: events(caplog, "spool.not_drained"))
        assert not woken.is_set()
        site.proxy.restore()
        until(lambda: not site.drainer.spool.waits())
        assert woken.wait(10)  # told just after the file has gone
        assert [each.reason for each in site.post(b"two")] == ["received"]
    finally:
        stop.set()
        thread.join()
    assert site.bodies() == [b"one", b"two"]
    assert [each["count"] for each in events(caplog, "spool.drained")] == [1]


def test_a_bug_does_not_end_the_drain(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()

    def broken() -> object:
        raise ZeroDivisionError

    site.drainer.stored = broken
    site.proxy.cut()
    site.post(b"one")
    site.proxy.restore()
    thread = threading.Thread(target=site.drainer.run, args=(stop,))
    thread.start()
    until(lambda: "bug" in caplog.messages)
    site.drainer.stored = stop.set
    site.proxy.cut()
    site.post(b"two")
    site.proxy.restore()
    thread.join()
    assert site.bodies() == [b"one", b"two"]


class TestTold:
    @pytest.fixture
    def app(self, tiki: TikiDatabase, proxy: Proxy, tmp_path: Path) -> Iterator[App]:
        url = make_url(tiki.url).set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        path = tmp_path / "config.ini"
        path.write_text(f"[tiki]\nurl = {url}\n[server]\nmetrics = all\n")
        app = open_app(path)
        drainer = app.drainer(lambda: None)
        assert drainer
        drainer.prepare()
        yield app
        app.database.close()

    @pytest.fixture
    def address(self, app: App) -> Iterator[str]:
        listener = server.listen("127.0.0.1", 0)
        running = server.Running(application.of_app(app, lambda: None), listener)
        running.wait_until_ready()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.stop()

    def test_health_metrics_and_check_say_how_many_wait_and_since_when(
        self, app: App, address: str, tiki: TikiDatabase, proxy: Proxy
    ) -> None:
        assert httpx2.get(f"{address}/readyz").text == "ready"
        proxy.cut()
        forge = handler(tiki)
        headers = {name.decode(): value.decode() for name, value in request(forge).headers}
        answer = httpx2.post(f"{address}/tiki-webhooks.php", content=request(forge).body, headers=headers)
        assert (answer.status_code, answer.text) == OK
        until(lambda: "waiting in the spool: 1, since 20" in httpx2.get(f"{address}/readyz").text)
        ready = httpx2.get(f"{address}/readyz")
        assert (ready.status_code, ready.text[:6]) == (200, "ready;")
        elsewhere = httpx2.get(f"{address}/readyz", headers={"X-Forwarded-For": "192.0.2.1"})
        assert (elsewhere.status_code, elsewhere.text) == (200, "ready")
        figures = httpx2.get(f"{address}/metrics").text
        assert 'tikisync_spool_deliveries{state="waiting"} 1\n' in figures
        assert 'tikisync_requests_total{status="200",reason="spooled"} 1\n' in figures
        assert "tikisync_spool_oldest_seconds 0.0\n" not in figures
        assert "tikisync_database_up 0\n" in figures
        proxy.restore()
        with suppress(PassingError):
            app.unready()  # the pooled connection has died
        [finding] = [each for each in inspection.check(app) if each.where.startswith("spool ")]
        assert (finding.level, "deliveries wait in it to be stored: 1, since 20" in finding.message) == (
            "warning",
            True,
        )
        drainer = app.drainer(lambda: None)
        assert drainer
        assert drainer.drain(threading.Event()) == 1
        assert [each for each in inspection.check(app) if each.where.startswith("spool ")] == []

    def test_a_service_that_cannot_spool_is_not_ready_with_the_database_away(
        self, app: App, address: str, proxy: Proxy
    ) -> None:
        app.receiver.seen = None
        proxy.cut()
        assert httpx2.get(f"{address}/readyz").status_code == 503

    def test_a_spool_that_nobody_may_use_is_a_finding_and_its_figures_are_left_out(
        self, app: App, address: str, tmp_path: Path
    ) -> None:
        folder = tmp_path / "config.spool"
        folder.rmdir()
        folder.write_text("a file")
        [finding] = [each for each in inspection.check(app) if each.where.startswith("spool ")]
        assert (finding.level, "it cannot be written" in finding.message) == ("warning", True)
        assert httpx2.get(f"{address}/metrics").status_code == 200

    def test_a_service_whose_spool_cannot_be_read_is_not_ready_and_check_says_so(
        self, app: App, address: str, tmp_path: Path
    ) -> None:
        (tmp_path / "config.spool" / "waiting").mkdir()
        [finding] = [each for each in inspection.check(app) if each.where.startswith("spool ")]
        assert (finding.level, "cannot be used" in finding.message) == ("warning", True)
        assert httpx2.get(f"{address}/readyz").status_code == 503
        assert "tikisync_spool" not in httpx2.get(f"{address}/metrics").text

    def test_what_is_damaged_is_a_finding(self, app: App, tmp_path: Path) -> None:
        (tmp_path / "config.spool" / "damaged").write_bytes(b"x")
        [finding] = [each for each in inspection.check(app) if each.where.startswith("spool ")]
        assert (finding.level, "could not be read any more: 1" in finding.message) == ("error", True)
