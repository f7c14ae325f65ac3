"""Tracker definitions as Tiki stores them: ``tiki_trackers``, ``tiki_tracker_fields``, ``tiki_tracker_options``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from tikisync.core.php_serialize import unserialize
from tikisync.core.trackers import Field, Tracker
from tikisync.database import Row, Transaction
from tikisync.errors import TikiError


def load(tx: Transaction, name_or_id: str) -> Tracker:
    """Return the tracker with this id (digits) or exactly this name; raise TikiError where it is not one tracker."""
    return tx.once(("tracker", name_or_id), lambda: _load(tx, name_or_id.strip()))


def _load(tx: Transaction, wanted: str) -> Tracker:
    if wanted.isdecimal():
        rows = tx.all("SELECT trackerId, name FROM tiki_trackers WHERE trackerId = :id", id=int(wanted))
    else:
        rows = [
            row
            for row in tx.all("SELECT trackerId, name FROM tiki_trackers WHERE name = :name", name=wanted)
            if str(row["name"]).strip() == wanted
        ]
    if len(rows) != 1:
        raise TikiError(
            f"Tiki has no tracker {wanted!r}" if not rows else f"Tiki has {len(rows)} trackers named {wanted!r}",
            hint="use a name from Tiki's tracker list, spelled exactly" if not rows else "name it by its id instead",
            reason="tracker_unknown",
        )
    return _with_fields(tx, int(rows[0]["trackerId"]), str(rows[0]["name"]))


def names(tx: Transaction) -> Mapping[int, str]:
    """Return all trackers' names by id."""
    rows = tx.all("SELECT trackerId, name FROM tiki_trackers ORDER BY trackerId")
    return {int(row["trackerId"]): str(row["name"] or "") for row in rows}


def _with_fields(tx: Transaction, tracker_id: int, name: str) -> Tracker:
    fields = tx.all("SELECT * FROM tiki_tracker_fields WHERE trackerId = :tracker", tracker=tracker_id)
    options = tx.all("SELECT name, value FROM tiki_tracker_options WHERE trackerId = :tracker", tracker=tracker_id)
    return Tracker(
        tracker_id,
        name,
        tuple(_field(row) for row in sorted(fields, key=_place)),
        {str(row["name"]): str(row["value"] or "") for row in options},
    )


def _place(row: Row) -> tuple[int, int]:
    position = row["position"]
    return (-sys.maxsize if position is None else int(position), int(row["fieldId"]))


def _field(row: Row) -> Field:
    field_id = int(row["fieldId"])
    return Field(
        field_id=field_id,
        tracker_id=int(row["trackerId"]),
        perm_name=str(row["permName"] or f"f_{field_id}"),
        type=str(row["type"] or ""),
        name=str(row["name"] or ""),
        position=int(row["position"] or 0),
        options=_options(row["options"]),
        is_main=row["isMain"] == "y",
        is_mandatory=row["isMandatory"] == "y",
        is_multilingual=row["isMultilingual"] == "y",
        is_hidden=str(row["isHidden"] or "n"),
        visible_by=_groups(row["visibleBy"]),
        editable_by=_groups(row["editableBy"]),
        validation=str(row.get("validation") or ""),
        validation_param=str(row.get("validationParam") or ""),
        validation_message=str(row.get("validationMessage") or ""),
        encryption_key_id=int(row.get("encryptionKeyId") or 0),
    )


def _options(stored: Any) -> Mapping[str, Any]:
    """Options are a JSON object; anything else counts as none set (Tiki: Tracker_Options::fromSerialized)."""
    try:
        parsed = json.loads(stored or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _groups(stored: Any) -> frozenset[str]:
    """Group names, PHP-serialized; unreadable text counts as everybody, as in Tiki."""
    try:
        names = unserialize(stored) if stored else []
    except ValueError:
        return frozenset()
    if isinstance(names, dict):
        names = list(names.values())
    return frozenset(str(name) for name in names) if isinstance(names, list) else frozenset()
