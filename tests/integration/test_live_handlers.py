"""What is looked at in Tiki before requests are stored by handlers seen before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clocks import StandingClock
from tests.databases import TikiDatabase
from tests.integration.test_prepared import no_user, switch_off
from tests.integration.test_receive import change, handler
from tikisync.core.handlers import Handler
from tikisync.tiki.live_handlers import LiveHandlers

MANY = 30


@pytest.fixture
def ticks() -> StandingClock:
    return StandingClock(100.0)


@pytest.fixture
def live(tiki: TikiDatabase, ticks: StandingClock) -> LiveHandlers:
    """What has seen many handlers, and has just looked at all of them."""
    copied = "`user`, `verification`, `algo`, `signatureHeader`, `secret`, `created`, `lastModif`"
    with tiki.admin.transaction() as tx:
        for number in range(MANY):
            tx.run(
                f"INSERT INTO tiki_webhooks (`name`, {copied}) SELECT :name, {copied} FROM tiki_webhooks LIMIT 1",
                name=f"Handler {number}",
            )
    live = LiveHandlers({}, ticks)
    for _ in range(3):
        look(tiki, live)
    assert holds(tiki, live.condition([None]))
    return live


def look(tiki: TikiDatabase, live: LiveHandlers) -> None:
    with tiki.transaction() as tx:
        live.look(tx)


def holds(tiki: TikiDatabase, condition: str) -> bool:
    with tiki.transaction() as tx:
        return bool(tx.value(f"SELECT {condition}"))


def others_secret(tiki: TikiDatabase) -> None:
    change(tiki, "UPDATE tiki_webhooks SET secret = 'another' WHERE name = 'Handler 7'")


def others_end(tiki: TikiDatabase) -> None:
    change(tiki, "DELETE FROM tiki_webhooks WHERE name = 'Handler 7'")


def own_secret(tiki: TikiDatabase) -> None:
    change(tiki, "UPDATE tiki_webhooks SET secret = 'another' WHERE webhookId = :id", id=handler(tiki).handler_id)


def own_end(tiki: TikiDatabase) -> None:
    change(tiki, "DELETE FROM tiki_webhooks WHERE webhookId = :id", id=handler(tiki).handler_id)


@pytest.mark.parametrize("edit", [others_secret, others_end])
def test_of_many_handlers_those_that_take_no_request_are_looked_at_twice_a_second(
    tiki: TikiDatabase, live: LiveHandlers, ticks: StandingClock, edit: Callable[[TikiDatabase], None]
) -> None:
    taker = handler(tiki)
    edit(tiki)
    assert holds(tiki, live.condition([taker, taker]))
    ticks.now += 0.5
    assert not holds(tiki, live.condition([taker]))
    look(tiki, live)
    ticks.now += 0.5
    assert holds(tiki, live.condition([taker]))
    assert live.seen
    assert [each.name for each in live.seen.handlers or () if each.secret == "another"] in (["Handler 7"], [])


@pytest.mark.parametrize("edit", [own_secret, own_end, switch_off, no_user])
def test_what_takes_a_request_is_looked_at_each_time(
    tiki: TikiDatabase, live: LiveHandlers, edit: Callable[[TikiDatabase], None]
) -> None:
    taker = handler(tiki)
    assert holds(tiki, live.condition([taker]))
    edit(tiki)
    assert not holds(tiki, live.condition([taker]))


def takers(live: LiveHandlers, number: int) -> list[Handler]:
    assert live.seen
    return list(live.seen.handlers or ())[:number]


@pytest.mark.parametrize("edit", [others_secret, others_end])
def test_a_request_that_none_takes_is_refused_only_with_all_handlers_in_sight(
    tiki: TikiDatabase, live: LiveHandlers, edit: Callable[[TikiDatabase], None]
) -> None:
    edit(tiki)
    assert holds(tiki, live.condition(takers(live, 8)[:3]))
    assert not holds(tiki, live.condition([*takers(live, 3), None]))


def test_several_that_take_requests_are_looked_at_together_and_more_than_a_few_like_all(
    tiki: TikiDatabase, live: LiveHandlers
) -> None:
    assert holds(tiki, live.condition(takers(live, 8)))
    assert live.condition(takers(live, 9)) == live.condition([None])
    assert live.condition(takers(live, 8)) != live.condition([None])


def test_a_handler_that_was_not_there_when_all_were_looked_at_is_not_overlooked(
    tiki: TikiDatabase, live: LiveHandlers
) -> None:
    [first, *_] = takers(live, 1)
    change(tiki, "INSERT INTO tiki_webhooks SELECT 9999, name, user, verification, algo, signatureHeader, secret, 0, 0 "
                 "FROM tiki_webhooks WHERE webhookId = :id", id=first.handler_id)  # fmt: skip
    with tiki.transaction() as tx:
        assert live.look(tx) is not None
    assert live.seen
    [newest] = [each for each in live.seen.handlers or () if each.handler_id == 9999]
    assert holds(tiki, live.condition([newest]))
