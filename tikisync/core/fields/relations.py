"""Relation fields (``REL``): which objects the item is related to (Tiki: lib/core/Tracker/Field/Relation.php, 24.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from tikisync.core.effects import Relate
from tikisync.core.fields.entries import entries, identifier
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.questions import ItemTracker, Question
from tikisync.core.trackers import Field, Json

ITEM = "trackeritem"
# Object types as in tiki_objects.type (Tiki: ObjectLib, lib/search/ContentSource).
OBJECT_TYPES = frozenset(
    {
        *("activity", "article", "blog", "blog post", "calendar", "calendaritem", "category", "comment", "directory"),
        *("faq", "file", "file gallery", "forum", "forum post", "group", "image gallery", "perspective", "poll"),
        *("quiz", "sheet", "survey", "template", "tracker", ITEM, "trackerfield", "user", "wiki page"),
    }
)
_LONGEST_ID = 160  # tiki_object_relations.target_itemId


class RelationType(FieldType):
    """Stored as lines ``type:id``; what counts in Tiki are the rows of ``tiki_object_relations``."""

    codes = ("REL",)
    label = "Relations"
    preferences: ClassVar = {"REL": ("trackerfield_relation",)}
    accepts = "item ids, 'type:id' or objects with type and id, one or a list"

    def problem(self, definition: Field) -> str:
        """Refuse fields that only show relations, and relation names that Tiki ignores."""
        if definition.number("readonly"):
            return "it is read-only: it shows relations made elsewhere"
        if definition.text("relation").count(".") < 2:
            return "its relation's name has less than two dots, so Tiki makes no relations of that name"
        return ""

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask whether the items exist."""
        return [ItemTracker(int(each)) for kind, each in self._targets(definition, value) if kind == ITEM]

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the lines in the order given, each once; refuse items that do not exist (Tiki keeps their lines)."""
        targets = self._targets(definition, value)
        for kind, object_id in targets:
            if kind == ITEM and context.answers[ItemTracker(int(object_id))] is None:
                raise self.refuse(definition, value, f"with item {object_id}, which does not exist")
        effect = Relate(definition.field_id, definition.text("relation"), targets, bool(definition.number("invert")))
        return self.store(definition, "\n".join(f"{kind}:{object_id}" for kind, object_id in targets), effect)

    def _targets(self, definition: Field, value: Json) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(self._target(definition, entry) for entry in entries(value, "\n")))

    def _target(self, definition: Field, entry: Json) -> tuple[str, str]:
        kind: Json = ITEM
        object_id: Json = entry
        if isinstance(entry, dict) and entry.keys() == {"type", "id"}:
            kind, object_id = entry["type"], entry["id"]
        elif isinstance(entry, str) and ":" in entry:
            kind, object_id = entry.split(":", 1)
        if kind not in OBJECT_TYPES:
            raise self.refuse(definition, entry, "that is of no type that Tiki knows", f"types: {_shown(OBJECT_TYPES)}")
        if kind == ITEM:
            object_id = identifier(object_id)
        if isinstance(object_id, int) and not isinstance(object_id, bool):
            object_id = str(object_id)
        if not isinstance(object_id, str) or not 0 < len(object_id) <= _LONGEST_ID or "\n" in object_id:
            raise self.refuse(definition, entry, "without an id of its type")
        return str(kind), object_id


def _shown(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


TYPES: tuple[FieldType, ...] = (RelationType(),)
