"""Workers go by the database's clock: a host whose own is wrong agrees with the others."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from sqlalchemy.engine import make_url

from tests.tcp_proxy import Proxy
from tikisync.database import Database
from tikisync.database.clock import database_clock
from tikisync.errors import PassingError

HOUR = 3_600


@pytest.fixture
def wrong_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """This host's clock is an hour ahead; the fixture is the right one."""
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + HOUR)
    return right


def test_the_servers_clock_counts_where_the_hosts_is_wrong(
    database: Database, wrong_clock: Callable[[], float]
) -> None:
    assert database_clock(database)() == pytest.approx(wrong_clock(), abs=60)


def test_a_file_has_the_clock_of_its_host() -> None:
    assert database_clock(Database("sqlite://")) is time.time


def test_it_goes_on_without_the_server_but_does_not_begin_without_it(
    fresh_database: Callable[[], str], wrong_clock: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(fresh_database())
    proxy = Proxy(str(url.host), url.port or 3306)
    proxy.cut()
    database = Database(url.set(host="127.0.0.1", port=proxy.port))
    clock = database_clock(database)

    with pytest.raises(PassingError):
        clock()
    proxy.restore()
    assert clock() == pytest.approx(wrong_clock(), abs=60)
    proxy.cut()
    ticks = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: ticks() + 11)
    assert clock() == pytest.approx(wrong_clock() + 11, abs=60)
    database.close()


def test_it_is_looked_at_again_only_after_a_while(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, now = database_clock(database), time.time()
    clock()
    database.close()
    monkeypatch.setattr(database, "transaction", lambda: pytest.fail("it was looked at again"))

    assert clock() == pytest.approx(now, abs=60)
