"""Apply a delivery: match rules, write items and contacts as the handler's user, mark it done; one transaction.

Where tables of Tiki's cannot roll back (MyISAM), the effect and the mark are not one, and a try that breaks off leaves
half of it behind; there a journal lets the next try complete that half instead of doing it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from tikisync.config import Config
from tikisync.core.document import document
from tikisync.core.payload import parse
from tikisync.core.rules import Evaluation, changes_of
from tikisync.core.trackers import Json
from tikisync.core.versions import OLDER
from tikisync.database import Database, Transaction
from tikisync.database.journal import ResumableTransaction
from tikisync.database.memory import Memory
from tikisync.database.rehearsal import rehearsal
from tikisync.errors import NotPermittedError, PassingError, RuleError, SenderError, TikisyncError
from tikisync.inbox import deliveries, journal, locks, queue
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline import together
from tikisync.pipeline.change import SKIPPED, Written, carry_out
from tikisync.pipeline.steps import Task
from tikisync.tiki import preferences, tables, users
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.items import Situation

DONE, IGNORED = "done", "ignored"

_MOST_ROUTED, _SMALL = 200, 65_536  # deliveries whose evaluation is kept until they are applied; bytes of their bodies
_ENGINES_HOLD = 60  # seconds after which they are looked up again: an admin may convert tables while we run


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a delivery: its new status, why, and a line for each item or contact it met."""

    status: str  # done or ignored
    reason: str
    wrote: tuple[str, ...] = ()


class LeaseLostError(PassingError):
    """Another worker has taken the delivery over; what this one did is rolled back."""

    reason = "lease_lost"


