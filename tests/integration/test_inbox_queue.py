from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from tests.arrivals import arrival
from tikisync.core.deaths import Death
from tikisync.database import Database, Transaction
from tikisync.inbox import attempts, deaths, deliveries, order, queue
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deaths import Loss
from tikisync.inbox.deliveries import Delivery
from tikisync.inbox.queue import Limits, Routing

NOW = 1_800_000_000_000
LIMITS = Limits(deliveries=10, lease=60_000, takeovers=3)


def keys_in_body(delivery: Delivery) -> list[bytes]:
    """A body such as ``a b`` touches the items a and b."""
    return [word.ljust(16, b".") for word in delivery.body.split()]


ROUTING = Routing("rules-1", keys_in_body)


def receive(database: Database, *bodies: str) -> None:
    with database.transaction() as tx:
        deliveries.add(tx, [arrival(body=body.encode()) for body in bodies])


def claim(
    database: Database, now: int = NOW, *, worker: str = "w1", routing: Routing = ROUTING, limits: Limits = LIMITS
) -> list[int]:
    with database.transaction() as tx:
        claimed = queue.claim(tx, worker, routing, limits, now)
    assert claimed is not None
    return [each.delivery_id for each in claimed]


def finish(database: Database, *ids: int, worker: str = "w1", outcome: str = "done", now: int = NOW) -> bool:
    with database.transaction() as tx:
        return queue.finish(tx, [Attempt(each, worker, now, now, outcome) for each in ids])


def reschedule(database: Database, delivery_id: int, due_at: int, *, worker: str = "w1") -> bool:
    with database.transaction() as tx:
        return queue.reschedule(tx, Attempt(delivery_id, worker, NOW, NOW, "retry", "database_away"), due_at)


def look(database: Database, delivery_id: int) -> Delivery:
    with database.transaction() as tx:
        found = deliveries.get(tx, delivery_id)
    assert found is not None
    return found


def outcomes(database: Database, delivery_id: int) -> list[tuple[str, str]]:
    with database.transaction() as tx:
        return [(each.worker, each.outcome) for each in attempts.of(tx, delivery_id)]


def test_nothing_is_claimed_from_an_empty_inbox(inbox: Database) -> None:
    assert claim(inbox) == []


def test_deliveries_are_claimed_in_the_order_received_and_only_once(inbox: Database) -> None:
    receive(inbox, "a", "b", "c")
    assert claim(inbox) == [1, 2, 3]
    assert claim(inbox, worker="w2") == []


def test_a_claimed_delivery_says_who_has_it_and_until_when(inbox: Database) -> None:
    receive(inbox, "a")
    with inbox.transaction() as tx:
        (claimed,) = queue.claim(tx, "w1", ROUTING, LIMITS, NOW) or []
    assert (claimed.body, claimed.attempts, claimed.leased_by, claimed.due_at) == (b"a", 1, "w1", NOW + 60_000)


def test_a_claim_takes_no_more_than_its_number(inbox: Database) -> None:
    receive(inbox, *"abcde")
    few = Limits(deliveries=2)
    assert [claim(inbox, limits=few) for _ in range(4)] == [[1, 2], [3, 4], [5], []]


def test_a_claim_takes_no_more_than_its_bytes_but_always_one(inbox: Database) -> None:
    receive(inbox, "a" * 16, "b" * 16, "c" * 16, "d" * 16)
    assert [claim(inbox, limits=Limits(bytes=size)) for size in (40, 5)] == [[1, 2], [3]]


def test_a_later_delivery_of_an_item_waits_for_the_earlier_one(inbox: Database) -> None:
    receive(inbox, "a", "a", "a")
    assert claim(inbox) == [1]
    assert claim(inbox, worker="w2") == []
    assert [look(inbox, number).waits_for for number in (1, 2, 3)] == [None, 1, 2]
    assert finish(inbox, 1)
    assert claim(inbox, worker="w2") == [2]
    assert claim(inbox) == []


