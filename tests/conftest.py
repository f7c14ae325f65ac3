"""The databases that tests run on: a real server's, with Tiki's tables or without, and SQLite's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import golden, servers, tiki_tables
from tests.databases import ServerAdmin, Template, TikiDatabase
from tikisync.database import Database, Transaction
from tikisync.inbox import schema

pytest_plugins = ["tests.leaks"]

settings.register_profile("untimed", deadline=None)  # how long a test takes says nothing on a shared machine
settings.load_profile("untimed")

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
def _tiki_urls(_tiki_template: Template, server_admin: ServerAdmin) -> tuple[str, str]:
    return _urls(_tiki_template, server_admin)


@pytest.fixture
def tiki_as_admin(_tiki_template: Template, _tiki_urls: tuple[str, str]) -> Iterator[Database]:
    """A Tiki's database on the server: its own tables with the recorded starting rows, and tikisync's, set up."""
    _tiki_template.restore(_tiki_urls[1])
    yield from _opened(_tiki_urls[1])


@pytest.fixture
def tiki(tiki_as_admin: Database, _tiki_urls: tuple[str, str]) -> Iterator[TikiDatabase]:
    """The same for a user who has just the rights that ``tikisync grants`` prints.

    What else a test does, such as setting the scene, it does as ``tiki.admin``.
    """
    yield from _opened_tiki(_tiki_urls[0], tiki_as_admin)


@pytest.fixture
def tiki_url(tiki: TikiDatabase) -> str:
    """Its URL, for config files."""
    return tiki.url


@pytest.fixture(scope="session")
def _myisam_template(server_admin: ServerAdmin) -> Template:
    return Template(server_admin, lambda tx: _fill_with_tiki(tx, engine="MyISAM"))


@pytest.fixture(scope="session")
def _myisam_urls(_myisam_template: Template, server_admin: ServerAdmin) -> tuple[str, str]:
    return _urls(_myisam_template, server_admin)


@pytest.fixture
def restore_myisam(_myisam_template: Template, _myisam_urls: tuple[str, str]) -> Callable[[], None]:
    """Makes the database of ``tiki_myisam`` as it was at first, once more."""
    return lambda: _myisam_template.restore(_myisam_urls[1])


@pytest.fixture
def tiki_myisam_as_admin(restore_myisam: Callable[[], None], _myisam_urls: tuple[str, str]) -> Iterator[Database]:
    """As ``tiki_as_admin``, with Tiki's tables in MyISAM, as many old sites have them."""
    restore_myisam()
    yield from _opened(_myisam_urls[1])


@pytest.fixture
def tiki_myisam(tiki_myisam_as_admin: Database, _myisam_urls: tuple[str, str]) -> Iterator[TikiDatabase]:
    """As ``tiki``, with Tiki's tables in MyISAM."""
    yield from _opened_tiki(_myisam_urls[0], tiki_myisam_as_admin)


@pytest.fixture
def tiki_myisam_url(tiki_myisam: TikiDatabase) -> str:
    """Its URL, for config files."""
    return tiki_myisam.url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiki") / "template.db"
    database = Database(f"sqlite:///{path}")
    with database.transaction() as tx:
        _fill_with_tiki(tx)
    database.close()
    return path


@pytest.fixture
def sqlite_tiki(_sqlite_template: Path, tmp_path: Path) -> Iterator[TikiDatabase]:
    """The same in SQLite, in a file of this test alone, where everybody may do everything."""
    yield from _opened_tiki(f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / 'tiki.db')}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which server the integration tests ran on."""
    if version := config.stash.get(_SERVER, ""):
        terminalreporter.write_line(f"database server of the integration tests: {version}")


def _fill_with_tiki(tx: Transaction, engine: str = "InnoDB") -> None:
    tiki_tables.create(tx, engine=engine)
    golden.load(tx, golden.fixture()["rows"])
    schema.set_up(tx)


def _urls(template: Template, server_admin: ServerAdmin) -> tuple[str, str]:
    """Make a database like the template; return its URLs, of tikisync's user and of who may do everything."""
    url = server_admin.create_database()
    template.restore(url)
    return server_admin.create_service_user(url), url


def _opened_tiki(url: str, admin: Database | None = None) -> Iterator[TikiDatabase]:
    database = TikiDatabase(url, admin)
    yield database
    database.close()


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()
