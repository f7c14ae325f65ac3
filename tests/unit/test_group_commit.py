"""The crossing from the event loop to the writer thread and back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import pytest

from tikisync.core.requests import Request
from tikisync.pipeline.answering import Answer
from tikisync.web.group_commit import BROKEN, BUSY, IN_LOOP_BYTES, Complete, GroupCommit

T = TypeVar("T")


def request(body: bytes = b"") -> Request:
    return Request("POST", "/tiki-webhooks.php", "", (), body, 0, "192.0.2.10")


class Receiver:
    """Answers with the body and remembers the batches; holds the writer thread up while ``gate`` is not set."""

    def __init__(self, *, held_up: bool = False) -> None:
        self.batches: list[list[bytes]] = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        if not held_up:
            self.gate.set()

    def __call__(self, requests: Sequence[Request]) -> Sequence[Answer]:
        self.batches.append([each.body for each in requests])
        self.entered.set()
        assert self.gate.wait(10)
        return [Answer(200, each.body.decode(), "received") for each in requests]


def run(group: GroupCommit, scenario: Callable[[], Awaitable[T]]) -> T:
    async def started() -> T:
        group.start()
        try:
            return await asyncio.wait_for(scenario(), 20)
        finally:
            await group.stop()

    return asyncio.run(started())


async def answers(group: GroupCommit, *bodies: bytes) -> list[str]:
    return [answer.text for answer in await asyncio.gather(*(group.answer(request(body)) for body in bodies))]


async def until_entered(receiver: Receiver) -> None:
    assert await asyncio.to_thread(receiver.entered.wait, 10)


def test_requests_of_one_turn_of_the_loop_share_a_batch_and_each_gets_its_own_answer() -> None:
    receiver = Receiver()
    group = GroupCommit(receiver)
    assert run(group, lambda: answers(group, b"a", b"b", b"c")) == ["a", "b", "c"]
    assert receiver.batches == [[b"a", b"b", b"c"]]


class InLoop:
    """Begins batches in the loop; what becomes of them the test says."""

    def __init__(self, *, begins: bool = True) -> None:
        self.batches: list[tuple[list[bytes], Callable[[Complete | None], object]]] = []
        self._begins = begins

    def __call__(self, requests: Sequence[Request], end: Callable[[Complete | None], object]) -> bool:
        self.batches.append(([each.body for each in requests], end))
        return self._begins


def ended(begun: InLoop, group: GroupCommit, complete: Complete | None) -> list[str]:
    """Ask twice in one turn, end the batch so, and return the answers."""

    async def scenario() -> list[str]:
        asked = asyncio.create_task(answers(group, b"a", b"b"))
        while not begun.batches:
            await asyncio.sleep(0)
        [(_, end)] = begun.batches
        end(complete)
        return await asked

    return run(group, scenario)


def test_what_can_be_received_in_the_loop_needs_no_thread() -> None:
    receiver, begun = Receiver(), InLoop()
    told = [Answer(200, text, "received") for text in "xy"]
    assert ended(begun, GroupCommit(receiver, begun), lambda: told) == ["x", "y"]
    assert (begun.batches[0][0], receiver.batches) == ([b"a", b"b"], [])


def test_what_the_loop_cannot_receive_after_all_a_thread_does() -> None:
    receiver, begun = Receiver(), InLoop()
    assert ended(begun, GroupCommit(receiver, begun), None) == ["a", "b"]
    assert receiver.batches == [[b"a", b"b"]]


@pytest.mark.parametrize("trouble", [ValueError("a bug"), None], ids=["raises", "answers too few"])
def test_a_bug_in_what_completes_a_batch_leaves_nobody_waiting(trouble: Exception | None) -> None:
    def complete() -> Sequence[Answer]:
        if trouble:
            raise trouble
        return []

    begun = InLoop()
    assert ended(begun, GroupCommit(Receiver(), begun), complete) == [BROKEN.text] * 2


def test_what_the_loop_does_not_begin_or_stumbles_over_a_thread_receives() -> None:
    def stumble(_requests: Sequence[Request], _end: Callable[[Complete | None], object]) -> bool:
        raise ValueError("a bug")

    for begin in (stumble, InLoop(begins=False)):
        receiver = Receiver()
        group = GroupCommit(receiver, begin)
        assert run(group, partial(answers, group, b"a")) == ["a"]
        assert receiver.batches == [[b"a"]]


def test_a_batch_that_would_keep_the_loop_busy_goes_to_a_thread() -> None:
    receiver, begun = Receiver(), InLoop()
    group = GroupCommit(receiver, begun)
    large = b"x" * (IN_LOOP_BYTES + 1)
    assert run(group, lambda: answers(group, large)) == [large.decode()]
    assert (receiver.batches, begun.batches) == ([[large]], [])


def test_requests_that_come_while_a_batch_is_in_flight_gather_in_the_next() -> None:
    receiver = Receiver(held_up=True)
    group = GroupCommit(receiver)

    async def scenario() -> list[str]:
        first = asyncio.create_task(answers(group, b"a"))
        await until_entered(receiver)
        rest = [asyncio.create_task(answers(group, body)) for body in (b"b", b"c")]
        await asyncio.sleep(0)
        receiver.gate.set()
        return [text for texts in await asyncio.gather(first, *rest) for text in texts]

    assert run(group, scenario) == ["a", "b", "c"]
    assert receiver.batches == [[b"a"], [b"b", b"c"]]


def test_a_batch_is_bounded_by_number() -> None:
    receiver = Receiver()
    group = GroupCommit(receiver, batch_requests=2)
    assert run(group, lambda: answers(group, b"a", b"b", b"c", b"d", b"e")) == ["a", "b", "c", "d", "e"]
    assert receiver.batches == [[b"a", b"b"], [b"c", b"d"], [b"e"]]


def test_a_batch_is_bounded_by_bytes_but_a_single_large_request_still_goes() -> None:
    receiver = Receiver()
    group = GroupCommit(receiver, batch_bytes=4)
    run(group, lambda: answers(group, b"aaaaaaaa", b"bb", b"bb", b"c"))
    assert receiver.batches == [[b"aaaaaaaa"], [b"bb", b"bb"], [b"c"]]


def test_more_requests_than_may_wait_are_told_to_come_back_at_once() -> None:
    receiver = Receiver(held_up=True)
    group = GroupCommit(receiver, waiting_requests=2)

    async def scenario() -> tuple[Answer, list[str]]:
        first = asyncio.create_task(answers(group, b"a"))
        await until_entered(receiver)
        waiting = asyncio.create_task(answers(group, b"b", b"c"))
        await asyncio.sleep(0.01)
        one_too_many = await group.answer(request(b"d"))
        receiver.gate.set()
        return one_too_many, [*await first, *await waiting]

    assert run(group, scenario) == (BUSY, ["a", "b", "c"])


@pytest.mark.parametrize("trouble", [ValueError("a bug"), SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_the_writer_outlives_whatever_the_receiver_raises(trouble: BaseException) -> None:
    def receive(requests: Sequence[Request]) -> Sequence[Answer]:
        if requests[0].body == b"bad":
            raise trouble
        return [Answer(200, "ok", "received")] * len(requests)

    group = GroupCommit(receive)

    async def scenario() -> tuple[Answer, Answer]:
        return await group.answer(request(b"bad")), await group.answer(request(b"good"))

    bad, good = run(group, scenario)
    assert bad == BROKEN
    assert good.status == 200


def test_a_receiver_that_answers_too_few_is_a_bug_and_nobody_waits_for_ever() -> None:
    group = GroupCommit(lambda requests: [Answer(200, "ok", "received")] * (len(requests) - 1))
    assert run(group, lambda: answers(group, b"a", b"b")) == [BROKEN.text] * 2


def test_a_request_given_up_meanwhile_does_not_harm_the_others_of_its_batch() -> None:
    receiver = Receiver(held_up=True)
    group = GroupCommit(receiver)

    async def scenario() -> Answer:
        given_up, other = (asyncio.create_task(group.answer(request(body))) for body in (b"a", b"b"))
        await until_entered(receiver)
        given_up.cancel()
        receiver.gate.set()
        return await other

    assert run(group, scenario).text == "b"


def test_stopping_answers_what_waits_and_takes_nothing_new() -> None:
    receiver = Receiver(held_up=True)
    group = GroupCommit(receiver, batch_requests=1)

    async def scenario() -> tuple[list[str], Answer]:
        group.start()
        waiting = asyncio.create_task(answers(group, b"a", b"b", b"c"))
        await until_entered(receiver)
        stopping = asyncio.create_task(group.stop())
        await asyncio.sleep(0)
        late = await group.answer(request(b"late"))
        receiver.gate.set()
        await stopping
        return await waiting, late

    assert asyncio.run(scenario()) == (["a", "b", "c"], BUSY)


def test_stopping_does_not_wait_for_ever_and_the_writer_ends_when_the_loop_is_gone() -> None:
    receiver = Receiver(held_up=True)
    group = GroupCommit(receiver)

    async def scenario() -> None:
        group.start()
        waiting = asyncio.create_task(answers(group, b"a"))
        await until_entered(receiver)
        await group.stop(patience=0.01)
        waiting.cancel()

    asyncio.run(scenario())
    writer = next(thread for thread in threading.enumerate() if thread.name == "receive")
    receiver.gate.set()
    writer.join(10)
    assert not writer.is_alive()