def test_deliveries_of_other_items_do_not_wait(inbox: Database) -> None:
    receive(inbox, "a", "a", "b")
    assert claim(inbox) == [1, 3]


def test_deliveries_that_touch_nothing_wait_for_nobody(inbox: Database) -> None:
    receive(inbox, "", "", "")
    assert claim(inbox) == [1, 2, 3]


def test_a_delivery_of_several_items_waits_for_all_of_them(inbox: Database) -> None:
    receive(inbox, "a", "b", "a b", "b")
    assert claim(inbox) == [1, 2]
    finish(inbox, 2)
    assert claim(inbox) == []
    finish(inbox, 1)
    assert claim(inbox) == [3]
    finish(inbox, 3)
    assert claim(inbox) == [4]


def test_waiting_for_a_retry_holds_up_the_same_item_only(inbox: Database) -> None:
    receive(inbox, "a", "a", "b")
    assert claim(inbox) == [1, 3]
    assert reschedule(inbox, 1, NOW + 5_000)
    assert claim(inbox, NOW + 4_999) == []
    assert claim(inbox, NOW + 5_000) == [1]
    assert look(inbox, 1).attempts == 2


@pytest.mark.parametrize("outcome", ["done", "ignored", "failed"])
def test_the_next_delivery_goes_on_whatever_became_of_the_first(inbox: Database, outcome: str) -> None:
    receive(inbox, "a", "a")
    claim(inbox)
    finish(inbox, 1, outcome=outcome)
    assert claim(inbox) == [2]


def test_the_next_delivery_goes_on_when_the_first_is_discarded(inbox: Database) -> None:
    receive(inbox, "a", "a")
    claim(inbox)
    with inbox.transaction() as tx:
        assert deliveries.discard(tx, [1], 1_800_000_000_000) == 1
    assert claim(inbox, worker="w2") == [2]
    assert not finish(inbox, 1)
    assert look(inbox, 1).status == "discarded"


def test_order_holds_beyond_what_one_claim_looks_at(inbox: Database) -> None:
    receive(inbox, *["a"] * 25, "b")
    taken: list[int] = []
    while claimed := claim(inbox, limits=Limits(deliveries=4)):
        taken += claimed
        finish(inbox, *claimed)
    assert [each for each in taken if each != 26] == list(range(1, 26))
    assert taken.index(26) < 10


def test_a_claim_that_meets_only_waiting_deliveries_asks_to_be_called_again(inbox: Database) -> None:
    receive(inbox, *["a"] * 50, "b")
    few = Limits(deliveries=2)
    assert claim(inbox, limits=few) == [1]
    found = []
    for _ in range(3):
        with inbox.transaction() as tx:
            found.append(queue.claim(tx, "w2", ROUTING, few, NOW))
    assert found[:2] == [None, None]
    assert [each.delivery_id for each in found[2] or []] == [51]


def test_finishing_keeps_outcome_reason_time_and_what_was_written(inbox: Database) -> None:
    receive(inbox, "a", "b")
    claim(inbox)
    done = Attempt(1, "w1", NOW, NOW + 5, "done", wrote=("order: created item 12", "Läden: updated item 3"))
    ignored = Attempt(2, "w1", NOW + 1, NOW + 5, "ignored", reason="no rule wants it" * 100)
    with inbox.transaction() as tx:
        assert queue.finish(tx, [done, ignored])
    with inbox.transaction() as tx:
        assert attempts.of(tx, 1) == [done]
    first, second = look(inbox, 1), look(inbox, 2)
    assert (first.status, first.finished_at, first.leased_by, first.due_at) == ("done", NOW + 5, None, None)
    assert (second.status, len(second.reason), second.reason[:16]) == ("ignored", 1000, "no rule wants it")


