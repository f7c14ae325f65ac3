"""``tikisync init``: answers by options and by a person, on a Tiki in SQLite and with few rights on a server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from tests.arrivals import arrival
from tests.databases import ServerAdmin, TikiDatabase
from tests.end_to_end.program import free_port
from tikisync.cli import program
from tikisync.config import URL_VARIABLE, load
from tikisync.database import Database
from tikisync.errors import SetupError, TikiError, TikisyncError
from tikisync.inbox import deliveries, schema

ORDER = {"id": "A-1", "total": 36, "currency": "EUR", "state": "open"}


@pytest.fixture(autouse=True)
def here(sqlite_tiki: TikiDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that init is started in, with the database in the environment."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv(URL_VARIABLE, sqlite_tiki.url)
    (folder / "order.json").write_text(json.dumps(ORDER))
    return folder


def run(*options: str, answers: str = "", code: int = 1) -> str:
    """Run init to its end; by default it exits with 1, for the handlers that have no rule yet."""
    done = CliRunner().invoke(program, ["init", *options], input=answers)
    if isinstance(done.exception, TikisyncError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


def as_json(*options: str, code: int = 1) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run("--json", *options, code=code))
    return report


def test_options_make_a_config_with_a_rule_that_fits_and_a_report(here: Path) -> None:
    report = as_json(
        "--handler", "Shop", "--tracker", "Orders", "--sample", "order.json", "--address", "https://w.example/t"
    )

    config = load(here / "config.ini")
    assert [rule.name for rule in config.rules] == ["shop-orders"]
    assert config.server.public_url == "https://w.example/t"
    assert report["would"] == ["shop-orders: created a new item of tracker Orders"]
    assert report["handlers"][0] == "Shop"
    assert report["trackers"]["3"] == "Orders"
    assert {each["level"] for each in report["findings"]} == {"warning"}
    assert "location = /t/tiki-webhooks.php" in report["nginx"]
    assert report["next"][:2] == [
        "tikisync serve",
        "tikisync send Shop order.json    (in another terminal: makes a first item)",
    ]


def test_a_person_is_asked_again_after_a_mistake_and_shown_what_is_proposed(here: Path) -> None:
    answers = ["/nowhere", "", "w.example", "https://w.example", "Shp", "1", "Nothing", "3", "none.json", "order.json",
               "iis", "nginx", "y", "n", "n"]  # fmt: skip

    told = run(answers="\n".join(answers) + "\n")

    assert "field.orderId = body.id" in told
    assert "with this payload: shop-orders: created a new item of tracker Orders" in told
    assert "location = /tiki-webhooks.php" in told
    assert "give the sender the address https://w.example/tiki-webhooks.php" in told
    assert load(here / "config.ini").rules


def test_without_a_payload_one_is_made_up_and_can_be_sent(here: Path) -> None:
    report = as_json("--handler", "Shop", "--tracker", "3")

    made = json.loads((here / "first-webhook.json").read_text())
    assert (made["orderTotal"], made["currency"]) == (9.95, "EUR")
    assert "tikisync send Shop first-webhook.json" in report["next"][1]
    assert "tikisync learn --delivery NUMBER --tracker 3" in report["next"][-1]
    with pytest.raises(SetupError, match="is there already"):
        run("--yes", "--overwrite", "--handler", "Shop", "--tracker", "3")


def test_the_last_delivery_is_what_is_learnt_from_where_there_is_one(sqlite_tiki: TikiDatabase) -> None:
    with sqlite_tiki.transaction() as tx:
        deliveries.add(tx, [arrival(body=json.dumps(ORDER).encode())])

    report = as_json("--handler", "Shop", "--tracker", "Orders")

    assert report["sample"] == "delivery 1, the last one of Shop"
    assert "field.orderId = body.id" in report["rule"]


def test_a_payload_that_the_tracker_would_refuse_is_told(here: Path) -> None:
    (here / "order.json").write_text(json.dumps({"companyCode": "AC", "companyEmployees": 3}))

    assert "companyName" in as_json("--handler", "Shop", "--tracker", "1", "--sample", "order.json")["would"]
    assert "this payload would be refused" in run(
        "--yes", "--overwrite", "--handler", "Shop", "--tracker", "1", "--sample", "order.json"
    )


def test_a_config_that_is_there_is_kept_unless_told(here: Path) -> None:
    (here / "config.ini").write_text("mine")

    with pytest.raises(SetupError, match="stays as it is"):
        run("--yes")
    with pytest.raises(SetupError, match="stays as it is"):
        run(answers="n\n")
    assert (here / "config.ini").read_text() == "mine"
    as_json("--overwrite")
    assert load(here / "config.ini").rules == ()


def test_where_it_is_not_clear_which_the_option_is_named() -> None:
    with pytest.raises(SetupError) as unclear:
        run("--yes", "--tracker", "Orders")

    assert "--handler" in unclear.value.hint
    with pytest.raises(SetupError, match="no folder"):
        run("-c", "nowhere/config.ini")
    with pytest.raises(SetupError, match="no delivery request"):
        run("--yes", "--handler", "Shop", "--tracker", "Orders", "--sample", "delivery")


def test_without_a_tiki_anywhere_it_is_said_how_to_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE)

    with pytest.raises(SetupError, match="no Tiki was found") as nowhere:
        run("--yes", "--tiki", "")

    assert URL_VARIABLE in nowhere.value.hint


def test_a_database_that_is_not_to_be_had_is_told_with_where_its_credentials_are(
    monkeypatch: pytest.MonkeyPatch, server_url: str
) -> None:
    away = f"mysql+pymysql://u:p@127.0.0.1:{free_port()}/tiki"
    denied = make_url(server_url).set(username="nobody", password="wrong").render_as_string(hide_password=False)
    for url in (away, denied):
        monkeypatch.setenv(URL_VARIABLE, url)
        with pytest.raises(TikisyncError) as refused:
            run("--yes")
        assert "db/local.php" in refused.value.hint


def test_a_multitiki_is_asked_for_its_site(here: Path) -> None:
    for site in ("a.example", "b.example"):
        (here / "db" / site).mkdir(parents=True)
        (here / "db" / site / "local.php").write_text("<?php\n$dbs_tiki='t';\n")
    (here / "tiki-index.php").touch()

    with pytest.raises(SetupError, match=r"a\.example, b\.example") as unclear:
        run("--yes")
    as_json("--site", "b.example")

    assert "--site" in unclear.value.hint
    tiki = load(here / "config.ini").tiki
    assert (tiki.path, tiki.site) == (here, "b.example")


def test_a_tiki_without_handlers_or_with_webhooks_off_says_where_to_go(sqlite_tiki: TikiDatabase, here: Path) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.run("DELETE FROM tiki_webhooks")
        tx.update("tiki_preferences", {"name": "auth_webhooks"}, {"value": "n"})

    told = run("--yes", "--address", "https://w.example", code=2)

    assert told.count("https://w.example/tiki-admin.php?page=security, tab Webhooks") == 2
    assert load(here / "config.ini").rules == ()


def test_a_handler_is_waited_for(sqlite_tiki: TikiDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite_tiki.transaction() as tx:
        rows = [dict(row) for row in tx.all("SELECT * FROM tiki_webhooks")]
        tx.run("DELETE FROM tiki_webhooks")

    def admin_makes_one(_seconds: float) -> None:
        with sqlite_tiki.transaction() as tx:
            tx.insert("tiki_webhooks", rows[0])

    monkeypatch.setattr(time, "sleep", admin_makes_one)

    told = run("--yes", "--wait", "--tracker", "Orders", "--sample", "order.json", code=0)

    assert "Shop" in told
    assert "[rule shop-orders]" in told


def test_ctrl_c_goes_on_without_a_handler(sqlite_tiki: TikiDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    with sqlite_tiki.transaction() as tx:
        tx.run("DELETE FROM tiki_webhooks")
    monkeypatch.setattr(time, "sleep", interrupted)

    assert "Now" in run("--yes", "--wait")


def test_a_tiki_without_trackers_gets_no_rule(sqlite_tiki: TikiDatabase) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.run("DELETE FROM tiki_trackers")

    assert "no trackers yet" in run("--yes")


def test_a_tiki_older_than_25_is_told(sqlite_tiki: TikiDatabase) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.run("DROP TABLE tiki_webhooks")

    with pytest.raises(TikiError, match="tiki_webhooks") as old:
        run("--yes")

    assert "Tiki 25" in old.value.hint


def test_a_database_user_who_may_make_no_tables_is_told_the_grants_that_help(
    fresh_database: Callable[[], str], server_admin: ServerAdmin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fresh_database()
    database = Database(url)
    with database.transaction() as tx:
        tx.run("CREATE TABLE tiki_webhooks (webhookId INT)")
        tx.run("CREATE TABLE tiki_preferences (name VARCHAR(40), value TEXT)")
    database.close()
    few = server_admin.create_user(url, "SELECT")
    monkeypatch.setenv(URL_VARIABLE, few)

    with pytest.raises(SetupError, match="may not make tikisync's tables") as denied:
        run("--yes")

    user = make_url(few).username
    assert f"GRANT SELECT, INSERT, CREATE, ALTER, INDEX ON `{make_url(url).database}`.`tikisync_" in denied.value.hint
    assert f"TO '{user}'@'%'" in denied.value.hint
    for statement in denied.value.hint.splitlines():
        if statement.startswith("GRANT"):
            server_admin.run(statement)
    with Database(few).transaction() as tx:
        assert schema.set_up(tx)
