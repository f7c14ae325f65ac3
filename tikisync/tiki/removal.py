"""Deleting a tracker item with everything that hangs on it (Tiki: trackerlib remove_tracker_item, 24.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tikisync.core.permission_levels import object_id as hashed_id
from tikisync.core.trackers import Item
from tikisync.database import Row, Transaction
from tikisync.database import tables as database_tables
from tikisync.tiki import actionlog, search_queue
from tikisync.tiki.items import Situation, load
from tikisync.tiki.status import following

_CASCADES_DELETE = 4  # bit of an Item Link field's option ``cascade``


def remove(tx: Transaction, item: Item, situation: Situation) -> None:
    """Delete an item, its values, history and side rows, and the items linked to it by a field that cascades deletes.

    Other items' links to it stay as they are, as do its tags' and categories' bookkeeping rows: Tiki leaves them too.
    """
    _remove_one(tx, item, situation)
    seen = {item.item_id}
    waiting = following(tx, item.item_id, item.tracker_id, _CASCADES_DELETE)
    while waiting:
        child = load(tx, waiting.pop())
        if child is not None and child.item_id not in seen:
            seen.add(child.item_id)
            waiting += following(tx, child.item_id, child.tracker_id, _CASCADES_DELETE)
            _remove_one(tx, child, situation)


def _remove_one(tx: Transaction, item: Item, situation: Situation) -> None:
    item_id = str(item.item_id)
    _remove_objects(tx, "trackeritem", [item_id])
    _remove_objects(tx, "trackeritemfield", [f"{item_id}:{field_id}" for field_id in item.values])
    tx.count("tiki_trackers", {"trackerId": item.tracker_id}, "items", -1, {"lastModif": situation.now})
    own, watched = {"itemId": item.item_id}, {"object": item_id, "event": "tracker_item_modified"}
    with_item: Mapping[str, Row] = {  # not every Tiki has all of these tables
        "tiki_comments": {"object": item_id, "objectType": "trackeritem"},
        "tiki_tracker_item_attachments": own,
        "tiki_group_watches": watched,
        "tiki_user_watches": watched,
        "tiki_translated_objects": {"type": "trackeritem", "objId": item_id},
    }
    there = database_tables.columns(tx, [*with_item, "tiki_user_votings"])
    tx.delete("tiki_tracker_item_fields", own)
    for table in with_item.keys() & there.keys():
        tx.delete(table, with_item[table])
    tx.delete("tiki_tracker_items", own)
    if "tiki_user_votings" in there:
        votes = f"tracker.{item.tracker_id}.{item_id}.%"
        tx.run("DELETE FROM tiki_user_votings WHERE id LIKE :votes", votes=votes)
    tx.delete("tiki_tracker_item_field_logs", own)
    if actionlog.is_logged(tx, situation.preferences, actionlog.REMOVED):
        actionlog.add(tx, actionlog.rows(situation.actor, actionlog.REMOVED, item.item_id, situation.now))
    search_queue.add(tx, situation.preferences, [item.item_id], situation.now)


def _remove_objects(tx: Transaction, kind: str, ids: Sequence[str]) -> None:
    """Remove what Tiki keeps about any object: categories, permissions, links, attributes, relations."""
    rows = tx.all("SELECT objectId FROM tiki_objects WHERE type = :kind AND itemId IN :ids", kind=kind, ids=ids)
    objects = [row["objectId"] for row in rows]
    if objects:
        tx.delete("tiki_category_objects", {"catObjectId": objects})
        tx.delete("tiki_file_backlinks", {"objectId": objects})
    tx.delete("users_objectpermissions", {"objectId": [hashed_id((kind, each)) for each in ids], "objectType": kind})
    tx.delete("tiki_links", {"fromPage": [f"objectlink:{kind}:{each}" for each in ids]})
    tx.delete("tiki_objects", {"type": kind, "itemId": ids})
    tx.delete("tiki_object_attributes", {"type": kind, "itemId": ids})
    tx.delete("tiki_object_relations", {"source_type": kind, "source_itemId": ids})
    tx.delete("tiki_object_relations", {"target_type": kind, "target_itemId": ids})
