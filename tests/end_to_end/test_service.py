"""``tikisync serve`` and ``work`` as real processes over a real database server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import threading
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.databases import TikiDatabase
from tests.end_to_end.program import free_port, running, until
from tests.end_to_end.test_commands import ORDER, RULES
from tests.tcp_proxy import Proxy
from tikisync.database import Database
from tikisync.errors import PassingError


def signed(body: bytes, secret: str = "shop-secret") -> dict[str, str]:
    digest = hmac.digest(secret.encode(), body, hashlib.sha256)
    return {"X-Shop-Signature": base64.b64encode(digest).decode(), "Content-Type": "application/json"}


def order(number: int, **changes: object) -> bytes:
    return json.dumps({**ORDER, "id": f"A-{number}", **changes}).encode()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def config(tiki: Database, tiki_url: str, tmp_path: Path, port: int) -> Path:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {tiki_url}\n\n[server]\nport = {port}\n{RULES}")
    return path


def _statuses(database: Database) -> list[str]:
    with database.transaction() as tx:
        return [str(row["status"]) for row in tx.all("SELECT status FROM tikisync_deliveries ORDER BY delivery_id")]


def test_a_signed_order_becomes_an_item_of_the_handlers_user(tiki: Database, config: Path, port: int) -> None:
    with running("serve", config, port) as service:
        assert service.post(order(1), signed(order(1))) == (200, "ok")
        until(lambda: _statuses(tiki) == ["done"], service.log)
        assert service.stop() == 0
    with tiki.transaction() as tx:
        item = tx.first("SELECT * FROM tiki_tracker_items")
        assert item is not None
        assert (item["createdBy"], item["trackerId"], item["status"]) == ("hook", 3, "p")
        stored = tx.value("SELECT value FROM tiki_tracker_item_fields WHERE fieldId = 49")
        assert stored == "1714557600"  # 2024-05-01 10:00 UTC


def test_switch_and_handlers_count_from_the_very_next_request(tiki: TikiDatabase, config: Path, port: int) -> None:
    with running("serve", config, port) as service:
        with tiki.admin.transaction() as tx:
            tx.update("tiki_preferences", {"name": "auth_webhooks"}, {"value": "n"})
        assert service.post(order(1), signed(order(1))) == (403, "Feature not enabled")
        with tiki.admin.transaction() as tx:
            tx.update("tiki_preferences", {"name": "auth_webhooks"}, {"value": "y"})
            tx.update("tiki_webhooks", {"name": "Shop"}, {"secret": "a new one"})
        assert service.post(order(1), signed(order(1))) == (403, "Webhook not authorized.")
        assert service.post(order(1), signed(order(1), "a new one")) == (200, "ok")


def test_edited_rules_count_without_a_restart_and_a_broken_file_keeps_the_old_ones(
    tiki: Database, config: Path, port: int
) -> None:
    with running("serve", config, port) as service:
        whole = config.read_text()
        config.write_text(whole.replace("tracker = Orders", "trcker = Orders"))
        until(lambda: "config.refused" in service.log.read_text(), service.log)
        assert service.post(order(1), signed(order(1))) == (200, "ok")
        until(lambda: _statuses(tiki) == ["done"], service.log)
        config.write_text(whole.replace("body.kind == 'order'", "body.kind == 'invoice'"))
        service.process.send_signal(signal.SIGHUP)
        until(lambda: service.log.read_text().count("config.loaded") >= 2, service.log)  # by the worker too
        assert service.post(order(2), signed(order(2))) == (200, "ok")
        until(lambda: _statuses(tiki) == ["done", "ignored"], service.log)


def test_what_a_killed_service_answered_is_applied_by_the_next_one_and_only_once(
    tiki: Database, config: Path, port: int
) -> None:
    with running("serve", config, port) as service:
        for number in range(5):
            assert service.post(order(number), signed(order(number)))[0] == 200
        service.process.kill()
        service.process.wait()
    with tiki.transaction() as tx:  # nobody waits a minute for the leases of the dead here
        tx.run("UPDATE tikisync_deliveries SET due_at = 0 WHERE status = 'pending' AND leased_by IS NOT NULL")
    with running("work", config) as worker:
        until(worker.workers, worker.log)  # it hears of signals by then
        until(lambda: set(_statuses(tiki)) == {"done"}, worker.log)
        assert worker.stop() == 0
    with tiki.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items") == 5
        assert tx.value("SELECT items FROM tiki_trackers WHERE name = 'Orders'") == 5


def test_a_worker_that_is_killed_is_replaced_while_the_service_goes_on_receiving(
    tiki: Database, config: Path, port: int
) -> None:
    with running("serve", config, port) as service:
        until(service.workers, service.log)
        for number in range(4):
            assert service.post(order(number), signed(order(number))) == (200, "ok")
            os.kill(service.workers()[-1], signal.SIGKILL)
            until(lambda number=number: len(service.workers()) > number + 1, service.log)
        until(lambda: _statuses(tiki) == ["done"] * 4, service.log)
        assert "worker was killed (SIGKILL)" in service.log.read_text()
        limits = Path(f"/proc/{service.workers()[-1]}/limits").read_text()
        assert service.stop() == 0
    assert re.search(rf"Max data size +{512 << 20} ", limits)
    with tiki.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items") == 4


def test_a_service_whose_database_hangs_while_a_death_is_recorded_still_ends(tiki: TikiDatabase, config: Path) -> None:
    url = make_url(tiki.url)
    proxy = Proxy(url.host or "127.0.0.1", url.port or 3306)
    through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    config.write_text(config.read_text().replace(tiki.url, through))
    with running("work", config) as service:
        until(service.workers, service.log)
        proxy.flows.clear()
        os.kill(service.workers()[-1], signal.SIGKILL)
        until(lambda: "worker.died" in service.log.read_text(), service.log)
        code = service.stop()
        proxy.flows.set()
    proxy.cut()
    assert code == 0


def test_changes_of_one_item_are_applied_in_the_order_received_by_two_workers(
    tiki: Database, config: Path, port: int
) -> None:
    states = ["open", "paid", "shipped"] * 5
    with running("serve", config, port) as service, running("work", config):
        for total, state in enumerate(states, 1):
            body = order(1, state=state, total=total)
            assert service.post(body, signed(body)) == (200, "ok")
        until(lambda: _statuses(tiki) == ["done"] * len(states), service.log)
    with tiki.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items") == 1
        assert tx.value("SELECT value FROM tiki_tracker_item_fields WHERE fieldId = 47") == "15EUR"
        history = tx.all("SELECT value FROM tiki_tracker_item_field_logs WHERE fieldId = 47 ORDER BY version")
        assert [row["value"] for row in history] == [f"{total}EUR" for total in range(1, len(states))]


def test_a_service_told_to_stop_amid_requests_has_kept_all_it_answered_and_exits_cleanly(
    tiki: Database, config: Path, port: int
) -> None:
    answered: list[int] = []
    with running("serve", config, port) as service:

        def send(first: int) -> None:
            for number in range(first, first + 1000):
                try:
                    if service.post(order(number), signed(order(number))) == (200, "ok"):
                        answered.append(number)
                except PassingError:
                    return  # it has stopped

        senders = [threading.Thread(target=send, args=(1000 * n,)) for n in range(4)]
        for sender in senders:
            sender.start()
        until(lambda: len(answered) > 50, service.log)
        assert service.stop() == 0
        for sender in senders:
            sender.join()
    with tiki.transaction() as tx:
        kept = {str(json.loads(row["body"])["id"]) for row in tx.all("SELECT body FROM tikisync_deliveries")}
        leased = tx.value("SELECT COUNT(*) FROM tikisync_deliveries WHERE leased_by IS NOT NULL")
    assert {f"A-{number}" for number in answered} <= kept
    assert leased == 0  # what it had claimed and not applied yet is given back