def test_a_delivery_given_back_with_an_error_keeps_the_reason(inbox: Database) -> None:
    receive(inbox, "a")
    claim(inbox)
    reschedule(inbox, 1, NOW + 1)
    found = look(inbox, 1)
    assert (found.status, found.reason, found.due_at, found.leased_by) == ("pending", "database_away", NOW + 1, None)
    assert outcomes(inbox, 1) == [("w1", "retry")]


def test_a_dead_workers_delivery_is_taken_over_when_its_lease_ends(inbox: Database) -> None:
    receive(inbox, "a")
    claim(inbox)
    assert claim(inbox, NOW + 59_999, worker="w2") == []
    assert claim(inbox, NOW + 60_000, worker="w2") == [1]
    assert outcomes(inbox, 1) == [("w1", "died")]


def test_a_worker_that_lost_its_lease_can_change_nothing_any_more(inbox: Database) -> None:
    receive(inbox, "a", "b")
    claim(inbox)
    claim(inbox, NOW + 60_000, worker="w2", limits=Limits(deliveries=1))
    assert not finish(inbox, 1)
    assert not reschedule(inbox, 1, NOW)
    with inbox.transaction() as tx:
        queue.extend(tx, "w1", [1], NOW + 999_999)
        queue.release(tx, "w1", [1])
    found = look(inbox, 1)
    assert (found.status, found.leased_by, found.due_at) == ("pending", "w2", NOW + 120_000)
    assert finish(inbox, 1, worker="w2")


def test_one_lost_lease_spoils_the_whole_batch(inbox: Database) -> None:
    receive(inbox, "a", "b")
    claim(inbox)
    with inbox.transaction() as tx:
        deliveries.discard(tx, [2], 1_800_000_000_000)
    assert not finish(inbox, 1, 2)


def test_a_lease_that_ended_is_still_good_while_nobody_took_it(inbox: Database) -> None:
    receive(inbox, "a")
    claim(inbox)
    assert finish(inbox, 1, now=NOW + 600_000)


def test_an_extended_lease_is_not_taken_over(inbox: Database) -> None:
    receive(inbox, "a")
    claim(inbox)
    with inbox.transaction() as tx:
        queue.extend(tx, "w1", [1], NOW + 100_000)
    assert claim(inbox, NOW + 99_999, worker="w2") == []


def test_released_deliveries_are_due_at_once_and_the_attempt_does_not_count(inbox: Database) -> None:
    receive(inbox, "a")
    claim(inbox)
    with inbox.transaction() as tx:
        queue.release(tx, "w1", [1])
    assert claim(inbox, worker="w2") == [1]
    assert look(inbox, 1).attempts == 1


def test_after_a_death_each_delivery_is_tried_alone(inbox: Database) -> None:
    receive(inbox, "a", "b", "c")
    claim(inbox)
    later = NOW + 60_000
    assert [claim(inbox, later, worker=f"w{number}") for number in (2, 3, 4, 5)] == [[1], [2], [3], []]


def test_what_kills_its_workers_is_given_up_and_the_next_goes_on(inbox: Database) -> None:
    receive(inbox, "a", "a")
    deaths = [claim(inbox, NOW + number * 60_000, worker=f"w{number}") for number in range(3)]
    assert deaths == [[1], [1], [1]]
    assert claim(inbox, NOW + 3 * 60_000, worker="w3") == [2]
    found = look(inbox, 1)
    assert (found.status, found.reason, found.finished_at) == ("failed", "worker_died", NOW + 3 * 60_000)
    assert outcomes(inbox, 1) == [("w0", "died"), ("w1", "died"), ("w2", "died")]


def test_deaths_do_not_add_up_over_attempts_that_ended_well(inbox: Database) -> None:
    receive(inbox, "a")
    now = NOW
    for _ in range(5):
        claim(inbox, now, worker="dies")
        now += 60_000
        assert claim(inbox, now, worker="lives") == [1]
        assert reschedule(inbox, 1, now, worker="lives")
    assert look(inbox, 1).status == "pending"


