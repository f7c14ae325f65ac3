"""The door: rates by address and by handler, in bounded memory."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import StandingClock
from tikisync.config import DoorSettings
from tikisync.core.door import Bucket, Rate, client_of, is_allowed, is_this_host, take
from tikisync.web.door import BY_ADDRESS, MAX_BUCKETS, MAX_NAME, Door


@given(
    st.integers(1, 50), st.integers(1, 3600), st.lists(st.floats(0, 10, allow_subnormal=False), min_size=1, max_size=80)
)
def test_never_more_than_the_burst_and_what_time_has_given_back_is_let_in(
    count: int, period: int, gaps: list[float]
) -> None:
    rate, bucket, now, admitted = Rate(count, period), None, 1000.0, 0
    for gap in gaps:
        now += gap
        bucket, seconds = take(bucket, rate, now)
        admitted += not seconds
        assert 0 <= bucket.tokens <= count
        if seconds:
            _, after = take(bucket, rate, now + seconds + 1e-6)
            assert not after
    assert admitted <= count + (now - 1000) * count / period + 1e-6


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    assert take(Bucket(0.5, 100), Rate(1, 1), 50) == (Bucket(0.5, 50), 0.5)


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_a_client_is_an_address_or_the_network_it_is_given(address: str, client: str) -> None:
    assert client_of(address) == client


def test_this_host_is_loopback_or_has_no_address() -> None:
    assert [is_this_host(each) for each in ("127.0.0.1", "::1", "", "192.0.2.1")] == [True, True, True, False]


def test_only_addresses_of_the_networks_are_allowed() -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert [is_allowed(each, networks) for each in ("10.1.2.3", "2001:db8::1", "11.0.0.1", "", "::1")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_without_networks_every_address_is_allowed() -> None:
    assert is_allowed("", ())
    assert is_allowed("192.0.2.1", ())


def test_a_client_is_let_in_at_its_rate_and_others_beside_it() -> None:
    clock = StandingClock()
    door = Door(DoorSettings(per_address=Rate(2, 60)), clock)
    assert [door.wait("127.0.0.1", None) for _ in range(3)] == [0, 0, 30]
    assert door.wait("127.0.0.2", None) == 0
    clock.now = 30
    assert [door.wait("127.0.0.1", None) for _ in range(2)] == [0, 30]


def test_a_handler_that_the_path_names_is_counted_whoever_asks() -> None:
    door = Door(DoorSettings(per_handler=Rate(1, 10)), StandingClock())
    assert [door.wait("192.0.2.1", "Shop"), door.wait("192.0.2.2", "Shop"), door.wait("192.0.2.3", "Forge")] == [
        0,
        10,
        0,
    ]
    assert door.wait("192.0.2.2", None) == 0


def test_without_settings_strangers_have_a_generous_rate_and_this_host_none() -> None:
    door = Door(DoorSettings(), StandingClock())
    strangers = [door.wait("192.0.2.1", None) for _ in range(BY_ADDRESS.count + 1)]
    assert (strangers[-2], strangers[-1]) == (0, 1)
    assert not any(door.wait("127.0.0.1", None) for _ in range(BY_ADDRESS.count + 1))


def test_rates_can_be_switched_off() -> None:
    door = Door(DoorSettings(Rate(0, 1), Rate(0, 1)), StandingClock())
    assert not any(door.wait("192.0.2.1", "Shop") for _ in range(BY_ADDRESS.count + 1))


def test_only_so_many_clients_are_remembered() -> None:
    door = Door(DoorSettings(per_address=Rate(1, 3600)), StandingClock())
    for number in range(MAX_BUCKETS + 1):
        assert door.wait(f"client {number}", None) == 0
    assert len(door._clients) == MAX_BUCKETS
    assert door.wait("client 0", None) == 0  # forgotten
    assert door.wait(f"client {MAX_BUCKETS}", None) == 3600


def test_of_a_handlers_name_that_a_stranger_makes_up_only_the_beginning_is_remembered() -> None:
    door = Door(DoorSettings(), StandingClock())
    for letter in "ab":
        door.wait("192.0.2.1", letter * 60_000)
    assert [len(name) for name in door._handlers] == [MAX_NAME, MAX_NAME]


def test_many_refusals_are_told_in_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    clock = StandingClock()
    clock.now = 5
    door = Door(DoorSettings(per_address=Rate(1, 60)), clock)
    for _ in range(4):
        door.wait("192.0.2.1", None)
    clock.now = 6
    door.wait("192.0.2.1", "Shop")
    facts = [record.__dict__["facts"] for record in caplog.records]
    assert [each["count"] for each in facts] == [1, 3]
    assert (facts[0]["reason"], facts[0]["client_ip"], facts[1]["path_handler"]) == (
        "too_many_requests",
        "192.0.2.1",
        "Shop",
    )
