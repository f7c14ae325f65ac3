"""What a task takes, found out by a generator that yields what it must know and is sent the answers.

So many tasks are looked at side by side, and each question that several have is one look-up (``asking``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias, TypeVar

from tikisync.core import formulas
from tikisync.core import items as planning
from tikisync.core.categories import permitted
from tikisync.core.changes import DELETE, ItemChange
from tikisync.core.contacts import ContactChange
from tikisync.core.effects import Categorize
from tikisync.core.fields.kind import Context
from tikisync.core.items import ItemPlan
from tikisync.core.permissions import Rights
from tikisync.core.questions import CategoriesOf, FollowingItems, ItemsWithKey, StoredItem
from tikisync.core.trackers import Item, Tracker
from tikisync.core.versions import is_older
from tikisync.database import Transaction
from tikisync.errors import RuleError, SenderError
from tikisync.inbox import locks
from tikisync.pipeline.asking import Asking
from tikisync.tiki import items, permissions, trackers
from tikisync.tiki.categories import RightsOn
from tikisync.tiki.items import Situation, Write
from tikisync.tiki.status import CASCADES_STATUS
from tikisync.tiki.users import User

Change = TypeVar("Change", ItemChange, ContactChange)


@dataclass(frozen=True, slots=True)
class Task:
    """A change, who makes it and when."""

    change: ItemChange | ContactChange
    user: User
    situation: Situation


@dataclass(frozen=True, slots=True)
class Removal:
    """That an item is to be deleted."""

    tracker: Tracker
    item: Item | None


Step: TypeAlias = Write | Removal | None
"""An item's rows, or its deletion; None: a contact, or news older than what is applied."""


def version_key(change: ItemChange | ContactChange) -> bytes | None:
    """Return by what a change's version is kept, None where it has none."""
    return change.order_key() if isinstance(change, ItemChange) and change.version else None


def storable(tx: Transaction, change: Change, table: str) -> Change:
    """Return the change as old columns of the table can hold it, so that it finds, and compares with, what is there."""
    narrowed = change.narrowed()
    return narrowed if narrowed != change and tx.narrow_columns(table) else change


def step_of(tx: Transaction, task: Task, applied: Mapping[bytes, str]) -> Asking[Step]:
    """Find out what a task takes; ``applied`` are the versions applied last, by key. Raises what keeps it from it."""
    change = task.change
    if isinstance(change, ContactChange):
        return None
    key = version_key(change)
    if key and is_older(change.version, applied.get(key, "")):
        return None
    change = storable(tx, change, "tiki_tracker_item_fields")
    tracker = trackers.load(tx, change.tracker)
    for perm_name in change.fields:
        field, kind = planning.writable(tracker, perm_name, change.rule)
        planning.require_available(field, kind, task.situation.preferences.is_on, change.rule)
    context = _context(task.user, tracker, task.situation)
    item = yield from _located(tracker, change, context)
    question = permissions.question_of(task.user, tracker, item, task.situation.preferences)
    answers = yield [question]
    who = partial(permissions.rights, task.user, tracker, item, task.situation.preferences, answers[question])
    rights = who() if item else tx.once((task.user, question), who)  # of all new items the same
    if change.action == DELETE:
        if item:
            rights.require_remove()
        return Removal(tracker, item)
    return (yield from _write(tx, task, change, item, rights, context))


def _write(
    tx: Transaction, task: Task, change: ItemChange, item: Item | None, rights: Rights, context: Context
) -> Asking[Step]:
    tracker, situation = rights.tracker, task.situation
    if item is None:
        rights.require_create()
        if tracker.is_on("oneUserItem"):
            locks.lock(tx, {f"one item per user of tracker {tracker.tracker_id}".encode()})
    else:
        rights.require_modify()
    context = replace(context, creating=item is None, administers_tracker=rights.administers_tracker)
    answers = yield planning.questions(tracker, item, change, context)
    draft = planning.draft(tracker, item, change, rights, replace(context, answers=answers))
    answers = yield draft.questions()
    plan = draft.plan(rights, answers, validate_email=situation.preferences["validateEmail"])
    plan = yield from _with_permitted_categories(tx, plan, rights)
    followers: tuple[int, ...] = ()
    if item is not None and plan.status != item.status:
        question = FollowingItems(tracker.tracker_id, item.item_id, CASCADES_STATUS)
        answers = yield [question]
        followers = tuple(each for each in answers[question] if each != item.item_id)
    return Write(plan, situation, followers, _rights_on_linked_items(tx, plan, task.user, situation))


