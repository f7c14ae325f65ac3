"""Which gallery files an item uses: ``tiki_file_backlinks`` (Tiki: filegallib syncFileBacklinks, 24.4)."""

from __future__ import annotations

from tikisync.core import wiki_links
from tikisync.database import Transaction
from tikisync.tiki import objects, relations
from tikisync.tiki.objects import WrittenItem


def sync_backlinks(tx: Transaction, item: WrittenItem) -> None:
    """Let the item's backlinks be the files attached to it and those that its texts show or link to.

    Tiki deletes only one old row first, so that rows pile up there; here each file has one.
    """
    attached = relations.targets(tx, item.item_id, "tiki.file.attach", "file")
    mentioned = [each for value in item.values.values() if value for each in wiki_links.files(value)]
    wanted = dict.fromkeys([*mentioned, *attached])
    object_id = objects.find(tx, item.item_id)
    if object_id is None and not wanted:
        return
    if object_id is None:
        object_id = objects.find_or_add(tx, item)
    there = [
        int(row["fileId"])
        for row in tx.all("SELECT fileId FROM tiki_file_backlinks WHERE objectId = :object", object=object_id)
    ]
    if sorted(there) != sorted(wanted):
        tx.delete("tiki_file_backlinks", {"objectId": object_id})
        tx.insert_many("tiki_file_backlinks", [{"fileId": each, "objectId": object_id} for each in wanted])
