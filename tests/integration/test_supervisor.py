"""Real worker processes that poisonous deliveries kill: those fail with the reason, all others are applied."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest

from tests.arrivals import arrival
from tests.effects import Effects
from tests.supervised_process import SETTINGS
from tikisync.config import Config, TikiSettings
from tikisync.core.retry import RetrySettings
from tikisync.database import Database
from tikisync.inbox import attempts, deliveries
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.supervisor import Supervisor

QUICK = replace(SETTINGS, retry=RetrySettings(first_delay=100, longest_delay=1_000))
CONFIG = Config("", TikiSettings(), worker=QUICK)


@pytest.fixture
def effects(server_inbox: Database) -> Effects:
    applier = Effects(server_inbox)
    applier.create()
    return applier


def supervisor(database: Database) -> Supervisor:
    url, numbers = database._url.render_as_string(hide_password=False), count(1)

    def command(name: str, held: int) -> Sequence[str]:
        return [sys.executable, "-m", "tests.supervised_process", url, name, str(held)]

    return Supervisor(database, lambda: CONFIG, lambda: f"w{next(numbers)}", command, time.time, lambda: 0.5)


@contextmanager
def running(each: Supervisor) -> Iterator[threading.Event]:
    stop, wake = threading.Event(), threading.Event()
    thread = threading.Thread(target=each.run, args=(stop, wake))
    thread.start()
    try:
        yield wake
    finally:
        stop.set()
        wake.set()
        thread.join(30)
        assert not thread.is_alive()


def receive(effects: Effects, *bodies: str) -> None:
    with effects.database.transaction() as tx:
        deliveries.add(tx, [arrival(body=body.encode()) for body in bodies])


def look(effects: Effects, delivery_id: int) -> Delivery:
    with effects.database.transaction() as tx:
        found = deliveries.get(tx, delivery_id)
    assert found is not None
    return found


def died(effects: Effects, delivery_id: int) -> list[str]:
    """Return reason and words of each attempt, all of which ended with a worker of its own."""
    with effects.database.transaction() as tx:
        tries = attempts.of(tx, delivery_id)
    assert {each.outcome for each in tries} == {"died"}
    assert len({each.worker for each in tries}) == len(tries)
    return [f"{each.reason}: {each.error}" for each in tries]


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_deliveries_that_kill_their_worker_fail_with_the_reason_and_the_others_are_applied(effects: Effects) -> None:
    receive(effects, "a", "crash", "b", "hang", "c", "eat", "d")
    with running(supervisor(effects.database)) as wake:
        eventually(lambda: len(effects.seen()) == 4)
        receive(effects, "e")
        wake.set()
        eventually(lambda: {look(effects, number).status for number in (2, 4, 6)} == {"failed"})
        eventually(lambda: look(effects, 8).status == "done")
    assert sorted(effects.seen()) == [("a", 1), ("b", 3), ("c", 5), ("d", 7), ("e", 8)]
    assert died(effects, 2) == ["worker_died: its worker crashed (SIGSEGV)"] * 3
    assert (
        died(effects, 4)
        == ["time_limit: it took more than 1 s of processor time, so its worker was ended ([worker] time_limit)"] * 3
    )
    assert (
        died(effects, 6)
        == ["memory_limit: it needed more memory than 256 MiB, so its worker was ended ([worker] memory_limit)"] * 3
    )
    assert [look(effects, number).reason for number in (2, 4, 6)] == ["worker_died", "time_limit", "memory_limit"]


def test_where_no_worker_can_be_started_it_is_told_and_tried_again(
    effects: Effects, caplog: pytest.LogCaptureFixture
) -> None:
    receive(effects, "a")
    each = supervisor(effects.database)
    start, tries = each.command, count()
    each.command = lambda name, held: start(name, held) if next(tries) else ["/nowhere/python"]
    with running(each):
        eventually(lambda: len(effects.seen()) == 1)
    told = [vars(record)["facts"]["error"] for record in caplog.records if record.getMessage() == "worker.trouble"]
    assert told == ["no worker can be started: No such file or directory"]


def test_what_hangs_while_it_is_routed_keeps_others_back_once_and_not_again(effects: Effects) -> None:
    receive(effects, "a", "route hang", "b")
    with running(supervisor(effects.database)):
        eventually(lambda: len(effects.seen()) == 3)
    assert look(effects, 2).status == "done"  # nothing is wrong with applying it
    with effects.database.transaction() as tx:
        assert [each.reason for each in attempts.of(tx, 2)] == ["time_limit", "as told"]


def test_a_worker_that_somebody_kills_is_replaced_and_its_deliveries_lose_nothing(effects: Effects) -> None:
    receive(effects, "a")
    each = supervisor(effects.database)
    with running(each) as wake:
        eventually(lambda: len(effects.seen()) == 1)
        assert each._worker is not None
        first = each._worker.pid
        os.kill(first, signal.SIGKILL)
        eventually(lambda: each._worker is not None and each._worker.pid != first)
        receive(effects, "b")
        wake.set()
        eventually(lambda: len(effects.seen()) == 2)
    assert look(effects, 2).attempts == 1


def test_a_worker_that_cannot_be_started_is_tried_again(effects: Effects, caplog: pytest.LogCaptureFixture) -> None:
    receive(effects, "a")
    each = supervisor(effects.database)
    command, missing = each.command, True

    def sometimes(name: str, held: int) -> Sequence[str]:
        return ["/no/such/program"] if missing else command(name, held)

    each.command = sometimes
    with running(each):
        eventually(lambda: "worker.trouble" in caplog.text)
        missing = False
        eventually(lambda: len(effects.seen()) == 1)


def test_a_worker_ends_when_its_supervisor_is_gone(effects: Effects) -> None:
    each = supervisor(effects.database)
    with running(each):
        eventually(lambda: each._worker is not None)
        worker = each._worker
        assert worker is not None and worker.stdin is not None
        worker.stdin.close()  # as the system does for a supervisor that was killed
        assert worker.wait(30) == 0
