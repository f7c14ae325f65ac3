"""What writing an item takes: from a change and the item as it is to every value, status and side row, as data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tikisync.core import formulas, php, validation
from tikisync.core.changes import CLOSE, ItemChange
from tikisync.core.date_format import DEFAULT_DATES, DateFormat
from tikisync.core.effects import Effect
from tikisync.core.fields import FIELD_TYPES, unwritable
from tikisync.core.fields.categories import CategoryType, leaving_to_others
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.formulas import Clock
from tikisync.core.permissions import Rights
from tikisync.core.questions import Answers, Question
from tikisync.core.trackers import CLOSED, MOST_KNOWN, OPEN, Field, Item, Json, Tracker
from tikisync.core.validation import Creator
from tikisync.errors import FieldValueError, RuleError, SenderError

STATUS_FIELD = -1  # the field id under which Tiki's history keeps the old status
"""A status change in ``tiki_tracker_item_field_logs`` (trackerlib, Tiki 24.4)."""


@dataclass(frozen=True, slots=True)
class FieldWrite:
    """One field's value before and after; None is SQL NULL or no row."""

    field: Field
    old: str | None
    new: str | None

    @property
    def changes(self) -> bool:
        """Tell whether the stored text becomes another; NULL, no row and ``''`` are all empty."""
        return (self.old or "") != (self.new or "")

    def logged(self, dates: DateFormat) -> str | None:
        """Return the old value as the item's history shows it, None where Tiki logs nothing (PHP's ``!=`` decides)."""
        if not php.loosely_differ(self.old, self.new):
            return None
        return FIELD_TYPES[self.field.type].logged(self.field, self.old or "", dates)


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """All that will hold for one item once it is written."""

    tracker: Tracker
    item: Item | None  # as it is; None: to be created
    status: str
    now: int  # UNIX seconds, UTC
    writes: tuple[FieldWrite, ...]
    effects: tuple[Effect, ...] = ()
    dates: DateFormat = DEFAULT_DATES
    notes: tuple[str, ...] = ()  # what the delivery should say about it
    user: str = ""  # who writes it, login

    @property
    def is_unchanged(self) -> bool:
        """Tell whether the item holds all this already."""
        return self.item is not None and self.status == self.item.status and not self.writes

    @property
    def numbered(self) -> tuple[Field, ...]:
        """The auto-increment fields that need a number, which only the database can give."""
        return () if self.item else _numbered(self.tracker)

    def history(self) -> list[tuple[int, str]]:
        """Return (field id, old value) for each row of the item's history, the status first."""
        if self.item is None:
            return []
        changed = [(STATUS_FIELD, self.item.status)] if self.status != self.item.status else []
        logged = ((write.field.field_id, write.logged(self.dates)) for write in self.writes)
        return changed + [(field_id, value) for field_id, value in logged if value is not None]

    def finished(self, item_id: int, numbers: Mapping[int, str]) -> ItemPlan:
        """Return the plan with the numbers given and Tiki's calculations carried out over all values."""
        numbered = tuple(FieldWrite(each, None, numbers[each.field_id]) for each in self.numbered)
        writes = {write.field.field_id: write for write in (*self.writes, *numbered)}
        before = self.item.values if self.item else {}
        values = {**before, **{field_id: write.new for field_id, write in writes.items()}}
        facts = {"modification_date": str(self.now), "last_modified_by": self.user}
        facts |= {"creation_date": str(self.item.created if self.item else self.now)}
        facts |= {"created_by": (self.item.created_by or "") if self.item else self.user}
        results = formulas.calculated(self.tracker, values, item_id, clock=Clock(self.now), facts=facts)
        for field_id, result in results.items():
            field = next(each for each in self.tracker.fields if each.field_id == field_id)
            write = FieldWrite(field, before.get(field_id), result)
            if self.item is None or write.changes:
                writes[field_id] = write
        return replace(self, writes=tuple(sorted(writes.values(), key=_order)))


