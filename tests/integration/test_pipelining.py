"""The event loop's own connection to a real server, through a proxy that can be cut or held up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from sqlalchemy.engine import make_url

from tests import colours as table
from tests.tcp_proxy import Proxy
from tikisync.database import Database
from tikisync.database.nonblocking import NonBlockingConnection
from tikisync.errors import PassingError
from tikisync.web import pipelining
from tikisync.web.pipelining import PipelinedConnection

T = TypeVar("T")
UPDATE = ["UPDATE colours SET shade = shade + 1 WHERE name = 'red'"]


@pytest.fixture
def proxy(fresh_database: Callable[[], str]) -> Iterator[tuple[Database, Proxy]]:
    """A database with the colour red, and the proxy that leads to it."""
    url = make_url(fresh_database())
    proxy = Proxy(url.host or "127.0.0.1", url.port or 3306)
    database = Database(url.set(host="127.0.0.1", port=proxy.port))
    with database.transaction() as tx:
        table.create(tx, "red")
    yield database, proxy
    proxy.flows.set()
    database.close()
    proxy.cut()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelining, "RETRY", 0.05)


def run(connection: PipelinedConnection, scenario: Callable[[], Awaitable[T]]) -> T:
    async def closing() -> T:
        try:
            return await asyncio.wait_for(scenario(), 20)
        finally:
            connection.close()

    return asyncio.run(closing())


async def until_ready(connection: PipelinedConnection) -> None:
    while not connection.is_ready():
        await asyncio.sleep(0.005)


def asked(connection: PipelinedConnection, *statements: str) -> asyncio.Future[int | None]:
    answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    connection.ask(statements or UPDATE, answer.set_result)
    return answer


def test_it_is_connected_to_when_there_is_use_for_it_and_answers_in_order(proxy: tuple[Database, Proxy]) -> None:
    connection = PipelinedConnection(proxy[0].nonblocking)

    async def scenario() -> list[int | None]:
        assert not connection.is_ready()
        await until_ready(connection)
        refused = asked(connection, "UPDATE colours SET shade = NULL, name = NULL")
        return list(await asyncio.gather(asked(connection), refused, asked(connection)))

    assert run(connection, scenario) == [1, None, 1]


def test_when_it_breaks_all_who_wait_are_told_and_the_next_connection_serves_on(proxy: tuple[Database, Proxy]) -> None:
    connection = PipelinedConnection(proxy[0].nonblocking)

    async def scenario() -> list[int | None]:
        await until_ready(connection)
        proxy[1].flows.clear()
        waiting = [asked(connection) for _ in range(3)]
        proxy[1].cut()
        proxy[1].flows.set()
        assert await asyncio.gather(*waiting) == [None] * 3
        assert not connection.is_ready()
        await asyncio.sleep(0.1)  # it is tried in vain
        proxy[1].restore()
        await until_ready(connection)
        return [await asked(connection)]

    assert run(connection, scenario) == [1]


def test_a_server_that_ends_an_idle_connection_is_connected_to_anew(proxy: tuple[Database, Proxy]) -> None:
    connection = PipelinedConnection(proxy[0].nonblocking)

    async def scenario() -> int | None:
        await until_ready(connection)
        proxy[1].cut()
        proxy[1].restore()
        while connection.is_ready():
            await asyncio.sleep(0.005)
        await until_ready(connection)
        return await asked(connection)

    assert run(connection, scenario) == 1


def test_nobody_waits_longer_than_its_patience_and_answers_in_time_prolong_it(proxy: tuple[Database, Proxy]) -> None:
    connection = PipelinedConnection(proxy[0].nonblocking, patience=0.3)

    async def scenario() -> list[int | None]:
        await until_ready(connection)
        answers = []
        for _ in range(5):
            answers.append(await asked(connection))
            await asyncio.sleep(0.1)
        proxy[1].flows.clear()
        return [*answers, *await asyncio.gather(asked(connection), asked(connection))]

    assert run(connection, scenario) == [1] * 5 + [None, None]


def test_a_statement_that_the_socket_does_not_take_at_once_is_sent_by_and_by(proxy: tuple[Database, Proxy]) -> None:
    connection = PipelinedConnection(proxy[0].nonblocking)
    long = f"UPDATE colours SET shade = LENGTH('{'x' * 900_000}')"

    async def scenario() -> list[int | None]:
        await until_ready(connection)
        proxy[1].flows.clear()
        waiting = [asked(connection, long, long, long) for _ in range(5)]
        await asyncio.sleep(0.05)
        proxy[1].flows.set()
        return await asyncio.gather(*waiting)

    assert run(connection, scenario) == [1] * 5


def test_what_is_being_sent_when_it_breaks_is_told_so(proxy: tuple[Database, Proxy]) -> None:
    connection = PipelinedConnection(proxy[0].nonblocking)

    async def scenario() -> list[int | None]:
        await until_ready(connection)
        proxy[1].flows.clear()
        waiting = [asked(connection, f"DO LENGTH('{'x' * 900_000}')") for _ in range(9)]
        proxy[1].cut()
        return await asyncio.gather(*waiting, asked(connection))

    assert run(connection, scenario) == [None] * 10


def test_closing_it_tells_those_who_wait_and_closes_what_is_connected_to_meanwhile(
    proxy: tuple[Database, Proxy],
) -> None:
    late = threading.Event()

    def connect() -> NonBlockingConnection | None:
        assert late.wait(10)
        return proxy[0].nonblocking()

    connection = PipelinedConnection(connect)

    async def scenario() -> tuple[int | None, bool]:
        assert not connection.is_ready()
        connection.close()
        late.set()
        await asyncio.sleep(0.2)
        other = PipelinedConnection(proxy[0].nonblocking)
        await until_ready(other)
        waiting = asked(other)
        other.close()
        return await waiting, connection.is_ready()

    assert run(connection, scenario) == (None, False)


def test_a_loop_that_is_gone_when_the_connection_comes_does_not_keep_it(proxy: tuple[Database, Proxy]) -> None:
    late, ended = threading.Event(), threading.Event()
    opened: list[NonBlockingConnection] = []

    class Told(NonBlockingConnection):
        def close(self) -> None:
            super().close()
            ended.set()

    def connect() -> NonBlockingConnection | None:
        assert late.wait(10)
        connection = proxy[0].nonblocking()
        assert connection is not None
        opened.append(connection)
        connection.__class__ = Told
        return connection

    async def begin() -> bool:
        return PipelinedConnection(connect).is_ready()

    assert not asyncio.run(begin())
    late.set()
    assert ended.wait(10)


@pytest.mark.parametrize("trouble", [None, PassingError("away")], ids=["no server", "away"])
def test_it_is_tried_again_unless_there_is_no_server(trouble: Exception | None) -> None:
    calls = 0

    def connect() -> NonBlockingConnection | None:
        nonlocal calls
        calls += 1
        if trouble:
            raise trouble
        return None

    connection = PipelinedConnection(connect)

    async def scenario() -> None:
        for _ in range(30):
            assert not connection.is_ready()
            await asyncio.sleep(0.01)

    run(connection, scenario)
    assert (calls > 1) == bool(trouble)
