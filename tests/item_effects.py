"""Carrying out the effects of field values on the recorded Tiki, apart from writing the item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests import golden
from tikisync.core.effects import Effect
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.fields.kind import Context
from tikisync.core.items import FieldWrite, ItemPlan
from tikisync.database import Transaction
from tikisync.tiki import effects, items, preferences, trackers
from tikisync.tiki.answers import answer

NOW = 1_800_000_042
FIELDS = golden.fixture()["names"]["fields"]


def plan_of(tx: Transaction, case: golden.Case) -> ItemPlan:
    """Return what the case's named fields cause, with the item as it is."""
    tracker = trackers.load(tx, str(case["tracker"]))
    item = items.load(tx, case["itemId"]) if case["itemId"] else None
    writes: list[FieldWrite] = []
    caused: list[Effect] = []
    for name, value in case["fields"].items():
        field = tracker.field_named(name)
        assert field is not None
        old = item.value(field.field_id) if item else ""
        context = Context(
            case["user"], NOW, item is None, old=old, languages=("en", "fr"), default_group="Sync", trust="wiki"
        )
        kind = FIELD_TYPES[field.type]
        known = answer(tx, kind.questions(field, value, context))
        stored = kind.encode(field, value, replace(context, answers=known))
        writes.append(FieldWrite(field, old, stored.value))
        caused += stored.effects
    return ItemPlan(tracker, item, "o", NOW, tuple(writes), tuple(caused))


def carry_out(tx: Transaction, plan: ItemPlan, item_id: int, user: str = "hook", **more: Any) -> list[tuple[str, str]]:
    return effects.carry_out(tx, plan, item_id, user, NOW, preferences.load(tx, {}), **more)


def carried_out(
    tx: Transaction, item_id: int, *caused: Effect, values: Mapping[str, str | None] | None = None, **more: Any
) -> list[tuple[str, str]]:
    """Carry out effects on an item that is there, with some of its values said to be others."""
    item = items.load(tx, item_id)
    assert item is not None
    tracker = trackers.load(tx, str(item.tracker_id))
    writes = tuple(
        FieldWrite(field, item.value(field.field_id), value)
        for name, value in (values or {}).items()
        if (field := tracker.field_named(name))
    )
    return carry_out(tx, ItemPlan(tracker, item, "o", NOW, writes, caused), item_id, **more)


def value_of(tx: Transaction, item_id: int, name: str) -> Any:
    sql = "SELECT value FROM tiki_tracker_item_fields WHERE itemId = :item AND fieldId = :field"
    return tx.value(sql, item=item_id, field=FIELDS[name])


def option(tx: Transaction, name: str, options: str) -> None:
    tx.update("tiki_tracker_fields", {"fieldId": FIELDS[name]}, {"options": options})


def preference(tx: Transaction, name: str, value: str) -> None:
    tx.upsert_many("tiki_preferences", [{"name": name, "value": value}], key=("name",))
