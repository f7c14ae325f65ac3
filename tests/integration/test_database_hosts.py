"""One database behind two addresses: what happens to one of them costs no more than an attempt."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import make_url

from tests.colours import shades
from tests.databases import ServerAdmin
from tests.tcp_proxy import Proxy
from tikisync.database import Database
from tikisync.errors import PassingError


@pytest.fixture
def ways(server_colours: Database) -> Iterator[tuple[Proxy, Proxy]]:
    """Two addresses of the server with the table of colours."""
    target = str(server_colours._url.host), server_colours._url.port or 3306
    proxies = Proxy(*target), Proxy(*target)
    yield proxies
    for each in proxies:
        each.cut()


@pytest.fixture
def url(server_colours: Database, server_admin: ServerAdmin, ways: tuple[Proxy, Proxy]) -> str:
    """The URL with both addresses, of a user without any privilege over the whole server."""
    written = server_admin.create_user(str(server_colours._url), "SELECT, INSERT")
    parsed = make_url(written)
    return written.replace(f"{parsed.host}:{parsed.port}", ",".join(f"127.0.0.1:{way.port}" for way in ways))


@pytest.fixture
def colours(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


def way_taken(database: Database) -> int:
    with database.transaction() as tx:
        return int(tx._session.connection.connection.driver_connection.port)  # type: ignore[union-attr]


def test_a_host_that_is_away_from_the_start_is_passed_over(colours: Database, ways: tuple[Proxy, Proxy]) -> None:
    ways[0].cut()

    assert way_taken(colours) == ways[1].port


def test_a_host_that_goes_away_costs_one_attempt(colours: Database, ways: tuple[Proxy, Proxy]) -> None:
    assert way_taken(colours) == ways[0].port
    ways[0].cut()

    with pytest.raises(PassingError), colours.transaction() as tx:
        shades(tx)
    assert way_taken(colours) == ways[1].port


def test_a_host_that_falls_silent_is_noticed_in_half_a_minute(colours: Database) -> None:
    with colours.transaction() as tx:
        connected: socket.socket = tx._session.connection.connection.driver_connection._sock  # type: ignore[union-attr]
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15


def test_a_host_that_takes_no_changes_any_more_is_left(
    colours: Database, ways: tuple[Proxy, Proxy], server_admin: ServerAdmin
) -> None:
    assert way_taken(colours) == ways[0].port
    server_admin.run("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(PassingError), colours.transaction() as tx:
            tx.insert("colours", {"name": "pink"})
    finally:
        server_admin.run("SET GLOBAL read_only = 0")
    assert way_taken(colours) == ways[1].port
    with colours.transaction() as tx:
        tx.insert("colours", {"name": "pink"})


def test_where_all_are_away_the_error_names_them_without_the_password(
    colours: Database, ways: tuple[Proxy, Proxy], url: str
) -> None:
    for way in ways:
        way.cut()

    with pytest.raises(PassingError) as away, colours.transaction():
        pass
    assert away.value.reason == "database_away"
    assert all(f"127.0.0.1:{way.port}" in str(away.value) for way in ways)
    assert str(make_url(url.replace(f",127.0.0.1:{ways[1].port}", "")).password) not in str(away.value)
