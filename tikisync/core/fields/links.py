"""Links to items: item link (``r``), dynamic items list (``w``) (Tiki: Field/ItemLink.php, DynamicList.php, 24.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from tikisync.core.fields.entries import entries, identifier
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.fields.scalars import plain
from tikisync.core.questions import ItemsTitled, ItemTracker, Question
from tikisync.core.trackers import Field, Json

_IDS = re.compile(r"\s*\d+(?:\s*,\s*\d+)*\s*", re.ASCII)


class ItemLinkType(FieldType):
    """Stored as the item's id, ``0`` where empty; where the field takes several, as ids with commas between them.

    An item is named by its id or by the text of its title field (option ``fieldId``). A number is an id if the linked
    tracker has such an item, else a title. Tiki checks nothing and makes a 0 of text.
    """

    codes: ClassVar[tuple[str, ...]] = ("r",)
    label = "Item Link"
    preferences: ClassVar = {"r": ("trackerfield_itemlink",)}
    accepts = "the id or title of an item of the linked tracker, or a list of them where the field takes several"
    title_option: ClassVar[str] = "fieldId"

    def problem(self, definition: Field) -> str:
        """Refuse a field that does not say to which tracker it links."""
        return "" if definition.number("trackerId") else "it names no tracker to link to (option Tracker ID)"

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask where the items named by id are, and which items have these titles."""
        for entry in self._entries(definition, value):
            yield from self._questions(definition, entry)

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the ids; refuse items that are missing, in another tracker, or named by a title that others have."""
        found = [self._item(definition, entry, context) for entry in self._entries(definition, value)]
        text = ",".join(str(item) for item in dict.fromkeys(found))
        return self.store(definition, text if text or self.takes_several(definition) else "0")

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return no link."""
        return self.encode(definition, "", context) if context.creating else None

    def unposted(self, definition: Field) -> str | None:
        """Return no link."""
        return None if self.takes_several(definition) else "0"

    def takes_several(self, definition: Field) -> bool:
        """Tell whether the value is a list of ids."""
        return definition.number("selectMultipleValues") > 0 or definition.text("displayFieldsListType") == "table"

    def _entries(self, definition: Field, value: Json) -> list[Json]:
        is_title = isinstance(value, str) and not (self.takes_several(definition) and _IDS.fullmatch(value))
        named = [each for each in entries([value] if is_title else value) if str(each) != "0"]
        if len(named) > 1 and not self.takes_several(definition):
            raise self.refuse(definition, value)
        return named

    def _questions(self, definition: Field, entry: Json) -> Iterator[Question[Any]]:
        if (item := identifier(entry)) is not None:
            yield ItemTracker(item)
        if (title := self._titled(definition, entry)) is not None:
            yield title

    def _titled(self, definition: Field, entry: Json) -> ItemsTitled | None:
        text, field_id = plain(entry), definition.number(self.title_option)
        return ItemsTitled(definition.number("trackerId"), field_id, text) if text and field_id else None

    def _item(self, definition: Field, entry: Json, context: Context) -> int:
        item, title = identifier(entry), self._titled(definition, entry)
        if item is not None and context.answers[ItemTracker(item)] == definition.number("trackerId"):
            return item
        items = context.answers[title] if title else ()
        if len(items) == 1:
            return items[0]
        if items:
            shared = f"items {', '.join(map(str, items[:5]))} all have that title"
            raise self.refuse(definition, entry, f"that names more than one item ({shared})", reason="ambiguous_item")
        raise self.refuse(definition, entry, "that names no item there", reason="unknown_item")


class DynamicListType(ItemLinkType):
    """As an item link; its form offers items that depend on another field."""

    codes = ("w",)
    label = "Dynamic Items List"
    preferences: ClassVar = {"w": ("trackerfield_dynamiclist",)}
    title_option = "listFieldIdThere"

    def takes_several(self, definition: Field) -> bool:
        """Tell whether the value is a list of ids."""
        return definition.number("selectMultipleValues") > 0


TYPES: tuple[FieldType, ...] = (ItemLinkType(), DynamicListType())
