"""Carrying out recorded changes on rows held in memory, with the masked times and ids filled in again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = dict[str, list[Row]]
Change: TypeAlias = list[Any]  # [sign, table, row], the sign + or -

MASKS = frozenset({"<now>", "<now:minute>", "<earlier>", "<auto>"})
OWN_IDS = {  # tables whose automatic id the recordings hide
    "tiki_actionlog": "actionId",
    "tiki_freetags": "tagId",
    "tiki_object_attributes": "attributeId",
    "tiki_object_relations": "relationId",
    "tiki_objects": "objectId",
    "tiki_queue": "entryId",
}


def apply(state: Rows, changes: Iterable[Change]) -> None:
    """Carry out changes without masks, the removals first."""
    for sign, table, row in sorted(changes, key=lambda change: "-+".index(change[0])):
        if sign == "-":
            state[table].remove(row)
        else:
            state[table].append(dict(row))


def perform(state: Rows, case: Mapping[str, Any], *, now: int) -> None:
    """Carry out a case's changes as if they happened at ``now`` (UNIX seconds).

    What ``<auto>`` hides is found by what it belongs to: the item's object, and the tags that ``joined`` lists.
    Raises LookupError where a row to be removed is not there.
    """
    item = case["result"]["itemId"] or case["itemId"]
    own_object = _object_of(state, item)
    gone = {row["raw_tag"] for sign, table, row in case["rows"] if (sign, table) == ("-", "tiki_freetags")}
    gone_tags = {tag["tagId"] for tag in state["tiki_freetags"] if tag["raw_tag"] in gone}

    def belongs(row: Row) -> int:
        return (own_object in (row.get("objectId"), row.get("catObjectId"))) * 2 + (row.get("tagId") in gone_tags)

    created = now
    for table, pattern in (change[1:] for change in case["rows"] if change[0] == "-"):
        row = max(_matching(state[table], pattern), key=belongs, default=None)
        if row is None:
            raise LookupError(f"{case['name']}: nothing to remove from {table} is like {pattern}")
        state[table].remove(row)
        if table == "tiki_tracker_items":
            created = row["created"]

    times = {"<now>": now, "<now:minute>": str(now - now % 60), "<earlier>": created}
    added = [change[1:] for change in case["rows"] if change[0] == "+"]
    for table, recorded in sorted(added, key=lambda change: change[0] not in ("tiki_objects", "tiki_freetags")):
        row = {
            column: times.get(value, value) if isinstance(value, str) else value for column, value in recorded.items()
        }
        for column in [column for column, value in row.items() if value == "<auto>"]:
            if column == OWN_IDS.get(table):
                row[column] = 1 + max((other[column] for other in state[table]), default=0)
            elif column == "tagId":
                row[column] = _tag_to_put(state, case, own_object)
            else:
                row[column] = own_object = own_object or _object_of(state, item)
        state[table].append(row)


def _object_of(state: Rows, item: int) -> int:
    return next((int(row["objectId"]) for row in state["tiki_objects"] if row["itemId"] == str(item)), 0)


def _matching(rows: Iterable[Row], pattern: Row) -> list[Row]:
    known = {column: value for column, value in pattern.items() if value not in MASKS}
    return [row for row in rows if all(row[column] == value for column, value in known.items())]


def _tag_to_put(state: Rows, case: Mapping[str, Any], own_object: int) -> int:
    """Return the first tag that the item has after the case and does not have yet."""
    put = {(row["tagId"], row["user"]) for row in state["tiki_freetagged_objects"] if row["objectId"] == own_object}
    ids = {tag["raw_tag"]: tag["tagId"] for tag in state["tiki_freetags"]}
    return next(int(ids[raw]) for raw, user in case["joined"]["tags"] if (ids[raw], user) not in put)
