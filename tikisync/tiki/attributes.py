"""An item's attributes (``tiki_object_attributes``) and its place in a set of translations (Tiki 24.4)."""

from __future__ import annotations

from collections.abc import Iterable

from tikisync.database import Transaction
from tikisync.tiki.objects import ITEM


def carry_out(tx: Transaction, item_id: int, attributes: Iterable[tuple[str, str]]) -> None:
    """Set attributes by name; one with the value ``''`` is removed (attributelib set_attribute)."""
    rows = []
    for name, value in attributes:
        own = {"type": ITEM, "itemId": str(item_id), "attribute": name}
        if value:
            rows.append({**own, "value": value, "comment": None})
        else:
            tx.delete("tiki_object_attributes", own)
    tx.upsert_many("tiki_object_attributes", rows, key=("type", "itemId", "attribute"))


def set_language(tx: Transaction, item_id: int, language: str) -> None:
    """Note an item's language where it is one of a set of translations that has none in that language yet.

    Tiki: multilinguallib updateObjectLang.
    """
    if not tx.columns("tiki_translated_objects"):
        return
    taken = tx.first(
        "SELECT 1 FROM tiki_translated_objects own JOIN tiki_translated_objects other ON other.traId = own.traId "
        "WHERE own.type = :type AND own.objId = :item AND other.lang = :language",
        type=ITEM,
        item=str(item_id),
        language=language,
    )
    if taken is None:
        tx.update("tiki_translated_objects", {"type": ITEM, "objId": str(item_id)}, {"lang": language})