@dataclass(frozen=True, slots=True)
class Draft:
    """A change encoded field by field, before the checks that look at the item as a whole."""

    tracker: Tracker
    item: Item | None
    change: ItemChange
    context: Context
    stored: Mapping[int, Stored | None]  # by field id; None: the field gets no row
    named: frozenset[int]  # ids of the fields that the change names
    problems: tuple[FieldValueError, ...]  # of values that could not be encoded; those fields count as they are

    def questions(self) -> Iterator[Question[Any]]:
        """Name what the checks of the whole item must know."""
        yield from validation.questions(self.tracker, self._values(), self.named, self._creator)

    def plan(self, rights: Rights, answers: Answers, *, validate_email: str = "n") -> ItemPlan:
        """Return the plan; raise FieldValueError or SenderError where Tiki's form would refuse the item."""
        of_item = validation.problems(
            self.tracker,
            self._values(),
            self.named,
            answers,
            item=self.item,
            creator=self._creator,
            validate_email=validate_email,
        )
        known = {problem.field for problem in self.problems}
        raise_problems(self.change.rule, [*(each for each in of_item if each.field not in known), *self.problems])
        writes = tuple(_writes(self.tracker, self.item, self.stored))
        changes = any(write.field.field_id in self.named for write in writes)
        status, notes = _status(self.tracker, self.item, self.change, rights, changes=changes)
        if self.item is not None and not changes and status == self.item.status:
            writes = ()  # what Tiki sets by itself does not make a repeated webhook a change
        return ItemPlan(
            self.tracker,
            self.item,
            status,
            self.context.now,
            writes,
            tuple(self._effects({write.field.field_id for write in writes})),
            self.context.dates,
            notes,
            self.context.user,
        )

    def _effects(self, written: Collection[int]) -> Iterator[Effect]:
        """Return what the written fields cause, in the order of Tiki's form; category fields count together."""
        of_categories = {field.field_id: field for field in self.tracker.fields if field.type in CategoryType.codes}
        counted = {*written, *(of_categories if of_categories.keys() & written else ())}
        stored = (self.stored.get(field.field_id) for field in self.tracker.fields if field.field_id in counted)
        effects = (effect for each in stored if each for effect in each.effects)
        others = [field for field_id, field in of_categories.items() if field_id not in self.stored]
        return leaving_to_others(effects, others, self.context)

    @property
    def _creator(self) -> Creator | None:
        return None if self.item else Creator(self.context.user, self.context.client_ip)

    def _values(self) -> dict[int, str | None]:
        before: Mapping[int, str | None] = self.item.values if self.item else {}
        return {**before, **{i: s.value if s else None for i, s in self.stored.items()}}


def questions(tracker: Tracker, item: Item | None, change: ItemChange, context: Context) -> Iterator[Question[Any]]:
    """Name what must be known before ``draft``; raise RuleError for a field that is not there or cannot be written."""
    for field, kind, value in _named(tracker, change):
        yield from kind.questions(field, value, _for_field(context, item, field, change))
    for field, kind in _unnamed(tracker, change):
        yield from kind.untouched_questions(field, _for_field(context, item, field, change))


def draft(tracker: Tracker, item: Item | None, change: ItemChange, rights: Rights, context: Context) -> Draft:
    """Encode every field the change names and what Tiki stores by itself in the others; ``context`` is of this item.

    Raises RuleError or NotPermittedError; values that do not fit are told by ``plan``, with all other problems.
    """
    if item is None:
        validation.require_open(tracker, context.now)
    stored: dict[int, Stored | None] = {}
    problems: list[FieldValueError] = []
    for field, kind, value in _named(tracker, change):
        rights.require_field(field, creating=item is None)
        try:
            stored[field.field_id] = kind.encode(field, value, _for_field(context, item, field, change))
        except FieldValueError as problem:
            problems.append(problem)
    for field, kind in _unnamed(tracker, change):
        untouched = kind.untouched(field, _for_field(context, item, field, change))
        if untouched is None:
            continue
        if rights.can_set_field(field, creating=item is None):
            stored[field.field_id] = untouched
        elif item is None:
            stored[field.field_id] = Stored(kind.unposted(field))
    named = frozenset(field.field_id for field, _, _ in _named(tracker, change)) & stored.keys()
    return Draft(tracker, item, change, context, stored, named, tuple(problems))