@dataclass(slots=True)
class Applier:
    """Applies deliveries by the rules of ``config``, which may be replaced at any time (hot reload)."""

    database: Database
    config: Config
    forced: Mapping[str, str]  # preferences that Tiki's system configuration forces
    clock: Callable[[], float]  # UNIX seconds, UTC
    holds: float = 0  # seconds for which what was read of Tiki's set-up serves, unless told to look anew
    _looks_at: float = field(default=0, init=False)
    _rolls_back: bool = field(default=True, init=False)
    _engines_hold_until: float = field(default=0, init=False)
    _routed: dict[int, tuple[Config, Evaluation]] = field(default_factory=dict, init=False)  # and not applied yet
    _memory: Memory = field(default_factory=Memory, init=False)

    def route(self, delivery: Delivery) -> Iterable[bytes]:
        """Return the order keys of the items a delivery touches; none where its rules fail, as applying then will."""
        config = self.config
        try:
            evaluation = self.evaluate(delivery)
        except (SenderError, RuleError):
            return ()
        if len(self._routed) >= _MOST_ROUTED:
            self._routed.clear()
        if delivery.size <= _SMALL:
            self._routed[delivery.delivery_id] = config, evaluation
        return evaluation.order_keys

    def fingerprint(self) -> str:
        """Identify the rules that ``route`` goes by; raises PassingError while some are not known yet."""
        if self.config.rules_lack:
            raise PassingError(self.config.rules_lack, hint="`tikisync check` says what to do", reason="rules_unknown")
        return self.config.fingerprint

    def evaluate(self, delivery: Delivery) -> Evaluation:
        """Return what the rules make of a delivery; raise PayloadError or RuleError."""
        config, known = self._routed.pop(delivery.delivery_id, (None, None))
        if known is not None and config is self.config:
            return known
        return changes_of(self.config.rules, delivery.handler, self._document(delivery))

    def apply(self, delivery: Delivery, worker: str) -> Applied:
        """Carry out a leased delivery and mark it done, or raise and leave everything as it was."""
        started = self._now()
        evaluation = self.evaluate(delivery)
        with self.database.transaction() as tx:
            self._remember(tx)
            written = self._write_safely(tx, delivery, evaluation, worker) if evaluation.changes else []
            applied = _outcome(evaluation, written)
            self._finish(tx, {delivery.delivery_id: applied}, worker, started)
        return applied

    def apply_together(self, batch: Sequence[Delivery], worker: str) -> dict[int, Applied]:
        """Carry out leased deliveries in one transaction and mark them done; return by id what became of them.

        Those that are missing are as they were, each to be applied by itself: what would fail, what writes more than
        rows of its own items, two that are about one item. Raises, and leaves all as they were, where they turn out
        not to be independent of each other, or for what may raise in any transaction.
        """
        started = self._now()
        evaluations: dict[int, Evaluation] = {}
        tasks: dict[int, Sequence[Task]] = {}
        with self.database.transaction() as tx:
            self._remember(tx)
            if not self._can_roll_back(tx):
                return {}
            for each in batch:
                with suppress(TikisyncError):  # it is told once the delivery is applied by itself
                    evaluations[each.delivery_id] = self.evaluate(each)
                    tasks[each.delivery_id] = self._tasks(tx, each, evaluations[each.delivery_id], started // 1000)
            changes = [task.change for own in tasks.values() for task in own]
            locks.lock(tx, {key for change in changes if (key := change.order_key())})
            written = together.carry_out(tx, tasks)
            applied = {number: _outcome(evaluations[number], own) for number, own in written.items()}
            self._finish(tx, applied, worker, started)
        return applied

    def look_anew(self) -> None:
        """Look, for what is applied from now on, whether Tiki's set-up has changed."""
        self._looks_at = 0

    def write(self, tx: Transaction, delivery: Delivery, evaluation: Evaluation) -> list[Written]:
        """Carry out all changes in the open transaction, as the handler's user; return what became of each."""
        tasks = self._tasks(tx, delivery, evaluation, tx.started_at(int(self.clock())))
        return [carry_out(tx, task) for task in tasks]

    def _tasks(self, tx: Transaction, delivery: Delivery, evaluation: Evaluation, now: int) -> list[Task]:
        """Return the delivery's changes, each with who makes it and when."""
        if not evaluation.changes:
            return []
        user = users.find(tx, delivery.user)
        if user is None:
            raise NotPermittedError(
                f"handler {delivery.handler} acts as user {delivery.user}, and Tiki has no such user any more",
                hint="choose an existing user for the handler in Tiki's admin (Security, Webhooks), then replay",
                reason="user_missing",
            )
        agent = next((value for name, value in delivery.headers if name == "user-agent"), "")
        actor = Actor(user.login, delivery.client_ip, agent)
        situation = Situation(actor, now, preferences.load(tx, self.forced))
        return [Task(change, user, situation) for change in evaluation.changes]

    def _write_safely(self, tx: Transaction, delivery: Delivery, evaluation: Evaluation, worker: str) -> list[Written]:
        """Carry out all changes so that nobody else is at the same items, and none is made twice."""
        keys = {key for change in evaluation.changes if (key := change.order_key())}
        if self._can_roll_back(tx):
            locks.lock(tx, keys)
            return self.write(tx, delivery, evaluation)
        number = delivery.delivery_id
        locks.lock(tx, keys | {b"delivery %d" % number})  # waits until a try that broke off is dead on the server too
        if not queue.holds(tx, worker, number):  # maybe it is done, and this worker never heard of its own commit
            raise _lease_lost([number])
        earlier = journal.entries(tx, number)
        if not earlier and len(evaluation.changes) > 1:  # one that is refused is to keep the others from being written
            with rehearsal(self.database) as unwritten:
                self.write(unwritten, delivery, evaluation)
        with self.database.at_once() as at_once:
            resumable = ResumableTransaction(at_once, tx, earlier, partial(journal.add, at_once, number))
            written = self.write(resumable, delivery, evaluation)
        journal.forget(tx, number)
        return written

    def _remember(self, tx: Transaction) -> None:
        now = time.monotonic()
        tx.remember(self._memory, check=now >= self._looks_at)
        if now >= self._looks_at:
            self._looks_at = now + self.holds

    def _can_roll_back(self, tx: Transaction) -> bool:
        now = self.clock()
        if now >= self._engines_hold_until:
            self._rolls_back, self._engines_hold_until = not tables.without_transactions(tx), now + _ENGINES_HOLD
        return self._rolls_back

    def _finish(self, tx: Transaction, applied: Mapping[int, Applied], worker: str, started: int) -> None:
        now = self._now()
        tries = [
            Attempt(number, worker, started, now, each.status, each.reason, wrote=each.wrote)
            for number, each in applied.items()
        ]
        if tries and not queue.finish(tx, tries):
            raise _lease_lost(applied)

    def _now(self) -> int:
        return int(self.clock() * 1000)

    def _document(self, delivery: Delivery) -> dict[str, Json]:
        deliveries.require_body(delivery)
        headers = dict(delivery.headers)
        settings = self.config.handlers.get(delivery.handler)
        return document(
            body=parse(delivery.body, headers.get("content-type", ""), headers.get("content-encoding", "")),
            headers=headers,
            query=delivery.query,
            handler=delivery.handler,
            received_at=delivery.received_at,
            topic_place=settings.topic_place if settings else "",
        )


def _lease_lost(ids: Iterable[int]) -> LeaseLostError:
    return LeaseLostError(f"delivery {', '.join(map(str, ids))} was taken over by another worker, or is done already")


def _outcome(evaluation: Evaluation, written: list[Written]) -> Applied:
    if not evaluation.changes:
        return Applied(IGNORED, evaluation.why_nothing)
    verbs = {each.verb for each in written}
    reason = OLDER if verbs == {SKIPPED} else "unchanged" if verbs <= {SKIPPED, "unchanged"} else ""
    return Applied(DONE, reason, tuple(str(each) for each in written))
