"""Tiki's free tags: ``tiki_freetags`` and ``tiki_freetagged_objects`` (Tiki: lib/freetag/freetaglib.php, 24.4)."""

from __future__ import annotations

import re
from contextlib import suppress

from tikisync.core.fields.tags import escaped
from tikisync.database import Transaction
from tikisync.tiki import objects
from tikisync.tiki.objects import WrittenItem
from tikisync.tiki.preferences import Preferences


def carry_out(tx: Transaction, item: WrittenItem, tags: tuple[str, ...]) -> None:
    """Give the item exactly these tags; those it has in another spelling are taken off and put on anew, as in Tiki."""
    tags = tuple(tx.as_stored("tiki_freetags", "raw_tag", tag) for tag in tags)
    language = _language(item)
    object_id = objects.find(tx, item.item_id)
    if object_id is not None:
        _take_off(tx, object_id, tags)
    for tag in tags:
        raw, plain = escaped(tag), _normalized(escaped(tag), item.preferences)
        if object_id is not None and _has(tx, object_id, plain, language):
            continue
        tag_id = _find(tx, raw, plain, language, _item_language(item)) or _add(tx, raw, plain, language)
        if object_id is None:
            object_id = objects.find_or_add(tx, item)
        row = {"tagId": tag_id, "objectId": object_id, "user": item.user, "created": item.now}
        tx.insert_many("tiki_freetagged_objects", [row], on_duplicate="ignore")


def _take_off(tx: Transaction, object_id: int, tags: tuple[str, ...]) -> None:
    rows = tx.all(
        "SELECT DISTINCT t.tagId, t.raw_tag FROM tiki_freetagged_objects o JOIN tiki_freetags t ON t.tagId = o.tagId "
        "WHERE o.objectId = :object",
        object=object_id,
    )
    gone = {str(row["raw_tag"]) for row in rows if row["raw_tag"] not in tags}
    if not gone:
        return
    spelled = tx.all("SELECT tagId FROM tiki_freetags WHERE raw_tag IN :tags OR tag IN :tags", tags=gone)
    same = [int(row["tagId"]) for row in spelled]
    tx.delete("tiki_freetagged_objects", {"objectId": object_id, "tagId": same})
    _clean_up(tx)


def _clean_up(tx: Transaction) -> None:
    """Delete what no tag or object stands behind any more, all over the site (freetaglib cleanup_tags)."""
    lost = tx.all(
        "SELECT DISTINCT f.objectId FROM tiki_freetagged_objects f "
        "LEFT JOIN tiki_objects o ON o.objectId = f.objectId WHERE o.objectId IS NULL"
    )
    if lost:
        tx.delete("tiki_freetagged_objects", {"objectId": [row["objectId"] for row in lost]})
    unused = tx.all(
        "SELECT t.tagId FROM tiki_freetags t LEFT JOIN tiki_freetagged_objects o ON o.tagId = t.tagId "
        "WHERE o.tagId IS NULL"
    )
    ids = {int(row["tagId"]) for row in unused}
    if ids and tx.columns("tiki_translated_objects"):
        rows = tx.all("SELECT objId FROM tiki_translated_objects WHERE type = 'freetag'")
        ids -= {int(row["objId"]) for row in rows if str(row["objId"]).isdecimal()}
    if ids:
        tx.delete("tiki_freetags", {"tagId": ids})


def _has(tx: Transaction, object_id: int, plain: str, language: str) -> bool:
    sql = (
        "SELECT 1 FROM tiki_freetagged_objects o JOIN tiki_freetags t ON t.tagId = o.tagId "
        "WHERE o.objectId = :object AND t.tag = :tag AND (:language = '' OR t.lang = :language OR t.lang IS NULL)"
    )
    return tx.first(sql, object=object_id, tag=plain, language=language) is not None


def _find(tx: Transaction, raw: str, plain: str, language: str, preferred: str) -> int | None:
    sql = (
        "SELECT tagId FROM tiki_freetags WHERE (raw_tag = :raw OR tag = :tag) AND (:language = '' OR lang = :language) "
        "ORDER BY CASE WHEN lang = :preferred THEN 0 WHEN lang IS NULL THEN 1 ELSE 2 END, tagId"
    )
    found = tx.value(sql, raw=raw, tag=plain, language=language, preferred=preferred)
    return None if found is None else int(found)


def _add(tx: Transaction, raw: str, plain: str, language: str) -> int:
    return tx.insert("tiki_freetags", {"tag": plain, "raw_tag": raw, **({"lang": language} if language else {})})


def _normalized(tag: str, preferences: Preferences) -> str:
    """Return the form in which tags are compared: without characters the site keeps out, in small letters."""
    kept = preferences["freetags_normalized_valid_chars"]
    if kept not in ("", "*"):
        with suppress(re.error):  # a pattern that only PHP reads
            tag = re.sub(f"[^{kept}]".encode(), b"", tag.encode()).decode(errors="ignore")
    return "".join(letter.lower() for letter in tag) if preferences.is_on("freetags_lowercase_only") else tag


def _language(item: WrittenItem) -> str:
    """Return the language that tags of the item are of, '' where the site's tags have no language."""
    multilingual = item.preferences.is_on("freetags_multilingual") and item.preferences.is_on("feature_multilingual")
    return _item_language(item) if multilingual else ""


def _item_language(item: WrittenItem) -> str:
    own = (field for field in item.tracker.fields if field.type == "LANG" and field.number("autoassign") == 1)
    return item.value(next(own, None))
