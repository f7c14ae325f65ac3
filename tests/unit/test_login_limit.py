"""How often a login may be tried."""

from __future__ import annotations

from tikisync.core.login_limit import MAX_KEYS, MAX_LOGIN, PER_ADDRESS, PER_LOGIN, PER_PAIR, WINDOW, LoginLimit

HERE = "192.0.2.1"


def test_a_login_from_an_address_has_so_many_tries_and_then_waits_until_the_first_is_over() -> None:
    limit = LoginLimit()
    for second in range(PER_PAIR):
        assert limit.wait("admin", HERE, second) == 0
        limit.count("Admin", HERE, second)
    assert limit.wait("ADMIN", HERE, 10) == WINDOW - 10 + 1
    assert limit.wait("other", HERE, 10) == 0
    assert limit.wait("admin", HERE, WINDOW) == 0


def test_an_address_that_tries_many_logins_waits_too() -> None:
    limit = LoginLimit()
    for number in range(PER_ADDRESS):
        limit.count(f"user{number}", HERE, 0)
    assert limit.wait("new", HERE, 1) > 0
    assert limit.wait("new", "192.0.2.2", 1) == 0


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    limit = LoginLimit()
    for number in range(PER_PAIR):
        limit.count("admin", f"2001:db8::{number:x}", 0)
    assert limit.wait("admin", "2001:db8::ffff", 1) > 0
    assert limit.wait("admin", "2001:db8:0:1::1", 1) == 0


def test_a_login_that_is_tried_from_many_addresses_waits_everywhere() -> None:
    limit = LoginLimit()
    for number in range(PER_LOGIN):
        limit.count("admin", f"2001:db8:0:{number:x}::1", 0)
    assert limit.wait("admin", HERE, 1) > 0
    assert limit.wait("boss", HERE, 1) == 0


def test_who_is_in_starts_anew() -> None:
    limit = LoginLimit()
    for _ in range(PER_PAIR):
        limit.count("admin", HERE, 0)
    limit.succeeded("admin", HERE)
    assert limit.wait("admin", HERE, 1) == 0


def test_strangers_cannot_fill_the_memory() -> None:
    limit = LoginLimit()
    for number in range(MAX_KEYS):
        limit.count(f"user{number}", f"address{number}", 0)
    assert len(limit._tries) == MAX_KEYS


def test_of_a_login_only_as_much_is_remembered_as_tiki_has_room_for() -> None:
    limit = LoginLimit()
    for number in range(PER_PAIR):
        limit.count(f"{'x' * 16_000}{number}", HERE, 0)
    assert max(len(text) for key in limit._tries for text in key) == MAX_LOGIN
    assert limit.wait("x" * 16_000, HERE, 1) > 0