def test_new_rules_route_again_what_waits(inbox: Database) -> None:
    receive(inbox, "a", "a", "b")
    assert claim(inbox) == [1, 3]
    reschedule(inbox, 3, NOW + 10_000)
    unordered = Routing("rules-2", lambda delivery: [])
    assert claim(inbox, routing=unordered) == [2]
    assert look(inbox, 2).waits_for is None
    assert claim(inbox, NOW + 10_000, routing=unordered) == [3]


def test_rules_that_change_back_and_forth_keep_the_order(inbox: Database) -> None:
    receive(inbox, *["a", "b"] * 10)
    other = Routing("rules-2", lambda delivery: [b"." * 16, *keys_in_body(delivery)])
    taken: list[int] = []
    while claimed := claim(inbox, routing=other if len(taken) % 3 else ROUTING):
        taken += claimed
        finish(inbox, *claimed)
    assert [each for each in taken if each % 2] == list(range(1, 21, 2))
    assert [each for each in taken if not each % 2] == list(range(2, 21, 2))


def test_a_delivery_being_applied_by_old_rules_holds_up_its_item_under_new_ones(inbox: Database) -> None:
    receive(inbox, "a", "a")
    old = Routing("old", lambda delivery: [])
    assert claim(inbox, routing=old, limits=Limits(deliveries=1)) == [1]
    assert claim(inbox, worker="w2") == []
    finish(inbox, 1)
    assert claim(inbox, worker="w2") == [2]


def test_earlier_deliveries_are_routed_before_a_later_one_is_claimed(inbox: Database) -> None:
    receive(inbox, *["a"] * 70)
    routed: list[int] = []

    def route(delivery: Delivery) -> Iterable[bytes]:
        routed.append(delivery.delivery_id)
        return keys_in_body(delivery)

    assert claim(inbox, routing=Routing("rules-1", route)) == [1]
    assert routed == list(range(1, 51))


def test_a_replayed_delivery_is_applied_again_even_if_it_was_done(inbox: Database) -> None:
    receive(inbox, "a")
    claim(inbox)
    finish(inbox, 1)
    with inbox.transaction() as tx:
        assert deliveries.replay(tx, [1, 99]) == 1
    found = look(inbox, 1)
    assert (found.status, found.attempts, found.reason, found.finished_at) == ("pending", 0, "", None)
    assert claim(inbox) == [1]
    finish(inbox, 1)
    assert outcomes(inbox, 1) == [("w1", "done"), ("w1", "done")]


def test_a_replayed_delivery_goes_before_later_ones_of_its_item(inbox: Database) -> None:
    receive(inbox, "a", "a")
    claim(inbox)
    finish(inbox, 1, outcome="failed")
    claim(inbox)
    reschedule(inbox, 2, NOW + 1_000)
    with inbox.transaction() as tx:
        deliveries.replay(tx, [1])
    assert claim(inbox, NOW + 1_000) == [1]


def test_nothing_overtakes_replayed_deliveries_that_are_not_routed_yet(inbox: Database) -> None:
    receive(inbox, *["x"] * 3, "a", "a")
    while claimed := claim(inbox):
        if claimed == [1, 4]:
            finish(inbox, 1)
            finish(inbox, 4, outcome="failed")
        elif 5 in claimed:
            reschedule(inbox, 5, NOW + 1_000)
            finish(inbox, *(each for each in claimed if each != 5))
        else:
            finish(inbox, *claimed)
    with inbox.transaction() as tx:
        assert deliveries.replay(tx, [1, 2, 3, 4]) == 4
    few = Limits(deliveries=1)
    assert [claim(inbox, NOW + 2_000, limits=few) for _ in range(2)] == [[1], [4]]


