"""The wiring: from a config file to its parts, reloaded while they run."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tikisync import inspection
from tikisync.app import open_app, watch
from tikisync.database import Database
from tikisync.errors import SetupError

FIELDS = "tracker = Orders\nkey = orderId\nfield.orderId = body.id\nfield.orderTotal = '1 EUR'\n"
RULE = f"[rule order]\nhandler = Shop\n{FIELDS}"


@pytest.fixture
def path(sqlite_tiki: Database, tmp_path: Path) -> Path:
    file = tmp_path / "config.ini"
    file.write_text(f"[tiki]\nurl = {sqlite_tiki.shown}\n{RULE}")
    return file


def test_reloading_replaces_rules_and_handlers_in_the_running_parts(path: Path) -> None:
    app = open_app(path)
    before = app.applier.fingerprint()
    path.write_text(path.read_text() + "field.orderState = body.state\n[handler Shop]\nduplicates = accept\n")

    assert app.reload()

    assert app.applier.fingerprint() != before
    assert app.receiver.handlers["Shop"].duplicates == "accept"


def test_reloading_a_broken_file_keeps_everything_as_it_was(path: Path) -> None:
    app = open_app(path)
    before = app.applier.fingerprint()
    path.write_text("[tiki]\n")

    assert not app.reload()
    assert app.applier.fingerprint() == before


def test_a_folder_of_tiki_gives_the_credentials_and_the_forced_preferences(tmp_path: Path) -> None:
    root = tmp_path / "tiki"
    (root / "db").mkdir(parents=True)
    (root / "db" / "local.php").write_text(
        "<?php\n$host_tiki='127.0.0.1;port=1';\n$user_tiki='u';\n$pass_tiki='p w';\n$dbs_tiki='t';\n"
        "$system_configuration_file='db/tiki.ini';\n"
    )
    (root / "db" / "tiki.ini").write_text('preference.auth_webhooks = "y"\npreference.feature_search = yes\n')
    file = tmp_path / "config.ini"
    file.write_text(f"[tiki]\npath = {root}\n")

    app = open_app(file)

    assert app.database.shown == "mysql+pymysql://u:***@127.0.0.1:1/t?charset=utf8mb4"
    assert app.forced == {"auth_webhooks": "y", "feature_search": "1"}


def test_a_preview_takes_a_rule_or_all_rules_of_a_handler(path: Path) -> None:
    path.write_text(f"{path.read_text()}[rule other]\nhandler = Shop\nwhen = body.x\n{FIELDS}")
    app = open_app(path)

    of_rule = inspection.preview(app, "order", b'{"id": 1}', {})
    of_handler = inspection.preview(app, "Shop", b'{"id": 1}', {})

    assert not of_rule.evaluation.passed_over
    assert [each.rule for each in of_handler.evaluation.passed_over] == ["other"]
    with pytest.raises(SetupError) as unknown:
        inspection.preview(app, "nosuch", b"{}", {})
    assert unknown.value.hint == "the rules are: order, other"


def test_headers_with_signatures_and_credentials_are_hidden(path: Path) -> None:
    hidden = inspection.hidden_headers(open_app(path), "Shop")

    assert hidden == {"x-shop-signature", "authorization", "proxy-authorization", "cookie"}


def test_sqlite_has_nothing_to_grant(path: Path) -> None:
    with pytest.raises(SetupError, match="SQLite has no users"):
        inspection.grants(open_app(path), "tikisync", "localhost")


def test_a_changed_file_is_noticed_and_one_being_replaced_is_waited_for(tmp_path: Path) -> None:
    file, stop, seen = tmp_path / "config.ini", threading.Event(), threading.Event()
    file.write_text("a")
    thread = threading.Thread(target=watch, args=(file, seen.set, stop, 0.01))
    thread.start()
    try:
        file.unlink()
        time.sleep(0.05)
        assert not seen.is_set()
        file.write_text("ab")
        assert seen.wait(10)
    finally:
        stop.set()
        thread.join()


def test_workers_go_by_the_databases_clock_and_not_by_their_hosts(
    tiki_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.ini"
    file.write_text(f"[tiki]\nurl = {tiki_url}\n")
    app, right = open_app(file), time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3_600)

    assert app.worker().clock() == pytest.approx(right(), abs=60)
    app.database.close()
