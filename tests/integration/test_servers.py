"""The fixtures that other integration tests stand on keep what they promise."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests import golden, servers
from tests.databases import PREFIX, ServerAdmin, Template
from tikisync.database import Database, Transaction
from tikisync.errors import SetupError

TIKIS = ["tiki_as_admin", "tiki_myisam_as_admin", "sqlite_tiki"]


@pytest.fixture
def template(server_admin: ServerAdmin) -> Template:
    def fill(tx: Transaction) -> None:
        tx.run("CREATE TABLE colours (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) NOT NULL)")
        tx.run("CREATE TABLE shapes (name VARCHAR(20) NOT NULL)")
        tx.insert_many("colours", [{"name": "red"}, {"name": "blue"}])

    return Template(server_admin, fill)


@pytest.mark.parametrize("fixture", TIKIS)
@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_finds_tiki_as_recorded_whatever_another_wrote(
    fixture: str, time: str, request: pytest.FixtureRequest
) -> None:
    tiki: Database = request.getfixturevalue(fixture)
    with tiki.transaction() as tx:
        assert golden.difference(golden.fixture()["rows"], golden.snapshot(tx)) == []
        assert tx.insert("tiki_tracker_items", {"trackerId": 1, "created": 1, "lastModif": 1}) == 1
        tx.update("tiki_trackers", {"trackerId": 1}, {"items": 1})


@pytest.mark.parametrize("fixture", TIKIS)
@pytest.mark.parametrize("name", ["company-acme", "contact-full", "invoice-b", "category-no-permission"])
def test_a_case_is_placed_as_it_was_found(fixture: str, name: str, request: pytest.FixtureRequest) -> None:
    tiki: Database = request.getfixturevalue(fixture)
    case = golden.case(name)
    with tiki.transaction() as tx:
        golden.place(tx, case)
        assert golden.difference(golden.state_before(name), golden.snapshot(tx)) == []
        if case["op"] == "create":
            assert tx.insert("tiki_tracker_items", {"trackerId": 1}) == case["result"]["itemId"]


def test_categories_and_tags_of_an_item_are_read_as_recorded(sqlite_tiki: Database) -> None:
    with sqlite_tiki.transaction() as tx:
        golden.place(tx, golden.case("contact-partial"))
        assert golden.joined(tx, 5) == golden.case("contact-full")["joined"]
        assert golden.joined(tx, 6) == {"categories": [], "tags": []}


def test_the_tables_have_the_engine_of_their_fixture(tiki_as_admin: Database, tiki_myisam_as_admin: Database) -> None:
    for database, engine in ((tiki_as_admin, "InnoDB"), (tiki_myisam_as_admin, "MyISAM")):
        with database.transaction() as tx:
            assert {tx.engine(table) for table in golden.fixture()["schema"]} == {engine}


def test_sqlite_compares_text_without_case_as_tikis_collation_does(sqlite_tiki: Database) -> None:
    with sqlite_tiki.transaction() as tx:
        assert tx.value("SELECT `login` FROM `users_users` WHERE `login` = 'HOOK'") == "hook"


def spoil_nothing(run: Callable[..., Any]) -> None:
    run("INSERT INTO shapes VALUES ('circle')")
    run("DELETE FROM shapes")


def spoil_rows(run: Callable[..., Any]) -> None:
    run("UPDATE colours SET name = 'green' WHERE id = 1")
    run("INSERT INTO shapes VALUES ('circle')")


def spoil_ids_to_come(run: Callable[..., Any]) -> None:
    run("INSERT INTO colours (id, name) VALUES (50, 'pink')")
    run("DELETE FROM colours WHERE id = 50")


def spoil_tables(run: Callable[..., Any]) -> None:
    run("DROP TABLE shapes")
    run("CREATE TABLE sounds (name VARCHAR(20))")
    run("ALTER TABLE colours ADD COLUMN shade INT")


@pytest.mark.parametrize("spoil", [spoil_nothing, spoil_rows, spoil_ids_to_come, spoil_tables])
def test_a_template_makes_a_database_equal_again(
    template: Template, fresh_database: Callable[[], str], spoil: Callable[[Callable[..., Any]], None]
) -> None:
    url = fresh_database()
    template.restore(url)
    database = Database(url)
    with database.transaction() as tx:
        spoil(tx.run)
    template.restore(url)
    with database.transaction() as tx:
        assert [row["name"] for row in tx.all("SELECT name FROM colours ORDER BY id")] == ["red", "blue"]
        assert tx.all("SELECT * FROM shapes") == []
        assert list(tx.columns("colours")) == ["id", "name"]
        assert tx.columns("sounds") == []
        assert tx.insert("colours", {"name": "next"}) == 3
    database.close()


def test_databases_carry_names_of_their_own(server_url: str, fresh_database: Callable[[], str]) -> None:
    names = [make_url(url).database or "" for url in (server_url, fresh_database(), fresh_database())]
    assert len(set(names)) == 3
    assert all(name.startswith(PREFIX) for name in names)


def test_a_user_has_only_the_rights_it_was_made_with(
    server_admin: ServerAdmin, fresh_database: Callable[[], str]
) -> None:
    url = fresh_database()
    database = Database(url)
    with database.transaction() as tx:
        tx.run("CREATE TABLE colours (name VARCHAR(20))")
        tx.run("CREATE TABLE shapes (name VARCHAR(20))")
    database.close()
    limited = Database(server_admin.create_user(url, "SELECT ON colours"))
    with limited.transaction() as tx:
        assert tx.all("SELECT * FROM colours") == []
    with pytest.raises(SetupError), limited.transaction() as tx:
        tx.all("SELECT * FROM shapes")
    limited.close()


def test_a_named_server_is_used_and_left_alone(
    server: servers.Server, server_url: str, server_admin: ServerAdmin
) -> None:
    environ = {servers.URL_VARIABLE: server_url}
    found = servers.find(environ, print)
    assert not found.url.database
    found.stop()
    assert server_admin.run("SELECT 1 AS alive") == [{"alive": 1}]


def test_a_named_server_that_is_not_there_is_no_server() -> None:
    with pytest.raises(servers.NoServerError, match=r"127\.0\.0\.1:1 does not let us in"):
        servers.named("mysql://root@127.0.0.1:1/", patience=0)


def test_without_any_server_the_error_names_all_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(servers, "SERVER_FOLDERS", ())
    with pytest.raises(servers.NoServerError) as missing:
        servers.find({"PATH": str(tmp_path)}, print)
    for part in (
        "no Docker engine answers",
        "neither mariadbd nor mysqld",
        "takes root on Debian",
        servers.URL_VARIABLE,
    ):
        assert part in str(missing.value)


def test_an_image_asked_for_by_name_is_not_replaced_by_another_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(servers.NoServerError, match="no Docker engine answers"):
        servers.find({"PATH": os.environ["PATH"], servers.IMAGE_VARIABLE: "mysql:9"}, print)


@pytest.mark.parametrize(("environ", "outcome"), [({}, pytest.skip.Exception), ({"CI": "true"}, pytest.fail.Exception)])
def test_without_a_server_a_person_skips_and_ci_fails(environ: dict[str, str], outcome: type[BaseException]) -> None:
    with pytest.raises(outcome, match="nothing there"):
        servers.without(servers.NoServerError("nothing there"), environ)


def test_a_private_server_leaves_nothing_behind(
    server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not server.origin.endswith("started for the tests"):
        pytest.skip(f"the server of these tests is not a private one but {server.origin}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    private = servers.on_this_machine(os.environ, print)
    servers.connect(private.url).close()
    assert [path.name.startswith("tikisync-mysql-") for path in tmp_path.iterdir()] == [True]
    private.stop()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(servers.NoServerError):
        servers.connect(private.url)
