from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy.engine import make_url

from tests.arrivals import arrival
from tests.clocks import StandingClock
from tests.effects import Effects
from tests.tcp_proxy import Proxy
from tikisync.config import WorkerSettings
from tikisync.core.retry import RetrySettings
from tikisync.database import Database
from tikisync.errors import ConflictError, PassingError, RuleError
from tikisync.inbox import attempts, deliveries
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.apply import Applied
from tikisync.pipeline.worker import Worker

SETTINGS = WorkerSettings(
    lease=60_000, poll=60_000, retry=RetrySettings(first_delay=1_000, attempts=3, attempts_at_bugs=2)
)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(1_800_000_000.0)


@pytest.fixture
def effects(inbox: Database, clock: StandingClock) -> Effects:
    applier = Effects(inbox, clock=clock)
    applier.create()
    return applier


def worker_for(effects: Effects, name: str = "w1", settings: WorkerSettings = SETTINGS) -> Worker:
    return Worker(effects.database, effects, name, settings, effects.clock, jitter=lambda: 0.5)


@pytest.fixture
def worker(effects: Effects) -> Worker:
    return worker_for(effects)


def receive(effects: Effects, *items: str) -> None:
    with effects.database.transaction() as tx:
        deliveries.add(tx, [arrival(body=item.encode()) for item in items])


def look(effects: Effects, delivery_id: int = 1) -> Delivery:
    with effects.database.transaction() as tx:
        found = deliveries.get(tx, delivery_id)
    assert found is not None
    return found


def tries(effects: Effects, delivery_id: int = 1) -> list[tuple[str, str]]:
    with effects.database.transaction() as tx:
        return [(each.outcome, each.reason) for each in attempts.of(tx, delivery_id)]


def raising(*errors: Exception) -> Callable[[Delivery], None]:
    """Raise these errors one after the other, then none."""
    left = list(errors)

    def raise_next(delivery: Delivery) -> None:
        if left:
            raise left.pop(0)

    return raise_next


def test_an_idle_worker_finds_nothing(worker: Worker) -> None:
    assert worker.run_once() == 0


