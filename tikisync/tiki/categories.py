"""Putting tracker items into Tiki's categories and taking them out (Tiki: lib/categories/categlib.php, 24.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from tikisync.core.categories import Category, offered
from tikisync.core.effects import Categorize
from tikisync.core.permissions import Rights
from tikisync.core.trackers import Field, Tracker
from tikisync.database import Transaction
from tikisync.tiki import objects, status, trackers
from tikisync.tiki.objects import WrittenItem

RightsOn: TypeAlias = Callable[[int], Rights]  # by item id, able to answer for the categories in question

_CASCADES_CATEGORIES = 1  # bit of an Item Link field's option ``cascade``


def every(tx: Transaction) -> Mapping[int, Category]:
    """Return all categories by id."""
    rows = tx.all("SELECT categId, name, parentId FROM tiki_categories")
    return {
        int(row["categId"]): Category(int(row["categId"]), str(row["name"] or ""), int(row["parentId"] or 0))
        for row in rows
    }


def current(tx: Transaction, object_type: str, object_id: str) -> frozenset[int]:
    """Return the categories that an object is in."""
    rows = tx.all(
        "SELECT c.categId FROM tiki_objects o JOIN tiki_category_objects c ON c.catObjectId = o.objectId "
        "WHERE o.type = :type AND o.itemId = :id",
        type=object_type,
        id=object_id,
    )
    return frozenset(int(row["categId"]) for row in rows)


def carry_out(
    tx: Transaction, item: WrittenItem, effects: Sequence[Categorize], rights_on: RightsOn | None = None
) -> list[int]:
    """Categorize an item, and those linked to it by a field that cascades categories; return the latter's ids.

    ``rights_on`` tells what the user may do with a linked item; without it those keep their categories.
    """
    wanted = frozenset[int]().union(*(effect.wanted for effect in effects))
    managed = frozenset[int]().union(*(effect.managed for effect in effects))
    named = {effect.field_id for effect in effects}
    others = (field for field in _category_fields(item.tracker) if field.field_id not in named)
    if not wanted and not any(item.value(field) for field in others):
        wanted = managed & {effect.fallback for effect in effects}
    _update_fields(tx, item, *_categorize(tx, item, wanted, managed))
    children = status.following(tx, item.item_id, item.tracker.tracker_id, _CASCADES_CATEGORIES) if rights_on else []
    for child in children:
        linked = _linked(tx, item, child)
        _update_fields(tx, linked, *_categorize(tx, linked, wanted, managed, rights_on and rights_on(child)))
    return children


def _categorize(
    tx: Transaction, item: WrittenItem, wanted: frozenset[int], managed: frozenset[int], rights: Rights | None = None
) -> tuple[frozenset[int], frozenset[int]]:
    """Change the item's categories, as far as ``rights`` allow it; return those added and those removed."""
    now = current(tx, objects.ITEM, str(item.item_id))
    added, removed = wanted - now, (now & managed) - wanted
    if rights:
        added = frozenset(filter(rights.can_categorize, added))
        removed = frozenset(filter(rights.can_uncategorize, removed))
    if not added and not removed:
        return added, removed
    object_id = objects.find(tx, item.item_id)
    if object_id is None:
        object_id = objects.add(tx, item, objects.address(item.item_id))
    elif not now:  # an object already, but in no category: Tiki names it anew
        renamed = {"description": "", "name": objects.title(tx, item), "href": objects.address(item.item_id)}
        tx.update("tiki_objects", {"objectId": object_id}, renamed)
    if added:
        tx.insert_many("tiki_categorized_objects", [{"catObjectId": object_id}], on_duplicate="ignore")
        rows = [{"catObjectId": object_id, "categId": each} for each in sorted(added)]
        tx.insert_many("tiki_category_objects", rows, on_duplicate="ignore")
    if removed:
        tx.delete("tiki_category_objects", {"catObjectId": object_id, "categId": removed})
    if now | added == removed:
        tx.delete("tiki_categorized_objects", {"catObjectId": object_id})
    return added, removed


def _update_fields(tx: Transaction, item: WrittenItem, added: frozenset[int], removed: frozenset[int]) -> None:
    """Let category fields show what changed among their categories (Field/Category.php syncCategoryFields)."""
    if not added and not removed:
        return
    categories, fields = every(tx), _category_fields(item.tracker)
    given = (int(part) for field in fields for part in item.value(field).split(",") if part.isdecimal())
    new = [each for each in dict.fromkeys([*given, *sorted(added)]) if each in added]
    for field in fields:
        offer = offered(categories, max(field.number("parentId"), 0), deep=field.number("descendants") > 0).keys()
        before = item.value(field).split(",")
        after = [each for each in before if not each.isdecimal() or int(each) not in removed & offer]
        after += [str(each) for each in new if each in offer and str(each) not in before]
        if after != before:
            row = {"itemId": item.item_id, "fieldId": field.field_id, "value": ",".join(after)}
            tx.upsert_many("tiki_tracker_item_fields", [row], key=("itemId", "fieldId"))


def _category_fields(tracker: Tracker) -> list[Field]:
    return [field for field in tracker.fields if field.type == "e"]


def _linked(tx: Transaction, item: WrittenItem, child: int) -> WrittenItem:
    tracker_id = tx.value("SELECT trackerId FROM tiki_tracker_items WHERE itemId = :item", item=child)
    rows = tx.all("SELECT fieldId, value FROM tiki_tracker_item_fields WHERE itemId = :item", item=child)
    values = {int(row["fieldId"]): row["value"] for row in rows}
    return WrittenItem(child, trackers.load(tx, str(tracker_id)), values, item.user, item.now, item.preferences)
