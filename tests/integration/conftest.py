"""Databases with tikisync's own tables and nothing else, and with a table of colours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import colours as table
from tikisync.database import Database
from tikisync.inbox import schema


@pytest.fixture(params=["server", "sqlite"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database without tables; on the server and in SQLite."""
    database: Database
    if request.param == "server":
        database = request.getfixturevalue("database")
    else:
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        request.addfinalizer(database.close)
    return database


@pytest.fixture
def inbox(empty_database: Database) -> Database:
    """An empty inbox; on the server and in SQLite."""
    with empty_database.transaction() as tx:
        schema.set_up(tx)
    return empty_database


@pytest.fixture
def server_inbox(database: Database) -> Database:
    """An empty inbox on the server."""
    with database.transaction() as tx:
        schema.set_up(tx)
    return database


@pytest.fixture
def colours(empty_database: Database) -> Database:
    """The table with red 1, green 2, blue 3; on the server and in SQLite."""
    with empty_database.transaction() as tx:
        table.create(tx, "red", "green", "blue")
    return empty_database


@pytest.fixture
def server_colours(database: Database) -> Database:
    """The table with red 1 and green 2; on the server."""
    with database.transaction() as tx:
        table.create(tx, "red", "green")
    return database
