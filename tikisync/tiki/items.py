"""Tracker items: find, load, create, update; every row as Tiki's own form writes it (golden recordings of 24.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tikisync.core.items import ItemPlan
from tikisync.core.trackers import Field, Item
from tikisync.database import Transaction
from tikisync.tiki import actionlog, effects, search_queue, status
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.categories import RightsOn
from tikisync.tiki.preferences import Preferences


@dataclass(frozen=True, slots=True)
class Situation:
    """What all rows of one write share: who acts, when (UNIX seconds, UTC), and Tiki's preferences."""

    actor: Actor
    now: int
    preferences: Preferences


def find(tx: Transaction, tracker_id: int, key: Sequence[tuple[Field, str]]) -> tuple[int, ...]:
    """Return the items whose fields hold exactly these stored values, else those that differ in case only."""
    join = " JOIN tiki_tracker_item_fields f{0} ON f{0}.itemId = i.itemId"
    join += " AND f{0}.fieldId = :field{0} AND f{0}.value = :value{0}"
    joins = "".join(join.format(n) for n in range(len(key)))
    shown = ", ".join(f"f{n}.value AS value{n}" for n in range(len(key)))
    parameters = {f"field{n}": field.field_id for n, (field, _) in enumerate(key)}
    values = {f"value{n}": value for n, (_, value) in enumerate(key)}
    sql = f"SELECT i.itemId, {shown} FROM tiki_tracker_items i{joins} WHERE i.trackerId = :tracker ORDER BY i.itemId"  # noqa: S608  names of ours, values bound
    rows = tx.all(sql, tracker=tracker_id, **parameters, **values)
    exact = tuple(int(row["itemId"]) for row in rows if all(row[name] == value for name, value in values.items()))
    return exact or tuple(
        int(row["itemId"])
        for row in rows
        if all(str(row[name]).casefold() == value.casefold() for name, value in values.items())
    )


def load(tx: Transaction, item_id: int) -> Item | None:
    """Return an item as stored, its row locked until the transaction ends; None where there is none."""
    row = tx.first(f"SELECT * FROM tiki_tracker_items WHERE itemId = :item{tx.for_update}", item=item_id)  # noqa: S608  names of ours, values bound
    if row is None:
        return None
    fields = tx.all("SELECT fieldId, value FROM tiki_tracker_item_fields WHERE itemId = :item", item=item_id)
    return Item(
        item_id=item_id,
        tracker_id=int(row["trackerId"]),
        status=str(row["status"] or ""),
        values={int(each["fieldId"]): each["value"] for each in fields},
        created_by=row["createdBy"],
        created=int(row["created"] or 0),
        last_modified=int(row["lastModif"] or 0),
    )


def create(tx: Transaction, plan: ItemPlan, situation: Situation, rights_on: RightsOn | None = None) -> int:
    """Write a new item with all its rows; return its id."""
    actor, now = situation.actor, situation.now
    item_id = tx.insert(
        "tiki_tracker_items",
        {
            "trackerId": plan.tracker.tracker_id,
            "created": now,
            "createdBy": actor.login,
            "lastModif": now,
            "lastModifBy": actor.login,
            "status": plan.status,
        },
        childless_in="tiki_tracker_item_fields",
    )
    if actionlog.is_logged(tx, situation.preferences, actionlog.CREATED):
        actionlog.add(tx, actor, actionlog.CREATED, item_id, now)
    plan = plan.finished(item_id, {field.field_id: _next_number(tx, field, item_id) for field in plan.numbered})
    _write_values(tx, plan, item_id)
    _carry_out_effects(tx, plan, item_id, situation, rights_on)
    tx.count("tiki_trackers", {"trackerId": plan.tracker.tracker_id}, "items", 1, {"lastModif": now})
    search_queue.add(tx, situation.preferences, [item_id], now)
    return item_id


def update(tx: Transaction, plan: ItemPlan, situation: Situation, rights_on: RightsOn | None = None) -> None:
    """Write what the plan changes about its item, with history; the plan must change something."""
    item, actor, now = plan.item, situation.actor, situation.now
    assert item is not None  # noqa: S101  create is the other function
    plan = plan.finished(item.item_id, {})
    touched = {"lastModif": now, "lastModifBy": actor.login}
    if plan.status == item.status:
        tx.update("tiki_tracker_items", {"itemId": item.item_id}, touched)
        children: Sequence[int] = ()
    else:
        children = status.change(tx, item.item_id, item.tracker_id, plan.status, touched)
    version = _next_version(tx, item.item_id)
    history = plan.history()
    tx.insert_many(
        "tiki_tracker_item_field_logs",
        [{"version": version, "itemId": item.item_id, "fieldId": i, "value": value} for i, value in history],
    )
    if actionlog.is_logged(tx, situation.preferences, actionlog.UPDATED):
        categories = actionlog.categories(tx, situation.preferences, [item.item_id, *children])
        versions = {
            **({item.item_id: version} if history else {}),
            **{each: _next_version(tx, each) for each in children},
        }
        for each, logged in versions.items():
            actionlog.add(tx, actor, actionlog.UPDATED, each, now, str(logged), categories.get(each, ()))
    _write_values(tx, plan, item.item_id)
    _carry_out_effects(tx, plan, item.item_id, situation, rights_on)
    tx.update("tiki_trackers", {"trackerId": plan.tracker.tracker_id}, {"lastModif": now})
    search_queue.add(tx, situation.preferences, [item.item_id, *children], now)


def _write_values(tx: Transaction, plan: ItemPlan, item_id: int) -> None:
    rows = [{"itemId": item_id, "fieldId": write.field.field_id, "value": write.new} for write in plan.writes]
    tx.upsert_many("tiki_tracker_item_fields", rows, key=("itemId", "fieldId"))


def _carry_out_effects(
    tx: Transaction, plan: ItemPlan, item_id: int, situation: Situation, rights_on: RightsOn | None
) -> None:
    """Write the rows in other tables, and queue the other objects that they are about."""
    now, site, user = situation.now, situation.preferences, situation.actor.login
    touched = effects.carry_out(tx, plan, item_id, user, now, site, rights_on=rights_on)
    search_queue.add_objects(tx, site, touched, now)


def _next_version(tx: Transaction, item_id: int) -> int:
    sql = "SELECT MAX(version) FROM tiki_tracker_item_field_logs WHERE itemId = :item"
    return int(tx.value(sql, item=item_id) or 0) + 1


def _next_number(tx: Transaction, field: Field, item_id: int) -> str:
    """Return the next auto-increment number; the caller holds the field's lock (Tiki: Field/AutoIncrement.php)."""
    if field.text("itemId") == "itemId":
        return str(item_id)
    highest = tx.value(
        "SELECT MAX(CAST(value AS UNSIGNED)) FROM tiki_tracker_item_fields WHERE fieldId = :field", field=field.field_id
    )
    return str(field.number("start", 1) if highest is None else int(highest) + 1)
