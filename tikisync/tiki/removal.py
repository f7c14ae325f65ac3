"""Deleting a tracker item with everything that hangs on it (Tiki: trackerlib remove_tracker_item, 24.4)."""

from __future__ import annotations

from tikisync.core.permission_levels import object_id as hashed_id
from tikisync.core.trackers import Item
from tikisync.database import Row, Transaction
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
    _remove_object(tx, "trackeritem", str(item.item_id))
    for field_id in item.values:
        _remove_object(tx, "trackeritemfield", f"{item.item_id}:{field_id}")
    tx.count("tiki_trackers", {"trackerId": item.tracker_id}, "items", -1, {"lastModif": situation.now})
    own = {"itemId": item.item_id}
    watched = {"object": str(item.item_id), "event": "tracker_item_modified"}
    tx.delete("tiki_tracker_item_fields", own)
    _delete_if_there(tx, "tiki_comments", {"object": str(item.item_id), "objectType": "trackeritem"})
    _delete_if_there(tx, "tiki_tracker_item_attachments", own)
    _delete_if_there(tx, "tiki_group_watches", watched)
    _delete_if_there(tx, "tiki_user_watches", watched)
    tx.delete("tiki_tracker_items", own)
    if tx.columns("tiki_user_votings"):
        votes = f"tracker.{item.tracker_id}.{item.item_id}.%"
        tx.run("DELETE FROM tiki_user_votings WHERE id LIKE :votes", votes=votes)
    tx.delete("tiki_tracker_item_field_logs", own)
    _delete_if_there(tx, "tiki_translated_objects", {"type": "trackeritem", "objId": str(item.item_id)})
    if actionlog.is_logged(tx, situation.preferences, actionlog.REMOVED):
        actionlog.add(tx, situation.actor, actionlog.REMOVED, item.item_id, situation.now)
    search_queue.add(tx, situation.preferences, [item.item_id], situation.now)


def _remove_object(tx: Transaction, kind: str, object_id: str) -> None:
    """Remove what Tiki keeps about any object: categories, permissions, links, attributes, relations."""
    row = tx.first("SELECT objectId FROM tiki_objects WHERE type = :kind AND itemId = :id", kind=kind, id=object_id)
    if row:
        tx.delete("tiki_category_objects", {"catObjectId": row["objectId"]})
        _delete_if_there(tx, "tiki_file_backlinks", {"objectId": row["objectId"]})
    tx.delete("users_objectpermissions", {"objectId": hashed_id((kind, object_id)), "objectType": kind})
    tx.delete("tiki_links", {"fromPage": f"objectlink:{kind}:{object_id}"})
    tx.delete("tiki_objects", {"type": kind, "itemId": object_id})
    tx.delete("tiki_object_attributes", {"type": kind, "itemId": object_id})
    tx.delete("tiki_object_relations", {"source_type": kind, "source_itemId": object_id})
    tx.delete("tiki_object_relations", {"target_type": kind, "target_itemId": object_id})


def _delete_if_there(tx: Transaction, table: str, where: Row) -> None:
    """Delete from a table that not every Tiki has."""
    if tx.columns(table):
        tx.delete(table, where)
