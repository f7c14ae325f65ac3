"""Field definitions and circumstances for tests of field types: made up, or as the recordings have them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests import golden
from tests.golden_state import Row, Rows
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.fields.kind import Context
from tikisync.core.questions import (
    Answers,
    GroupNamed,
    GroupsIncluding,
    GroupWithId,
    ItemsListing,
    ItemsTitled,
    ItemsWithValue,
    ItemTracker,
    Question,
    UserNamed,
)
from tikisync.core.trackers import Field, Json

NOW = 1_700_000_055  # 2023-11-14 22:14:15 UTC


def field(code: str, options: dict[str, Any] | None = None, **more: Any) -> Field:
    """Return a field of a type with these options."""
    return Field(field_id=7, tracker_id=2, perm_name="theField", type=code, options=options or {}, **more)


def context(**more: Any) -> Context:
    """Return the circumstances of creating an item, with what is given instead."""
    return replace(Context(user="hook", now=NOW, creating=True, client_ip="192.0.2.10"), **more)


def stored(definition: Field, value: Json, circumstances: Context | None = None) -> str | None:
    """Return the text that a value becomes; its questions are answered from the recordings' starting state."""
    circumstances = circumstances or context()
    kind = FIELD_TYPES[definition.type]
    answers = answered(kind.questions(definition, value, circumstances), golden.fixture()["rows"])
    return kind.encode(definition, value, replace(circumstances, answers=answers)).value


def untouched(definition: Field, circumstances: Context | None = None) -> str | None:
    """Return the text that a field no rule names becomes; None: nothing is written."""
    circumstances = circumstances or context()
    kind = FIELD_TYPES[definition.type]
    answers = answered(kind.untouched_questions(definition, circumstances), golden.fixture()["rows"])
    left = kind.untouched(definition, replace(circumstances, answers=answers))
    return left.value if left else None


def recorded(tracker_id: int, perm_name: str) -> Field:
    """Return a field as the recordings define it."""
    rows = golden.fixture()["rows"]["tiki_tracker_fields"]
    return definition_of(next(row for row in rows if (row["trackerId"], row["permName"]) == (tracker_id, perm_name)))


def definition_of(row: Row) -> Field:
    """Return the definition in a row of ``tiki_tracker_fields``."""
    return Field(
        field_id=row["fieldId"],
        tracker_id=row["trackerId"],
        perm_name=row["permName"],
        type=row["type"],
        name=row["name"],
        position=row["position"],
        options=json.loads(row["options"] or "{}"),
        is_mandatory=row["isMandatory"] == "y",
        is_multilingual=row["isMultilingual"] == "y",
        validation=row["validation"] or "",
        validation_param=row["validationParam"] or "",
        validation_message=row["validationMessage"] or "",
    )


def answered(questions: Iterable[Question[Any]], state: Rows) -> Answers:
    """Return what the rows of a database say to the questions of the plain field types."""
    return Answers({question: _answer(question, state) for question in questions})


def _answer(question: Question[Any], state: Rows) -> Any:
    items = {row["itemId"]: row["trackerId"] for row in state["tiki_tracker_items"]}
    groups = {row["id"]: row["groupName"] for row in state["users_groups"]}
    values = state["tiki_tracker_item_fields"]
    match question:
        case UserNamed(text):
            named = [row["login"] for row in state["users_users"] if text in (row["login"], row["email"])]
            return named[0] if len(named) == 1 else None
        case GroupNamed(name):
            return name if name in groups.values() else None
        case GroupWithId(group_id):
            return groups.get(group_id)
        case GroupsIncluding(group):
            wanted = groups.get(int(group)) if group.isdecimal() else group
            rows = state["tiki_group_inclusion"]
            return tuple(sorted(row["groupName"] for row in rows if row["includeGroup"] == wanted))
        case ItemTracker(item_id):
            return items.get(item_id)
        case ItemsTitled(tracker_id, field_id, text):
            found = (row["itemId"] for row in values if (row["fieldId"], row["value"]) == (field_id, text))
            return tuple(item for item in found if items.get(item) == tracker_id)
        case ItemsWithValue(field_id, value):
            same = (row["itemId"] for row in values if (row["fieldId"], row["value"]) == (field_id, value))
            return tuple(sorted(same))
        case ItemsListing(field_id, word):
            lists = ((row["itemId"], row["value"] or "") for row in values if row["fieldId"] == field_id)
            return tuple(sorted(item for item, value in lists if word in value.split(",")))
    raise AssertionError(f"no plain field type asks {question}")
