"""A URL may name several hosts; the first that is fit to be used is connected to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pymysql.err import OperationalError
from sqlalchemy import exc

from tests.clocks import StandingClock
from tikisync.database import Database
from tikisync.database.hosts import Address, Hosts, split
from tikisync.errors import SetupError

A, B, C = ("a.example", 3306), ("b.example", 3307), ("c.example", 3306)


@pytest.fixture
def ticks() -> StandingClock:
    return StandingClock(1_000.0)


@pytest.fixture
def hosts(ticks: StandingClock) -> Hosts:
    return Hosts([A, B, C], ticks)


def refusing(*refused: Address, number: int = 2003) -> Callable[[Address], Address]:
    def connect(address: Address) -> Address:
        if address in refused:
            raise OperationalError(number, f"no way to {address[0]}")
        return address

    return connect


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("mysql+pymysql://u:p@a.example/tiki", [("a.example", None)]),
        ("mysql+pymysql://u:p@a.example:3307/tiki?charset=utf8mb4", [("a.example", 3307)]),
        ("mysql+pymysql://u:p,q%40@a.example,b.example:3307/tiki", [("a.example", None), ("b.example", 3307)]),
        ("mysql+pymysql://a.example, b.example/tiki", [("a.example", None), ("b.example", None)]),
        ("mysql+pymysql://u@[::1]:3307,[2001:db8::2]/tiki", [("::1", 3307), ("2001:db8::2", None)]),
        ("sqlite:////srv/a,b.db", [(None, None)]),
    ],
)
def test_the_hosts_of_a_url_are_separated_by_commas(url: str, hosts: list[tuple[str | None, int | None]]) -> None:
    found = split(url)

    assert [(each.host, each.port) for each in found] == hosts
    assert len({(each.username, each.password, each.database, tuple(each.query.items())) for each in found}) == 1


def test_a_password_with_commas_is_one() -> None:
    assert [each.password for each in split("mysql+pymysql://u:p,q@a.example,b.example/tiki")] == ["p,q", "p,q"]


@pytest.mark.parametrize("url", ["mysql+pymysql://u@a.example,,c/tiki", "mysql+pymysql://u@a.example,b:x/tiki"])
def test_a_host_that_cannot_be_read_is_the_set_ups_fault(url: str) -> None:
    with pytest.raises((ValueError, exc.ArgumentError)):
        split(url)
    with pytest.raises(SetupError):
        Database(url)


def test_all_hosts_are_shown_and_the_password_never() -> None:
    database = Database("mysql+pymysql://tiki:hunter2@a.example,b.example:3307/tiki")
    impatient = database.impatient(5)

    assert database.shown == "mysql+pymysql://tiki:***@a.example/tiki, or b.example:3307"
    assert impatient.shown == database.shown
    database.close()
    impatient.close()


def test_the_first_host_is_taken_while_it_works(hosts: Hosts) -> None:
    assert [hosts.connect(refusing()) for _ in range(2)] == [A, A]


def test_a_host_that_is_away_is_passed_over_and_tried_last_for_a_while(hosts: Hosts, ticks: StandingClock) -> None:
    assert hosts.connect(refusing(A)) == B
    assert hosts.connect(refusing()) == B
    assert list(hosts.in_order()) == [B, C, A]
    ticks.now += 31
    assert hosts.connect(refusing()) == A


def test_of_hosts_that_all_failed_the_one_that_has_rested_longest_is_tried_first(
    hosts: Hosts, ticks: StandingClock
) -> None:
    for each in (B, A, C):
        hosts.failed(each)
        ticks.now += 1

    assert list(hosts.in_order()) == [B, A, C]


def test_where_no_host_can_be_used_each_is_named_with_its_reason(hosts: Hosts) -> None:
    with pytest.raises(OperationalError) as away:
        hosts.connect(refusing(A, B, C))

    assert away.value.args[0] == 2003
    assert "a.example:3306 (no way to a.example), b.example:3307 (no way to b.example)" in away.value.args[1]


def test_a_wrong_password_is_not_tried_on_every_host(hosts: Hosts) -> None:
    with pytest.raises(OperationalError, match=r"no way to a\.example"):
        hosts.connect(refusing(A, number=1045))


def test_the_error_of_a_single_host_is_the_drivers_own() -> None:
    with pytest.raises(OperationalError) as away:
        Hosts([A]).connect(refusing(A, number=2013))

    assert away.value.args == (2013, "no way to a.example")
