"""Tracker items among Tiki's objects (``tiki_objects``), which categories, tags and file backlinks refer to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tikisync.core.trackers import Field, Tracker
from tikisync.database import Transaction
from tikisync.tiki.preferences import Preferences

ITEM = "trackeritem"
_LONGEST_NAME = 200  # tiki_objects.name; a longer title makes Tiki's own save fail


@dataclass(frozen=True, slots=True)
class WrittenItem:
    """An item just written, as its rows in other tables need it: all its values by field id, who wrote it and when."""

    item_id: int
    tracker: Tracker
    values: Mapping[int, str | None]
    user: str  # login
    now: int  # UNIX seconds, UTC
    preferences: Preferences

    def value(self, field: Field | None) -> str:
        """Return a field's value, empty where there is none."""
        return (self.values.get(field.field_id) or "") if field else ""


def find(tx: Transaction, item_id: int) -> int | None:
    """Return the id of an item's object, None where it has none."""
    found = tx.value(
        "SELECT objectId FROM tiki_objects WHERE type = :type AND itemId = :item", type=ITEM, item=str(item_id)
    )
    return None if found is None else int(found)


def add(tx: Transaction, item: WrittenItem, href: str) -> int:
    """Make the item an object, as Tiki's ObjectLib::insert_object does; return the object's id."""
    row = {
        "type": ITEM,
        "itemId": str(item.item_id),
        "description": "",
        "name": title(tx, item),
        "href": href,
        "created": item.now,
        "hits": 0,
        "comments_locked": "n",
    }
    return tx.insert("tiki_objects", row)


def find_or_add(tx: Transaction, item: WrittenItem) -> int:
    """Return the id of the item's object, made where missing with the address that ObjectLib::add_object gives it."""
    found = find(tx, item.item_id)
    return found or add(tx, item, f"{address(item.item_id)}&trackerId={item.tracker.tracker_id}")


def address(item_id: int) -> str:
    """Return the address of an item's page, relative to the site."""
    return f"tiki-view_tracker_item.php?itemId={item_id}"


def title(tx: Transaction, item: WrittenItem) -> str | None:
    """Return the item's title, at most 200 characters, as Tiki names it in other tables (get_isMain_value)."""
    field = item.tracker.title_field
    value = item.value(field)
    if field is not None and field.type == "q":
        value = field.text("prepend") + value + field.text("append")
    elif field is not None and field.type == "r":
        if value in ("", "0"):
            return None
        value = _linked_titles(tx, field, value) or value
    elif field is not None and field.type == "e":
        value = _category_names(tx, field, value)
    elif field is not None and item.values.get(field.field_id, "") is None:
        return None
    return _in_language(value, item.preferences["language"])[:_LONGEST_NAME]


def _linked_titles(tx: Transaction, field: Field, value: str) -> str:
    items = [part for part in value.split(",") if part.isdecimal() and part != "0"]
    if not items:
        return ""
    rows = tx.all(
        "SELECT itemId, value FROM tiki_tracker_item_fields WHERE fieldId = :field AND itemId IN :items",
        field=field.number("fieldId"),
        items=[int(each) for each in items],
    )
    titles = {str(row["itemId"]): str(row["value"] or "") for row in rows}
    return ", ".join(titles.get(each, "") for each in items)


def _category_names(tx: Transaction, field: Field, value: str) -> str:
    """Return the names of the tracker's categories: Tiki names an item before it is in any of its own."""
    ids = [int(part) for part in value.split(",") if part.isdecimal()]
    if not ids or field.number("doNotInheritCategories"):
        return ""
    rows = tx.all(
        "SELECT c.name FROM tiki_categories c JOIN tiki_category_objects m ON m.categId = c.categId "
        "JOIN tiki_objects o ON o.objectId = m.catObjectId "
        "WHERE o.type = 'tracker' AND o.itemId = :tracker AND c.categId IN :ids ORDER BY c.categId",
        tracker=str(field.tracker_id),
        ids=ids,
    )
    return "<br/>\n".join(str(row["name"] or "") for row in rows)


def _in_language(value: str, language: str) -> str:
    """Return the text in the site's language, else the first, of a text in several languages."""
    if not value.startswith("{"):
        return value
    try:
        texts = json.loads(value)
    except ValueError:
        return value
    return str(texts.get(language, next(iter(texts.values()), ""))) if isinstance(texts, dict) else value
