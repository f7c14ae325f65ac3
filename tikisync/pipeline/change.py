"""Carry out changes in an open transaction, as Tiki users: decide with ``core``, write with ``tiki``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tikisync.core.changes import ItemChange
from tikisync.core.contacts import ContactChange
from tikisync.core.versions import OLDER
from tikisync.database import Transaction
from tikisync.errors import TikisyncError
from tikisync.inbox import locks, versions
from tikisync.pipeline.asking import Known, answered
from tikisync.pipeline.steps import Removal, Step, Task, step_of, storable, version_key
from tikisync.tiki import contacts, items, removal
from tikisync.tiki.items import Situation, Write

SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Planned:
    """What a task takes, and what that goes by."""

    task: Task
    step: Step
    known: Known = field(default_factory=dict)

    @property
    def stands_alone(self) -> bool:
        """Tell whether it can be written together with others."""
        if self.step is None:
            return isinstance(self.task.change, ItemChange)
        return isinstance(self.step, Write) and self.step.stands_alone


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one change."""

    rule: str
    verb: str  # created, updated, unchanged, deleted, skipped
    what: str  # such as "item 12 of tracker Orders"
    notes: tuple[str, ...] = ()
    item_id: int = 0  # 0: no item

    def __str__(self) -> str:
        return f"{self.rule}: {self.verb} {self.what}" + "".join(f" ({note})" for note in self.notes)


def carry_out(tx: Transaction, task: Task) -> Written:
    """Do a task; raise a TikisyncError where it cannot or may not be done (the caller rolls back)."""
    (found,) = planned(tx, [task])
    if isinstance(found, TikisyncError):
        raise found
    (written,) = write(tx, [found])
    return written


def planned(tx: Transaction, tasks: Sequence[Task]) -> list[Planned | TikisyncError]:
    """Find out what each task takes, or why it cannot or may not be done; write nothing."""
    applied = versions.last(tx, [key for each in tasks if (key := version_key(each.change))])
    asking = [step_of(tx, each, applied) for each in tasks]
    return [
        found if isinstance(found, TikisyncError) else Planned(task, found, known)
        for task, (found, known) in zip(tasks, answered(tx, asking), strict=True)
    ]


def write(tx: Transaction, plans: Sequence[Planned]) -> list[Written]:
    """Carry out what was planned: several only where each stands alone and is about another item."""
    writes = [each.step for each in plans if isinstance(each.step, Write) and not each.step.plan.is_unchanged]
    ids: Iterator[int] = iter(())
    if writes:
        fields = {field.field_id for each in writes for field in each.plan.numbered}
        locks.lock(tx, {f"number of field {field_id}".encode() for field_id in fields})
        ids = iter(items.write(tx, writes))
    written = [_written(tx, each, ids) for each in plans]
    applied = [each.task.change for each in plans if each.step is not None]
    versions.keep(
        tx, {key: each.version for each in applied if isinstance(each, ItemChange) and (key := version_key(each))}
    )
    return written


def _written(tx: Transaction, plan: Planned, ids: Iterator[int]) -> Written:
    change, step = plan.task.change, plan.step
    if isinstance(step, Write):
        return _of_item(change.rule, step, ids)
    if isinstance(step, Removal):
        return _removed(tx, change.rule, step, plan.task.situation)
    if isinstance(change, ContactChange):
        return _contact(tx, change, plan.task)
    return Written(change.rule, SKIPPED, f"an item of tracker {change.tracker}", (OLDER,))


def _of_item(rule: str, step: Write, ids: Iterator[int]) -> Written:
    plan = step.plan
    verb = "created" if plan.item is None else "unchanged" if plan.is_unchanged else "updated"
    item_id = plan.item.item_id if plan.item and plan.is_unchanged else next(ids)
    return Written(rule, verb, f"item {item_id} of tracker {plan.tracker.name}", plan.notes, item_id)


def _removed(tx: Transaction, rule: str, step: Removal, situation: Situation) -> Written:
    if step.item is None:
        return Written(rule, "unchanged", f"tracker {step.tracker.name}", ("there is no such item to delete",))
    removal.remove(tx, step.item, situation)
    return Written(rule, "deleted", f"item {step.item.item_id} of tracker {step.tracker.name}")


def _contact(tx: Transaction, change: ContactChange, task: Task) -> Written:
    user = task.user
    change = storable(tx, change, "tiki_webmail_contacts")
    locks.lock(tx, {f"contacts of {user.login}".encode()})  # two at once would both make the default fields
    contacts.require_writable(tx, user, change.rule, change.extra, task.situation.preferences)
    contact_id, verb = contacts.write(tx, user, change)
    return Written(change.rule, verb, f"contact {contact_id} of user {user.login}")
