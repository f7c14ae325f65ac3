"""Category fields (``e``): in which categories the item is (Tiki: lib/core/Tracker/Field/Category.php, 24.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

from tikisync.core.categories import named, offered
from tikisync.core.effects import Categorize, Effect
from tikisync.core.fields.entries import entries, identifier
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.questions import AllCategories, CategoriesOf, Question
from tikisync.core.trackers import Field, Json

_SHOWN_CHOICES = 20


class CategoryType(FieldType):
    """Stored as category ids joined with commas; what counts in Tiki are the rows of ``tiki_category_objects``."""

    codes = ("e",)
    label = "Category"
    preferences: ClassVar = {"e": ("trackerfield_category", "feature_categories")}
    accepts = "categories by id, name or path such as 'Parent::Child', one or a list"

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask for all categories, and for the tracker's own, which Tiki adds by itself."""
        yield from self.untouched_questions(definition, context)

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the ids, in the order given, with the tracker's own categories behind them."""
        offer = _offer(definition, context)
        return _stored(definition, offer, [self._id(definition, entry, offer) for entry in entries(value)], context)

    def untouched_questions(self, definition: Field, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask for all categories, and for the tracker's own, which Tiki adds by itself."""
        yield AllCategories()
        if not definition.number("doNotInheritCategories"):
            yield CategoriesOf("tracker", str(definition.tracker_id))

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return the tracker's own categories for a new item."""
        return _stored(definition, _offer(definition, context), [], context) if context.creating else None

    def _id(self, definition: Field, entry: Json, offer: dict[int, str]) -> int:
        category_id = identifier(entry)
        if category_id in offer:
            return category_id
        found = named(offer, entry) if isinstance(entry, str) else []
        if len(found) == 1:
            return found[0]
        if found:
            paths = ", ".join(sorted(offer[each] for each in found))
            raise self.refuse(definition, entry, f"that names {len(found)} of its categories", f"tell apart {paths}")
        choices = sorted(offer.values())
        more = f" and {len(choices) - _SHOWN_CHOICES} more" if len(choices) > _SHOWN_CHOICES else ""
        hint = f"the field offers {', '.join(choices[:_SHOWN_CHOICES]) or 'none'}{more}"
        raise self.refuse(definition, entry, "that is none of the field's categories", hint)


def leaving_to_others(effects: Iterable[Effect], others: Iterable[Field], context: Context) -> Iterator[Effect]:
    """Return effects that take no item out of a category which one of the ``others``, fields no rule names, offers.

    Tiki's form posts those fields as they are, and what any of them holds counts.
    """
    kept = frozenset(category_id for field in others for category_id in _offer(field, context))
    for effect in effects:
        yield replace(effect, managed=effect.managed - kept) if isinstance(effect, Categorize) else effect


def _offer(definition: Field, context: Context) -> dict[int, str]:
    """Return the categories the field can hold: the children of its parent option, or all descendants, by id."""
    deep = definition.number("descendants") > 0
    return offered(context.answers[AllCategories()], max(definition.number("parentId"), 0), deep=deep)


def _stored(definition: Field, offer: dict[int, str], named_ids: list[int], context: Context) -> Stored:
    inherited: frozenset[int] = frozenset()
    if not definition.number("doNotInheritCategories"):
        tracker = CategoriesOf("tracker", str(definition.tracker_id))
        inherited = context.answers[tracker] & offer.keys()
    ids = list(dict.fromkeys([*named_ids, *sorted(inherited)]))
    effect = Categorize(
        definition.field_id,
        wanted=frozenset(ids),
        managed=frozenset(offer),
        inherited=inherited - set(named_ids),
        fallback=context.default_category or None,
    )
    return Stored(",".join(str(each) for each in ids), (effect,))


TYPES: tuple[FieldType, ...] = (CategoryType(),)