def _with_permitted_categories(tx: Transaction, plan: ItemPlan, rights: Rights) -> Asking[ItemPlan]:
    """Raise NotPermittedError where the user may not put the item into, or take it out of, a category."""
    wanted = {each for effect in plan.effects if isinstance(effect, Categorize) for each in effect.wanted}
    managed = {each for effect in plan.effects if isinstance(effect, Categorize) for each in effect.managed}
    if not managed:
        return plan
    current: frozenset[int] = frozenset()
    if plan.item:
        question = CategoriesOf("trackeritem", str(plan.item.item_id))
        answers = yield [question]
        current = answers[question]
    rights = permissions.with_categories(tx, rights, wanted | (managed & current) | {*_fallbacks(plan)})
    effects = permitted(
        plan.effects, current, may_add=rights.can_categorize, may_remove=rights.can_uncategorize, user=rights.user
    )
    return replace(plan, effects=tuple(effects))


def _rights_on_linked_items(tx: Transaction, plan: ItemPlan, user: User, situation: Situation) -> RightsOn:
    """Tell what the user may do with the items that follow this one into its categories, and out of them."""
    categories = {each for effect in plan.effects if isinstance(effect, Categorize) for each in effect.managed}

    def rights_on(item_id: int) -> Rights:
        item = items.load(tx, item_id)
        assert item is not None  # noqa: S101  it was found by its link just now
        tracker = trackers.load(tx, str(item.tracker_id))
        rights = permissions.load(tx, user, tracker, item, situation.preferences)
        return permissions.with_categories(tx, rights, categories)

    return rights_on


def _fallbacks(plan: ItemPlan) -> Iterator[int]:
    return (each.fallback for each in plan.effects if isinstance(each, Categorize) and each.fallback)


def _context(user: User, tracker: Tracker, situation: Situation) -> Context:
    preferences = situation.preferences
    return Context(
        user=user.login,
        now=situation.now,
        creating=True,
        client_ip=situation.actor.ip,
        languages=preferences.languages if preferences.is_on("feature_multilingual") else (),
        user_groups=user.groups,
        default_group=user.default_group,
        default_category=user.default_category,
        takes_ownership=tracker.is_on("userCanTakeOwnership"),
        wysiwyg_is_html=not preferences.is_on("wysiwyg_htmltowiki"),
        dates=preferences.dates,
        calculated_with=formulas.used(tracker),
    )


def _located(tracker: Tracker, change: ItemChange, context: Context) -> Asking[Item | None]:
    """Find the item that the change is about and lock it; None where its key is not taken yet."""
    item_id = change.item_id
    if item_id is None:
        if not change.key:
            return None
        question = yield from _key_of(tracker, change, context)
        answers = yield [question]
        found = answers[question]
        if len(found) > 1:
            raise RuleError(
                change.rule,
                f"items {', '.join(map(str, found))} of tracker {tracker.name} all have this key",
                hint="delete or change the superfluous ones in Tiki, or add a field to the rule's key; then replay",
                reason="key_ambiguous",
            )
        if not found:
            return None
        item_id = found[0]
    answers = yield [StoredItem(item_id)]
    item = answers[StoredItem(item_id)]
    if change.item_id is not None and (item is None or item.tracker_id != tracker.tracker_id):
        raise SenderError(f"rule {change.rule}: tracker {tracker.name} has no item {item_id}", reason="item_missing")
    return item


def _key_of(tracker: Tracker, change: ItemChange, context: Context) -> Asking[ItemsWithKey]:
    """Ask by the key's fields with the text that Tiki stores for their values."""
    named = [(*planning.writable(tracker, name, change.rule), value) for name, value in change.key.items()]
    answers = yield [question for field, kind, value in named for question in kind.questions(field, value, context)]
    context = replace(context, answers=answers)
    stored = [
        (field, kind.encode(field, value, context.of_field("", change.trust.get(field.perm_name, ""))).value or "")
        for field, kind, value in named
    ]
    empty = [field.perm_name for field, text in stored if not text]
    if empty:
        raise RuleError(
            change.rule, f"the key {', '.join(empty)} is empty", hint="an empty key finds nothing", reason="key_empty"
        )
    return ItemsWithKey(tracker.tracker_id, tuple((field.field_id, text) for field, text in stored))
