"""The rights of a recorded scenario, made from its rows with no database, and the answers they give."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.golden_state import Rows
from tikisync.core.permission_levels import CATEGORY, ITEM, TRACKER, Grant, Levels, Object, grant, object_id
from tikisync.core.permissions import FEATURES, Rights
from tikisync.core.trackers import Field, Item, Tracker


def decisions(rights: Rights, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers to everything a scenario recorded."""
    fields = {each.perm_name: each for each in rights.tracker.fields}
    answers: dict[str, Any] = {"can_create": rights.can_create, "is_tracker_admin": rights.administers_tracker}
    asked = expected["can_set_field_on_create"]
    answers["can_set_field_on_create"] = {name: rights.can_set_field(fields[name], creating=True) for name in asked}
    if rights.item is not None:
        answers |= {
            "can_view": rights.can_view,
            "can_modify": rights.can_modify,
            "can_remove": rights.can_remove,
            "can_change_status": rights.can_set_status,
            "can_view_field": {name: rights.can_view_field(fields[name]) for name in expected["can_view_field"]},
            "can_modify_field": {
                name: rights.can_set_field(fields[name], creating=False) for name in expected["can_modify_field"]
            },
        }
    return answers


def rights_from_rows(rows: Rows, scenario: Mapping[str, Any]) -> Rights:
    """Return a scenario's rights, read from rows with no database."""
    kinds = {object_id((TRACKER, row["trackerId"])): (TRACKER, row["trackerId"]) for row in rows["tiki_trackers"]}
    kinds |= {object_id((ITEM, row["itemId"])): (ITEM, row["itemId"]) for row in rows["tiki_tracker_items"]}
    kinds |= {object_id((CATEGORY, row["categId"])): (CATEGORY, row["categId"]) for row in rows["tiki_categories"]}
    on: dict[Object, set[Grant]] = {of: set() for of in kinds.values()}
    for row in rows["users_objectpermissions"]:
        on[kinds[row["objectId"]]].add(grant(row["groupName"], row["permName"]))
    objects = {row["objectId"]: (row["type"], int(row["itemId"])) for row in rows["tiki_objects"]}
    categories: dict[Object, set[int]] = {}
    for row in rows["tiki_category_objects"]:
        categories.setdefault(objects[row["catObjectId"]], set()).add(row["categId"])
    everywhere = {grant(row["groupName"], row["permName"]) for row in rows["users_grouppermissions"]}
    switched_on = {row["name"] for row in rows["tiki_preferences"] if row["value"] == "y"}
    return Rights(
        user=scenario["user"] or "",
        groups=groups_from_rows(rows, scenario["user"]),
        tracker=tracker_from_rows(rows, scenario["tracker"]),
        item=item_from_rows(rows, scenario["itemId"]) if scenario["itemId"] else None,
        levels=Levels(everywhere, on, categories),
        features=frozenset(switched_on.intersection(FEATURES)),
    )


def groups_from_rows(rows: Rows, login: str | None) -> tuple[str, ...]:
    if login is None:
        return ("Anonymous",)
    user = next(row["userId"] for row in rows["users_users"] if row["login"] == login)
    groups = {row["groupName"] for row in rows["users_usergroups"] if row["userId"] == user}
    for _ in rows["tiki_group_inclusion"]:
        groups |= {row["includeGroup"] for row in rows["tiki_group_inclusion"] if row["groupName"] in groups}
    return (*sorted(groups - {"Registered"}), "Registered")


def tracker_from_rows(rows: Rows, tracker_id: int) -> Tracker:
    fields = sorted(
        (row for row in rows["tiki_tracker_fields"] if row["trackerId"] == tracker_id), key=lambda row: row["position"]
    )
    options = [row for row in rows["tiki_tracker_options"] if row["trackerId"] == tracker_id]
    return Tracker(
        tracker_id,
        f"tracker {tracker_id}",
        tuple(
            Field(
                field_id=row["fieldId"],
                tracker_id=tracker_id,
                perm_name=row["permName"],
                type=row["type"],
                options=json.loads(row["options"] or "{}"),
                is_hidden=row["isHidden"],
                visible_by=frozenset(re.findall(r':"([^"]*)"', row["visibleBy"] or "")),
                editable_by=frozenset(re.findall(r':"([^"]*)"', row["editableBy"] or "")),
            )
            for row in fields
        ),
        {row["name"]: row["value"] for row in options},
    )


def item_from_rows(rows: Rows, item_id: int) -> Item:
    row = next(row for row in rows["tiki_tracker_items"] if row["itemId"] == item_id)
    values = {each["fieldId"]: each["value"] for each in rows["tiki_tracker_item_fields"] if each["itemId"] == item_id}
    return Item(item_id, row["trackerId"], row["status"], values, created_by=row["createdBy"])
