"""Carry out one change in an open transaction, as a Tiki user: decide with ``core``, write with ``tiki``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from tikisync.core import formulas
from tikisync.core import items as planning
from tikisync.core.categories import permitted
from tikisync.core.changes import DELETE, ItemChange
from tikisync.core.contacts import ContactChange
from tikisync.core.effects import Categorize
from tikisync.core.fields.kind import Context
from tikisync.core.items import ItemPlan
from tikisync.core.permissions import Rights
from tikisync.core.questions import CategoriesOf
from tikisync.core.trackers import Field, Item, Tracker
from tikisync.core.versions import OLDER, is_older
from tikisync.database import Transaction
from tikisync.errors import RuleError, SenderError
from tikisync.inbox import locks, versions
from tikisync.tiki import contacts, items, permissions, removal, trackers
from tikisync.tiki.answers import answer
from tikisync.tiki.categories import RightsOn
from tikisync.tiki.items import Situation
from tikisync.tiki.users import User

SKIPPED = "skipped"

Change = TypeVar("Change", ItemChange, ContactChange)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one change."""

    rule: str
    verb: str  # created, updated, unchanged, deleted, skipped
    what: str  # such as "item 12 of tracker Orders"
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.rule}: {self.verb} {self.what}" + "".join(f" ({note})" for note in self.notes)


def carry_out(tx: Transaction, change: ItemChange | ContactChange, user: User, situation: Situation) -> Written:
    """Write a change; raise a TikisyncError where it cannot or may not be written (the caller rolls back)."""
    if isinstance(change, ContactChange):
        change = _storable(tx, change, "tiki_webmail_contacts")
        locks.lock(tx, {f"contacts of {user.login}".encode()})  # two at once would both make the default fields
        contacts.require_writable(tx, user, change.rule, change.extra, situation.preferences)
        contact_id, verb = contacts.write(tx, user, change)
        return Written(change.rule, verb, f"contact {contact_id} of user {user.login}")
    order_key = change.order_key() if change.version else None
    if order_key and is_older(change.version, versions.last(tx, order_key)):
        return Written(change.rule, SKIPPED, f"an item of tracker {change.tracker}", (OLDER,))
    written = _carry_out(tx, change, user, situation)
    if order_key:
        versions.keep(tx, order_key, change.version)
    return written


def _carry_out(tx: Transaction, change: ItemChange, user: User, situation: Situation) -> Written:
    change = _storable(tx, change, "tiki_tracker_item_fields")
    tracker = trackers.load(tx, change.tracker)
    for perm_name in change.fields:
        field, kind = planning.writable(tracker, perm_name, change.rule)
        planning.require_available(field, kind, situation.preferences.is_on, change.rule)
    context = _context(user, tracker, situation)
    item = _locate(tx, tracker, change, context)
    if change.action == DELETE:
        return _delete(tx, tracker, item, change, user, situation)
    return _write(tx, tracker, item, change, user, situation, context)


def _write(
    tx: Transaction,
    tracker: Tracker,
    item: Item | None,
    change: ItemChange,
    user: User,
    situation: Situation,
    context: Context,
) -> Written:
    rights = permissions.load(tx, user, tracker, item, situation.preferences)
    if item is None:
        rights.require_create()
        if tracker.is_on("oneUserItem"):
            locks.lock(tx, {f"one item per user of tracker {tracker.tracker_id}".encode()})
    else:
        rights.require_modify()
    context = replace(context, administers_tracker=rights.administers_tracker)
    context = replace(context, answers=answer(tx, planning.questions(tracker, item, change, context)))
    draft = planning.draft(tracker, item, change, rights, context)
    plan = draft.plan(rights, answer(tx, draft.questions()), validate_email=situation.preferences["validateEmail"])
    plan = _with_permitted_categories(tx, plan, rights)
    rights_on = _rights_on_linked_items(tx, plan, user, situation)
    if item is None:
        locks.lock(tx, {f"number of field {field.field_id}".encode() for field in plan.numbered})
        item_id, verb = items.create(tx, plan, situation, rights_on), "created"
        return Written(change.rule, verb, f"item {item_id} of tracker {tracker.name}", plan.notes)
    verb = "unchanged" if plan.is_unchanged else "updated"
    if not plan.is_unchanged:
        items.update(tx, plan, situation, rights_on)
    return Written(change.rule, verb, f"item {item.item_id} of tracker {tracker.name}", plan.notes)


def _with_permitted_categories(tx: Transaction, plan: ItemPlan, rights: Rights) -> ItemPlan:
    """Raise NotPermittedError where the user may not put the item into, or take it out of, a category."""
    wanted = {each for effect in plan.effects if isinstance(effect, Categorize) for each in effect.wanted}
    managed = {each for effect in plan.effects if isinstance(effect, Categorize) for each in effect.managed}
    if not managed:
        return plan
    of_item = CategoriesOf("trackeritem", str(plan.item.item_id)) if plan.item else None
    current = answer(tx, [of_item])[of_item] if of_item else frozenset()
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


def _delete(
    tx: Transaction, tracker: Tracker, item: Item | None, change: ItemChange, user: User, situation: Situation
) -> Written:
    if item is None:
        return Written(change.rule, "unchanged", f"tracker {tracker.name}", ("there is no such item to delete",))
    permissions.load(tx, user, tracker, item, situation.preferences).require_remove()
    removal.remove(tx, item, situation)
    return Written(change.rule, "deleted", f"item {item.item_id} of tracker {tracker.name}")


def _storable(tx: Transaction, change: Change, table: str) -> Change:
    """Return the change as old columns of the table can hold it, so that it finds, and compares with, what is there."""
    narrowed = change.narrowed()
    return narrowed if narrowed != change and tx.narrow_columns(table) else change


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


def _locate(tx: Transaction, tracker: Tracker, change: ItemChange, context: Context) -> Item | None:
    """Find the item that the change is about and lock it; None where its key is not taken yet."""
    if change.item_id is not None:
        item = items.load(tx, change.item_id)
        if item is None or item.tracker_id != tracker.tracker_id:
            raise SenderError(
                f"rule {change.rule}: tracker {tracker.name} has no item {change.item_id}", reason="item_missing"
            )
        return item
    if not change.key:
        return None
    found = items.find(tx, tracker.tracker_id, _stored_key(tx, tracker, change, context))
    if len(found) > 1:
        raise RuleError(
            change.rule,
            f"items {', '.join(map(str, found))} of tracker {tracker.name} all have this key",
            hint="delete or change the superfluous ones in Tiki, or add a field to the rule's key; then replay",
            reason="key_ambiguous",
        )
    return items.load(tx, found[0]) if found else None


def _stored_key(tx: Transaction, tracker: Tracker, change: ItemChange, context: Context) -> list[tuple[Field, str]]:
    """Return the key's fields with the text that Tiki stores for their values."""
    named = [(*planning.writable(tracker, name, change.rule), value) for name, value in change.key.items()]
    asked = [question for field, kind, value in named for question in kind.questions(field, value, context)]
    context = replace(context, answers=answer(tx, asked))
    stored = [
        (field, kind.encode(field, value, replace(context, trust=change.trust.get(field.perm_name, ""))).value or "")
        for field, kind, value in named
    ]
    empty = [field.perm_name for field, text in stored if not text]
    if empty:
        raise RuleError(
            change.rule, f"the key {', '.join(empty)} is empty", hint="an empty key finds nothing", reason="key_empty"
        )
    return stored