def test_replaying_what_waits_for_its_retry_tries_it_now(inbox: Database) -> None:
    receive(inbox, "a", "a")
    claim(inbox)
    reschedule(inbox, 1, NOW + 300_000)
    with inbox.transaction() as tx:
        assert deliveries.replay(tx, [1, 2]) == 2
    assert claim(inbox) == [1]
    finish(inbox, 1)
    assert claim(inbox) == [2]


def test_a_delivery_being_applied_is_not_replayed(inbox: Database) -> None:
    receive(inbox, "a", "a")
    claim(inbox)
    with inbox.transaction() as tx:
        assert deliveries.replay(tx, [1]) == 0
    assert claim(inbox, worker="w2") == []
    assert finish(inbox, 1)


def test_a_done_delivery_cannot_be_discarded(inbox: Database) -> None:
    receive(inbox, "a")
    claim(inbox)
    finish(inbox, 1)
    with inbox.transaction() as tx:
        assert deliveries.discard(tx, [1], 1_800_000_000_000) == 0


def test_a_replayed_delivery_still_protects_from_duplicates(inbox: Database) -> None:
    with inbox.transaction() as tx:
        deliveries.add(tx, [arrival(id_key=b"k" * 32)])
    claim(inbox)
    finish(inbox, 1)
    with inbox.transaction() as tx:
        deliveries.replay(tx, [1])
        assert deliveries.add(tx, [arrival(id_key=b"k" * 32)]) == 1


def test_nobody_waits_for_a_delivery_that_finishes_at_the_same_moment(inbox: Database) -> None:
    receive(inbox, "a", "a")
    claim(inbox)
    with inbox.transaction() as tx:
        waiting = order.blocked(tx, [2])
        queue.finish(tx, [Attempt(1, "w1", NOW, NOW, "done")])
        order.park(tx, waiting)
    assert claim(inbox) == [2]


def test_an_order_key_left_behind_by_a_finished_delivery_blocks_nobody(inbox: Database) -> None:
    receive(inbox, "a", "a")
    claim(inbox)
    finish(inbox, 1)
    with inbox.transaction() as tx:
        tx.insert("tikisync_order_keys", {"order_key": b"a".ljust(16, b"."), "delivery_id": 1})
    assert claim(inbox) == [2]


def test_finished_deliveries_leave_no_order_keys(inbox: Database) -> None:
    receive(inbox, "a b", "b c", "c")
    while claimed := claim(inbox):
        finish(inbox, *claimed)
    with inbox.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tikisync_order_keys") == 0


def test_looking_for_work_in_vain_writes_nothing(server_inbox: Database) -> None:
    receive(server_inbox, "a", "a")
    claim(server_inbox)

    def writes(tx: Transaction) -> Sequence[str]:
        rows = tx.all("SHOW SESSION STATUS WHERE Variable_name IN ('Com_insert', 'Com_update', 'Com_delete')")
        return [row["Value"] for row in rows]

    with server_inbox.transaction() as tx:
        before = writes(tx)
        assert queue.claim(tx, "w2", ROUTING, LIMITS, NOW) == []
        assert writes(tx) == before


@pytest.mark.parametrize(("is_certain", "times"), [(True, 3), (False, 5)])
def test_what_its_workers_die_of_is_given_up_sooner_than_what_was_in_hand_when_somebody_killed_them(
    is_certain: bool, times: int, inbox: Database
) -> None:
    receive(inbox, "a")
    given_up: list[bool] = []
    while not any(given_up):
        worker, now = f"w{len(given_up)}", NOW + 1000 * len(given_up)
        assert claim(inbox, now, worker=worker) == [1]
        loss = Loss(worker, Death("worker_died", "it is dead", is_certain), (1,))
        with inbox.transaction() as tx:
            [(_, gone)] = deaths.record(tx, loss, Limits(), now, lambda _: 0)
        given_up.append(gone)

    assert len(given_up) == times
    assert (look(inbox, 1).status, look(inbox, 1).reason) == ("failed", "worker_died")
