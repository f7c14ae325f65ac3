"""Relations of objects (``tiki_object_relations``) and the fields that mirror them (Tiki: relationlib, 24.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tikisync.core.effects import Attach, Relate
from tikisync.database import Row, Transaction
from tikisync.tiki.objects import ITEM
from tikisync.tiki.preferences import Preferences

Object: TypeAlias = tuple[str, str]  # type and id

_INVERT = ".invert"


@dataclass(frozen=True, slots=True)
class Relation:
    """That one object leads to another, by a relation's name."""

    name: str
    source: Object
    target: Object

    @property
    def row(self) -> dict[str, str]:
        """The relation as a row of the table."""
        ends = {"source_type": self.source[0], "source_itemId": self.source[1]}
        return {"relation": self.name, **ends, "target_type": self.target[0], "target_itemId": self.target[1]}


def relate(tx: Transaction, item_id: int, effect: Relate, preferences: Preferences) -> list[Object]:
    """Make the item's relation lead to exactly the objects wanted; return the objects whose relations changed."""
    name, own = _valid_name(effect.relation), (ITEM, str(item_id))
    base, backwards = name.removesuffix(_INVERT), name.endswith(_INVERT)
    there = {_read(row): int(row["relationId"]) for row in _rows(tx, base, own, backwards=backwards)}
    if effect.invert:
        there |= {_read(row): int(row["relationId"]) for row in _rows(tx, base, own, backwards=not backwards)}
    others = {relation: relation.target if relation.source == own else relation.source for relation in there}
    gone = [relation for relation, other in others.items() if other not in effect.targets]
    missing = [target for target in effect.targets if target not in others.values()]
    new = [Relation(base, target, own) if backwards else Relation(base, own, target) for target in missing]
    return _change(tx, new, {relation: there[relation] for relation in gone}, preferences, effect.field_id)


def attach(tx: Transaction, item_id: int, effect: Attach, preferences: Preferences) -> list[Object]:
    """Make the item's relation lead to all attached and no detached objects; return those that changed."""
    own = (ITEM, str(item_id))
    there = {_read(row): int(row["relationId"]) for row in _rows(tx, effect.relation, own)}
    attached = [Relation(effect.relation, own, (effect.target_type, str(each))) for each in effect.attached]
    detached = {Relation(effect.relation, own, (effect.target_type, str(each))) for each in effect.detached}
    new = [relation for relation in attached if relation not in there]
    return _change(tx, new, {relation: there[relation] for relation in detached & there.keys()}, preferences)


def targets(tx: Transaction, item_id: int, relation: str, target_type: str) -> list[int]:
    """Return the ids of the objects of a type that the item's relation leads to."""
    found = (_read(row).target for row in _rows(tx, relation, (ITEM, str(item_id))))
    return [int(object_id) for kind, object_id in found if kind == target_type and object_id.isdecimal()]


def replace_from(tx: Transaction, relation: str, source: Object, wanted: Iterable[Object]) -> None:
    """Make a relation that no field mirrors lead from an object to exactly the objects wanted."""
    there = {_read(row): int(row["relationId"]) for row in _rows(tx, relation, source)}
    new = [Relation(relation, source, target) for target in wanted]
    gone = [relation_id for each, relation_id in there.items() if each not in new]
    if gone:
        tx.delete("tiki_object_relations", {"relationId": gone})
    tx.insert_many("tiki_object_relations", [each.row for each in new if each not in there])


def _change(
    tx: Transaction, new: Sequence[Relation], gone: dict[Relation, int], preferences: Preferences, field_id: int = 0
) -> list[Object]:
    if gone:
        tx.delete("tiki_object_relations", {"relationId": list(gone.values())})
        attributes = {"type": "relation", "itemId": [str(each) for each in gone.values()]}
        tx.delete("tiki_object_attributes", attributes)
    known = tx.columns("tiki_object_relations") if new and field_id else ()
    by_field = {"source_fieldId": field_id} if "source_fieldId" in known else {}  # newer Tikis note whose it is
    tx.insert_many("tiki_object_relations", [{**relation.row, **by_field} for relation in new])
    if preferences.is_on("trackerfield_relation"):
        for relation in new:
            _mirror(tx, relation, present=True)
        for relation in gone:
            _mirror(tx, relation, present=False)
    ends = [end for relation in (*new, *gone) for end in (relation.source, relation.target)]
    return list(dict.fromkeys(ends))


def _mirror(tx: Transaction, relation: Relation, *, present: bool) -> None:
    """Let both ends' relation fields list the relation or not (Field/Relation.php syncRelationAdded, …Removed)."""
    for end, other, name in (
        (relation.source, relation.target, relation.name),
        (relation.target, relation.source, relation.name + _INVERT),
    ):
        if end[0] == ITEM:
            field_id = _field_of(tx, int(end[1]), name)
            if field_id is not None:
                _list(tx, int(end[1]), field_id, ":".join(other), present=present)


def _field_of(tx: Transaction, item_id: int, relation: str) -> int | None:
    """Return the first field of the item's tracker that shows this relation."""
    rows = tx.all(
        "SELECT f.fieldId, f.type, f.options FROM tiki_tracker_items i "
        "JOIN tiki_tracker_fields f ON f.trackerId = i.trackerId "
        "WHERE i.itemId = :item AND f.type = 'REL' ORDER BY f.position, f.fieldId",
        item=item_id,
    )
    shown = (int(row["fieldId"]) for row in rows if row["type"] == "REL" and _relation_option(row) == relation)
    return next(shown, None)


def _relation_option(row: Row) -> str:
    try:
        return str(json.loads(row["options"] or "{}").get("relation") or "")
    except (ValueError, AttributeError):
        return ""


def _list(tx: Transaction, item_id: int, field_id: int, line: str, *, present: bool) -> None:
    sql = f"SELECT value FROM tiki_tracker_item_fields WHERE itemId = :item AND fieldId = :field{tx.for_update}"  # noqa: S608  names of ours, values bound
    before = str(tx.value(sql, item=item_id, field=field_id) or "").split("\n")
    after = [each for each in before if each != line]
    if present:
        after = before if line in before else [*before, line]
    if after != before:
        row = {"itemId": item_id, "fieldId": field_id, "value": "\n".join(after)}
        tx.upsert_many("tiki_tracker_item_fields", [row], key=("itemId", "fieldId"))


def _rows(tx: Transaction, relation: str, end: Object, *, backwards: bool = False) -> Sequence[Row]:
    side = "target" if backwards else "source"
    sql = (
        f"SELECT * FROM tiki_object_relations WHERE {side}_type = :type AND {side}_itemId = :id "  # noqa: S608  names of ours, values bound
        "AND relation = :relation ORDER BY relationId"
    )
    return tx.all(sql, type=end[0], id=end[1], relation=relation)


def _read(row: Row) -> Relation:
    source = (str(row["source_type"]), str(row["source_itemId"]))
    return Relation(str(row["relation"]), source, (str(row["target_type"]), str(row["target_itemId"])))


def _valid_name(name: str) -> str:
    """Return a relation's name as Tiki stores it (TikiFilter_AttributeType)."""
    return re.sub(r"[^a-z0-9_.-]", "", name.lower())