@pytest.mark.parametrize("status", ["done", "ignored"])
def test_what_is_due_is_applied_and_told(
    effects: Effects, worker: Worker, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    effects.status = status
    receive(effects, "a", "b")
    assert worker.run_once() == 2
    assert effects.seen() == [("a", 1), ("b", 2)]
    assert look(effects).status == status
    (told, _) = [record.facts for record in caplog.records if record.message == f"delivery.{status}"]  # type: ignore[attr-defined]
    assert told == {
        "delivery": 1,
        "handler": "Shop",
        "attempt": 1,
        "milliseconds": 0,
        "reason": "as told",
        "wrote": "item a",
    }


def test_what_an_admin_has_to_mend_fails_at_once_without_effect(
    effects: Effects, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    effects.before_commit = raising(RuleError("shop-order", "tracker Orders is missing", hint="create it"))
    receive(effects, "a")
    assert worker.run_once() == 1
    found = look(effects)
    assert (found.status, found.reason, found.attempts) == ("failed", "rule", 1)
    with effects.database.transaction() as tx:
        (told,) = attempts.of(tx, 1)
    assert (told.error, told.worker, told.outcome) == (
        "rule shop-order: tracker Orders is missing; create it",
        "w1",
        "failed",
    )
    assert effects.seen() == []
    assert "delivery.failed" in caplog.text


def test_passing_trouble_is_tried_again_later_and_leaves_nothing_behind(
    effects: Effects, worker: Worker, clock: StandingClock
) -> None:
    effects.before_commit = raising(PassingError("away", reason="database_away"))
    receive(effects, "a")
    assert worker.run_once() == 1
    found = look(effects)
    assert (found.status, found.reason, found.due_at) == ("pending", "database_away", int(clock.now * 1000) + 500)
    assert worker.run_once() == 0
    clock.now += 0.5
    assert worker.run_once() == 1
    assert effects.seen() == [("a", 1)]
    assert tries(effects) == [("retry", "database_away"), ("done", "as told")]


def test_trouble_that_does_not_pass_is_given_up(effects: Effects, worker: Worker, clock: StandingClock) -> None:
    effects.before_commit = raising(*[PassingError("away")] * 9)
    receive(effects, "a")
    for _ in range(5):
        worker.run_once()
        clock.now += 100
    assert tries(effects) == [("retry", "passing"), ("retry", "passing"), ("failed", "passing")]
    assert look(effects).status == "failed"


def test_a_bug_is_logged_in_full_but_kept_without_its_words(
    effects: Effects, worker: Worker, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    effects.before_commit = raising(*[ValueError("a customer's name")] * 9)
    receive(effects, "a")
    for _ in range(3):
        worker.run_once()
        clock.now += 100
    assert tries(effects) == [("retry", "internal"), ("failed", "internal")]
    with effects.database.transaction() as tx:
        assert {each.error for each in attempts.of(tx, 1)} == {
            "a bug in tikisync (ValueError); its log has the details"
        }
    assert "Traceback" in caplog.text


def test_a_conflict_is_tried_again_at_once(effects: Effects, worker: Worker) -> None:
    effects.before_commit = raising(ConflictError("deadlock"), ConflictError("deadlock"))
    receive(effects, "a")
    worker.run_once()
    assert effects.seen() == [("a", 1)]
    assert tries(effects) == [("done", "as told")]


def test_a_conflict_that_stays_is_put_off(effects: Effects, worker: Worker) -> None:
    effects.before_commit = raising(*[ConflictError("deadlock")] * 8)
    receive(effects, "a")
    worker.run_once()
    assert tries(effects) == [("retry", "conflict")]


def test_a_failing_delivery_keeps_later_ones_of_its_item_back_and_no_others(
    effects: Effects, worker: Worker, clock: StandingClock
) -> None:
    effects.before_commit = raising(PassingError("away"))
    receive(effects, "a", "a", "b")
    while worker.run_once():
        pass
    assert effects.seen() == [("b", 3)]
    clock.now += 1
    while worker.run_once():
        pass
    assert effects.seen() == [("b", 3), ("a", 1), ("a", 2)]


def test_a_delivery_that_cannot_be_routed_keeps_no_others_back(
    effects: Effects, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    effects.route = raising(ValueError("a bug"))  # type: ignore[method-assign,assignment]
    receive(effects, "a", "b")
    worker.run_once()
    assert [number for _, number in effects.seen()] == [1, 2]
    assert "delivery.not_routed" in caplog.text


def test_a_delivery_taken_over_meanwhile_takes_effect_once(
    server_inbox: Database, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    slow, quick = Effects(server_inbox, clock=clock), Effects(server_inbox, clock=clock)
    slow.create()

    def overtake(delivery: Delivery) -> None:
        clock.now += 60
        assert worker_for(quick, "quick").run_once() == 1

    slow.before_commit = overtake
    receive(slow, "a")
    assert worker_for(slow, "slow").run_once() == 1
    assert slow.seen() == [("a", 1)]
    assert tries(slow) == [("died", "worker_died"), ("done", "as told")]
    assert "delivery.taken_over" in caplog.text


def test_leases_are_prolonged_while_a_batch_is_applied(server_inbox: Database, clock: StandingClock) -> None:
    effects = Effects(server_inbox, clock=clock)
    effects.create()
    others: list[int] = []

    def take_a_while(delivery: Delivery) -> None:
        clock.now += 20
        others.append(worker_for(Effects(server_inbox, clock=clock), "w2").run_once())

    effects.before_commit = take_a_while
    receive(effects, *"abcdefg")
    assert worker_for(effects).run_once() == 7
    assert others == [0] * 7
    assert len(effects.seen()) == 7


@contextmanager
def running(worker: Worker) -> Iterator[threading.Event]:
    """Run the worker in a thread; yield its wake event."""
    stop, wake = threading.Event(), threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, wake))
    thread.start()
    try:
        yield wake
    finally:
        stop.set()
        wake.set()
        thread.join(20)
        assert not thread.is_alive()


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_worker_is_woken_and_does_not_wait_for_its_next_look(effects: Effects, worker: Worker) -> None:
    with running(worker) as wake:
        for number, item in enumerate("abc", 1):
            receive(effects, item)
            wake.set()
            eventually(lambda number=number: len(effects.seen()) == number)  # type: ignore[misc]


def test_a_worker_without_work_rests(effects: Effects, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def fingerprint() -> str:
        looks.append("rules")
        return "rules"

    monkeypatch.setattr(effects, "fingerprint", fingerprint)
    with running(worker) as wake:
        wake.set()
        time.sleep(0.3)
    assert len(looks) <= 3


def test_a_worker_that_nobody_wakes_looks_by_itself(effects: Effects) -> None:
    with running(worker_for(effects, settings=WorkerSettings(poll=20))):
        receive(effects, "a")
        eventually(lambda: effects.seen() == [("a", 1)])


def test_a_stopped_worker_finishes_what_it_has_in_hand_and_gives_back_the_rest(effects: Effects) -> None:
    stop, wake = threading.Event(), threading.Event()
    effects.before_commit = lambda delivery: stop.set()
    receive(effects, "a", "b", "c")
    worker_for(effects).run(stop, wake)
    assert effects.seen() == [("a", 1)]
    rest = look(effects, 2)
    assert (rest.status, rest.attempts, rest.leased_by) == ("pending", 0, None)
    effects.before_commit = lambda delivery: None
    assert worker_for(effects, "w2").run_once() == 2


def test_no_trouble_ends_a_worker(effects: Effects, caplog: pytest.LogCaptureFixture) -> None:
    with effects.database.transaction() as tx:
        tx.run("ALTER TABLE tikisync_order_keys RENAME TO tikisync_away")
    receive(effects, "a")
    with running(worker_for(effects, settings=WorkerSettings(poll=20))):
        eventually(lambda: "worker.trouble" in caplog.text)
        with effects.database.transaction() as tx:
            tx.run("ALTER TABLE tikisync_away RENAME TO tikisync_order_keys")
        eventually(lambda: effects.seen() == [("a", 1)])


def test_an_attempt_that_cannot_be_kept_is_let_go_and_others_go_on(effects: Effects, worker: Worker) -> None:
    effects.before_commit = raising(PassingError("unspeakable \udc80"))
    receive(effects, "a", "b")
    with pytest.raises(UnicodeEncodeError):
        worker.run_once()
    assert worker.run_once() == 1
    assert effects.seen() == [("b", 2)]


def test_a_database_that_goes_away_costs_no_attempt_and_no_order(
    server_inbox: Database, caplog: pytest.LogCaptureFixture
) -> None:
    url = make_url(server_inbox._url)
    proxy = Proxy(url.host or "127.0.0.1", url.port or 3306)
    through = Database(url.set(host="127.0.0.1", port=proxy.port))
    effects = Effects(through)
    Effects(server_inbox).create()

    def cut(delivery: Delivery) -> None:
        if effects.tried.count(delivery.delivery_id) == 1 and delivery.delivery_id in (1, 3):
            proxy.cut()
            threading.Timer(0.3, proxy.restore).start()

    effects.before_commit = cut
    receive(Effects(server_inbox), "a", "a", "b", "c")
    with running(worker_for(effects, settings=WorkerSettings(poll=50))):
        eventually(lambda: len(Effects(server_inbox).seen()) == 4)
    through.close()
    proxy.cut()
    seen = Effects(server_inbox).seen()
    assert sorted(number for _, number in seen) == [1, 2, 3, 4]
    assert [number for item, number in seen if item == "a"] == [1, 2]
    assert {look(Effects(server_inbox), number).attempts for number in (1, 2, 3, 4)} == {1}
    assert "worker.trouble" in caplog.text


class TestTogether:
    """Several deliveries in one transaction, as many as can be."""

    @pytest.fixture
    def effects(self, effects: Effects) -> Effects:
        effects.together = lambda delivery: True
        return effects

    def test_what_was_claimed_is_applied_and_told_in_one_transaction(
        self, effects: Effects, worker: Worker, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        effects.before_commit = lambda _: effects.tried.append(0)
        receive(effects, "a", "b", "c")
        assert worker.run_once() == 3
        assert effects.tried == [1, 0, 2, 0, 3, 0]
        assert effects.seen() == [("a", 1), ("b", 2), ("c", 3)]
        assert [tries(effects, number) for number in (1, 2, 3)] == [[("done", "as told")]] * 3
        assert caplog.text.count("delivery.done") == 3

    def test_those_that_cannot_be_are_applied_one_by_one(self, effects: Effects, worker: Worker) -> None:
        effects.together = lambda delivery: delivery.body != b"b"
        receive(effects, "a", "b", "c")
        assert worker.run_once() == 3
        assert effects.tried == [1, 3, 2]
        assert [look(effects, number).status for number in (1, 2, 3)] == ["done"] * 3

    @pytest.mark.parametrize(("batch", "together"), [(1, []), (2, [2, 2]), (3, [3, 2])])
    def test_a_transaction_takes_as_many_as_told_and_one_claim_all(
        self, effects: Effects, batch: int, together: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes: list[int] = []
        apply_together = effects.apply_together

        def noted(few: Sequence[Delivery], worker: str) -> Mapping[int, Applied]:
            sizes.append(len(few))
            return apply_together(few, worker)

        monkeypatch.setattr(effects, "apply_together", noted)
        receive(effects, *"abcde")
        assert worker_for(effects, settings=replace(SETTINGS, batch=batch)).run_once() == 5
        assert sizes == together
        assert effects.tried == [1, 2, 3, 4, 5]

    def test_one_that_breaks_the_batch_fails_alone(
        self, effects: Effects, worker: Worker, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)

        def refuse(delivery: Delivery) -> None:
            if delivery.body == b"b":
                raise RuleError("shop-order", "tracker Orders is missing")

        effects.before_commit = refuse
        receive(effects, "a", "b", "c")
        assert worker.run_once() == 3
        assert effects.seen() == [("a", 1), ("c", 3)]
        assert [look(effects, number).status for number in (1, 2, 3)] == ["done", "failed", "done"]
        assert [len(tries(effects, number)) for number in (1, 2, 3)] == [1, 1, 1]
        assert "batch.undone" in caplog.text

    def test_a_batch_in_whose_way_others_were_is_tried_again(self, effects: Effects, worker: Worker) -> None:
        effects.before_commit = raising(ConflictError("deadlock"))
        receive(effects, "a", "b")
        assert worker.run_once() == 2
        assert effects.tried == [1, 1, 2]

    def test_with_a_lease_lost_nothing_of_the_batch_is_kept_by_this_worker(
        self, effects: Effects, worker: Worker
    ) -> None:
        def take_over(delivery: Delivery) -> None:
            if delivery.body == b"b" and effects.tried.count(2) == 1:
                effects.tried.append(2)
                with effects.database.transaction() as tx:
                    tx.run("UPDATE tikisync_deliveries SET leased_by = 'other' WHERE delivery_id = 2")

        if effects.database.is_sqlite:
            pytest.skip("SQLite lets only one write at a time")
        effects.before_commit = take_over
        receive(effects, "a", "b")
        assert worker.run_once() == 2
        assert effects.seen() == [("a", 1)]