def raise_problems(rule: str, problems: Sequence[FieldValueError]) -> None:
    """Raise the only problem, or one error that tells all of them."""
    for problem in problems:
        problem.rule = rule
    if len(problems) == 1:
        raise problems[0]
    if problems:
        told = "; ".join(f"field {problem.field}: {problem.message}" for problem in problems)
        raise SenderError(f"rule {rule}: {told}", reason=problems[0].reason)


def writable(tracker: Tracker, perm_name: str, rule: str) -> tuple[Field, FieldType]:
    """Return a field and its type; raise RuleError where there is no such field or no rule can write it."""
    field = tracker.field_named(perm_name)
    if field is None:
        known = ", ".join(each.perm_name for each in tracker.fields)
        raise RuleError(
            rule,
            f"tracker {tracker.name} has no field with the permanent name {perm_name}",
            hint=f"its fields are {known}",
            reason="field_unknown",
        )
    if why := unwritable(field):
        raise RuleError(
            rule,
            f"field {perm_name} cannot be written: {why}",
            hint="remove it from the rule",
            reason="field_unwritable",
        )
    return field, FIELD_TYPES[field.type]


def require_available(field: Field, kind: FieldType, is_on: Callable[[str], bool], rule: str) -> None:
    """Raise RuleError where a preference that the field's type needs is off; Tiki cannot show or save it then."""
    off = [name for name in kind.preferences.get(field.type, ()) if not is_on(name)]
    if off:
        raise RuleError(
            rule,
            f"field {field.perm_name} cannot be written: Tiki's preference {off[0]} is off",
            hint="switch it on in Tiki's admin, or remove the field from the rule",
            reason="field_type_off",
        )


def _named(tracker: Tracker, change: ItemChange) -> Iterator[tuple[Field, FieldType, Json]]:
    for perm_name, value in change.fields.items():
        field, kind = writable(tracker, perm_name, change.rule)
        yield field, kind, value


def _unnamed(tracker: Tracker, change: ItemChange) -> Iterator[tuple[Field, FieldType]]:
    return (each for each in _not_by_itself(tracker) if each[0].perm_name not in change.fields)


@lru_cache(MOST_KNOWN)
def _not_by_itself(tracker: Tracker) -> Sequence[tuple[Field, FieldType]]:
    """Return the fields, each with its type, but those that Tiki calculates or numbers."""
    known = [(field, FIELD_TYPES[field.type]) for field in tracker.fields if field.type in FIELD_TYPES]
    return [(field, kind) for field, kind in known if not (kind.numbered or field.type in formulas.CALCULATED)]


@lru_cache(MOST_KNOWN)
def _numbered(tracker: Tracker) -> tuple[Field, ...]:
    return tuple(each for each in tracker.fields if each.type in FIELD_TYPES and FIELD_TYPES[each.type].numbered)


def _for_field(context: Context, item: Item | None, field: Field, change: ItemChange) -> Context:
    return context.of_field(item.value(field.field_id) if item else "", change.trust.get(field.perm_name, ""))


def _writes(tracker: Tracker, item: Item | None, stored: Mapping[int, Stored | None]) -> Iterator[FieldWrite]:
    for field in tracker.fields:
        after = stored.get(field.field_id)
        if after is None:
            continue
        write = FieldWrite(field, item.values.get(field.field_id) if item else None, after.value)
        if item is None or write.changes:
            yield write


def _status(
    tracker: Tracker, item: Item | None, change: ItemChange, rights: Rights, *, changes: bool
) -> tuple[str, tuple[str, ...]]:
    """Return the status to be; a wanted one counts only where Tiki's item form would let the user set it."""
    wanted = CLOSED if change.action == CLOSE else change.status
    notes: tuple[str, ...] = ()
    if wanted and not rights.can_set_status:
        notes = (f"status left to Tiki: tracker {tracker.name} does not show it and the user does not administer it",)
        wanted = None
    if item is None:
        return wanted or tracker.options.get("newItemStatus") or OPEN, notes
    by_itself = tracker.options.get("modItemStatus") if changes else ""
    return wanted or by_itself or item.status, notes


def _order(write: FieldWrite) -> tuple[int, int]:
    return (write.field.position, write.field.field_id)
