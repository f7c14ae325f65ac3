"""The databases that tests run on: a real server's, with Tiki's tables or without, and SQLite's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import golden, servers, tiki_tables
from tests.databases import ServerAdmin, Template
from tikisync.database import Database, Transaction
from tikisync.inbox import schema

_SERVER = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[servers.Server]:
    """The server of the integration tests, ended with the session if it was started for it."""

    def say(line: str) -> None:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{line}", flush=True)  # noqa: T201

    try:
        found = servers.find(os.environ, say)
    except servers.NoServerError as missing:
        servers.without(missing, os.environ)
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def server_admin(server: servers.Server, request: pytest.FixtureRequest) -> Iterator[ServerAdmin]:
    """Makes databases and users on the server; drops all it made at the end."""
    admin = ServerAdmin(server.url)
    request.config.stash[_SERVER] = f"{admin.run('SELECT VERSION() AS version')[0]['version']} ({server.origin})"
    yield admin
    admin.close()


@pytest.fixture(scope="session")
def server_url(server_admin: ServerAdmin) -> str:
    """The URL of a fresh empty database, of a user who may do everything on the server."""
    return server_admin.create_database()


@pytest.fixture
def fresh_database(server_admin: ServerAdmin) -> Iterator[Callable[[], str]]:
    """Makes another empty database for this test at each call; returns its URL."""
    made: list[str] = []

    def create() -> str:
        made.append(server_admin.create_database())
        return made[-1]

    yield create
    for url in made:
        server_admin.drop_database(url)


@pytest.fixture
def database(fresh_database: Callable[[], str]) -> Iterator[Database]:
    """An empty database on the server, of this test alone."""
    yield from _opened(fresh_database())


@pytest.fixture(scope="session")
def _tiki_template(server_admin: ServerAdmin) -> Template:
    return Template(server_admin, _fill_with_tiki)


@pytest.fixture(scope="session")
def tiki_url(server_admin: ServerAdmin) -> str:
    """The URL of the database that ``tiki`` makes equal again for each test."""
    return server_admin.create_database()


@pytest.fixture
def tiki(_tiki_template: Template, tiki_url: str) -> Iterator[Database]:
    """A Tiki's database on the server: its own tables with the recorded starting rows, and tikisync's, set up."""
    _tiki_template.restore(tiki_url)
    yield from _opened(tiki_url)


@pytest.fixture(scope="session")
def _myisam_template(server_admin: ServerAdmin) -> Template:
    return Template(server_admin, lambda tx: _fill_with_tiki(tx, engine="MyISAM"))


@pytest.fixture(scope="session")
def tiki_myisam_url(server_admin: ServerAdmin) -> str:
    return server_admin.create_database()


@pytest.fixture
def tiki_myisam(_myisam_template: Template, tiki_myisam_url: str) -> Iterator[Database]:
    """The same, with Tiki's tables in MyISAM, as many old sites have them."""
    _myisam_template.restore(tiki_myisam_url)
    yield from _opened(tiki_myisam_url)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiki") / "template.db"
    database = Database(f"sqlite:///{path}")
    with database.transaction() as tx:
        _fill_with_tiki(tx)
    database.close()
    return path


@pytest.fixture
def sqlite_tiki(_sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """The same in SQLite, in a file of this test alone."""
    yield from _opened(f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / 'tiki.db')}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which server the integration tests ran on."""
    if version := config.stash.get(_SERVER, ""):
        terminalreporter.write_line(f"database server of the integration tests: {version}")


def _fill_with_tiki(tx: Transaction, engine: str = "InnoDB") -> None:
    tiki_tables.create(tx, engine=engine)
    golden.load(tx, golden.fixture()["rows"])
    schema.set_up(tx)


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()
