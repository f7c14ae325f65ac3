"""Tracker items: find, load, create, update; every row as Tiki's own form writes it (golden recordings of 24.4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from tikisync.core.items import ItemPlan
from tikisync.core.questions import ItemsWithKey, StoredItem
from tikisync.core.trackers import Field, Item
from tikisync.database import Row, Transaction
from tikisync.tiki import actionlog, effects, search_queue
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.categories import RightsOn
from tikisync.tiki.preferences import Preferences


@dataclass(frozen=True, slots=True)
class Situation:
    """What all rows of one write share: who acts, when (UNIX seconds, UTC), and Tiki's preferences."""

    actor: Actor
    now: int
    preferences: Preferences


@dataclass(frozen=True, slots=True)
class Write:
    """What is to be written about one item, and the situation; ``followers`` are items whose status follows."""

    plan: ItemPlan
    situation: Situation
    followers: tuple[int, ...] = ()
    rights_on: RightsOn | None = None

    @property
    def stands_alone(self) -> bool:
        """Tell whether it writes the item's own rows only, so that others can be written together with it."""
        return not self.followers and all(effects.is_idle(self.plan, each) for each in self.plan.effects)


def load(tx: Transaction, item_id: int) -> Item | None:
    """Return an item as stored, its row locked until the transaction ends; None where there is none."""
    question = StoredItem(item_id)
    return stored(tx, [question])[question]


def stored(tx: Transaction, asked: Sequence[StoredItem]) -> dict[StoredItem, Item | None]:
    """Return items as stored, their rows locked until the transaction ends."""
    ids = [each.item_id for each in asked]
    rows = tx.all(
        f"SELECT * FROM tiki_tracker_items WHERE itemId IN :items ORDER BY itemId{tx.for_update}",  # noqa: S608  names of ours, values bound
        items=ids,
    )
    values: dict[int, dict[int, str | None]] = {int(row["itemId"]): {} for row in rows}
    if rows:
        sql = "SELECT itemId, fieldId, value FROM tiki_tracker_item_fields WHERE itemId IN :items"
        for row in tx.all(sql, items=list(values)):
            values[int(row["itemId"])][int(row["fieldId"])] = row["value"]
    found = {int(row["itemId"]): _item(row, values[int(row["itemId"])]) for row in rows}
    return {each: found.get(each.item_id) for each in asked}


def with_keys(tx: Transaction, asked: Sequence[ItemsWithKey]) -> dict[ItemsWithKey, tuple[int, ...]]:
    """Return the items that have each key: what SQL finds equal, chosen from as PHP compares, else but for case."""
    found: dict[ItemsWithKey, tuple[int, ...]] = {}
    for length, of_length in groupby(sorted(asked, key=_length), key=_length):
        found |= _with_keys(tx, list(of_length), range(length))
    return found


def write(tx: Transaction, writes: Sequence[Write]) -> list[int]:
    """Create or update items with all their rows, by as many statements for many as for one; return their ids.

    Each plan is about another item and changes something; several only where each ``stands_alone``. All share one
    time and Tiki's preferences.
    """
    site, now = writes[0].situation.preferences, writes[0].situation.now
    ids = _with_rows(tx, writes, now)
    numbers = _numbers(tx, writes, ids)
    plans = [each.plan.finished(item_id, numbers[item_id]) for each, item_id in zip(writes, ids, strict=True)]
    _log(tx, writes, plans, ids)
    values = [
        {"itemId": item_id, "fieldId": each.field.field_id, "value": each.new}
        for plan, item_id in zip(plans, ids, strict=True)
        for each in plan.writes
    ]
    tx.upsert_many("tiki_tracker_item_fields", values, key=("itemId", "fieldId"))
    if len(writes) == 1:  # many have none
        user, rights_on = writes[0].situation.actor.login, writes[0].rights_on
        touched = effects.carry_out(tx, plans[0], ids[0], user, now, site, rights_on=rights_on)
        search_queue.add_objects(tx, site, touched, now)
    search_queue.add(
        tx, site, [each for own, item in zip(writes, ids, strict=True) for each in (item, *own.followers)], now
    )
    _count(tx, plans, now)
    return ids


def _with_rows(tx: Transaction, writes: Sequence[Write], now: int) -> list[int]:
    """Write the rows of the items themselves; return the ids."""
    ids: dict[int, int] = {}  # by place
    made: dict[tuple[int, str, str], list[int]] = {}
    changed: dict[tuple[str | None, str], list[int]] = {}
    for place, each in enumerate(writes):
        plan, item, login = each.plan, each.plan.item, each.situation.actor.login
        if item is None:
            made.setdefault((plan.tracker.tracker_id, login, plan.status), []).append(place)
        else:
            ids[place] = item.item_id
            status = None if plan.status == item.status else plan.status
            changed.setdefault((status, login), []).extend((item.item_id, *each.followers))
    for (tracker_id, login, status), places in made.items():
        row = {
            "trackerId": tracker_id,
            "created": now,
            "createdBy": login,
            "lastModif": now,
            "lastModifBy": login,
            "status": status,
        }
        new = tx.insert_alike(
            "tiki_tracker_items", row, len(places), automatic="itemId", childless_in="tiki_tracker_item_fields"
        )
        ids |= zip(places, new, strict=True)
    for (new_status, login), items in changed.items():
        touched = {"lastModif": now, "lastModifBy": login}
        changes = touched if new_status is None else {"status": new_status, **touched}
        tx.update("tiki_tracker_items", {"itemId": items}, changes)
    return [ids[place] for place in range(len(writes))]


def _log(tx: Transaction, writes: Sequence[Write], plans: Sequence[ItemPlan], ids: Sequence[int]) -> None:
    """Write the items' history, and Tiki's action log."""
    site = writes[0].situation.preferences
    changed = [item for each, item in zip(writes, ids, strict=True) if each.plan.item is not None]
    touched = [*changed, *(follower for each in writes for follower in each.followers)]
    versions = _next_versions(tx, touched)
    is_logged = actionlog.is_logged(tx, site, actionlog.UPDATED)
    categories = actionlog.categories(tx, site, touched) if touched and is_logged else {}
    history: list[Row] = []
    log: list[Row] = []
    for own, plan, item in zip(writes, plans, ids, strict=True):
        actor, now = own.situation.actor, own.situation.now
        changes = plan.history()
        history += [{"version": versions[item], "itemId": item, "fieldId": i, "value": value} for i, value in changes]
        if plan.item is None and actionlog.is_logged(tx, site, actionlog.CREATED):
            log += actionlog.rows(actor, actionlog.CREATED, item, now)
        if plan.item is not None and is_logged:
            for each in (*([item] if changes else []), *own.followers):
                log += actionlog.rows(
                    actor, actionlog.UPDATED, each, now, str(versions[each]), categories.get(each, ())
                )
    tx.insert_many("tiki_tracker_item_field_logs", history)
    actionlog.add(tx, log)


def _next_versions(tx: Transaction, items: Collection[int]) -> dict[int, int]:
    if not items:
        return {}
    sql = "SELECT itemId, MAX(version) AS version FROM tiki_tracker_item_field_logs "
    sql += "WHERE itemId IN :items GROUP BY itemId"
    last = {int(row["itemId"]): int(row["version"] or 0) for row in tx.all(sql, items=list(items))}
    return {each: last.get(each, 0) + 1 for each in items}


def _numbers(tx: Transaction, writes: Sequence[Write], ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """Return the next auto-increment numbers by item and field; the caller holds the fields' locks."""
    numbers: dict[int, dict[int, str]] = {item_id: {} for item_id in ids}
    last: dict[int, int] = {}
    for item_id, own in sorted(zip(ids, writes, strict=True), key=itemgetter(0)):
        for field in own.plan.numbered:
            if field.text("itemId") == "itemId":
                number = item_id
            else:
                before = last.get(field.field_id)
                number = last[field.field_id] = (_last_number(tx, field) if before is None else before) + 1
            numbers[item_id][field.field_id] = str(number)
    return numbers


def _last_number(tx: Transaction, field: Field) -> int:
    """Return the highest number given so far (Tiki: Field/AutoIncrement.php)."""
    highest = tx.value(
        "SELECT MAX(CAST(value AS UNSIGNED)) FROM tiki_tracker_item_fields WHERE fieldId = :field", field=field.field_id
    )
    return field.number("start", 1) - 1 if highest is None else int(highest)


def _count(tx: Transaction, plans: Sequence[ItemPlan], now: int) -> None:
    """Count the new items, and tell that the trackers changed; comes last, for others wait for these rows."""
    new: dict[int, int] = {}
    for plan in plans:
        new[plan.tracker.tracker_id] = new.get(plan.tracker.tracker_id, 0) + (plan.item is None)
    for tracker_id, number in sorted(new.items()):
        if number:
            tx.count("tiki_trackers", {"trackerId": tracker_id}, "items", number, {"lastModif": now})
        else:
            tx.update("tiki_trackers", {"trackerId": tracker_id}, {"lastModif": now})


def _item(row: Row, values: Mapping[int, str | None]) -> Item:
    return Item(
        item_id=int(row["itemId"]),
        tracker_id=int(row["trackerId"]),
        status=str(row["status"] or ""),
        values=values,
        created_by=row["createdBy"],
        created=int(row["created"] or 0),
        last_modified=int(row["lastModif"] or 0),
    )


def _length(asked: ItemsWithKey) -> int:
    return len(asked.key)


def _with_keys(tx: Transaction, asked: Sequence[ItemsWithKey], places: range) -> dict[ItemsWithKey, tuple[int, ...]]:
    """Look up keys of so many fields."""
    join = " JOIN tiki_tracker_item_fields f{0} ON f{0}.itemId = i.itemId"
    join += " AND f{0}.fieldId IN :fields{0} AND f{0}.value IN :values{0}"
    joins = "".join(join.format(n) for n in places)
    shown = "".join(f", f{n}.fieldId AS field{n}, f{n}.value AS value{n}" for n in places)
    parameters: dict[str, Any] = {"trackers": {each.tracker_id for each in asked}}
    for n in places:
        parameters |= {
            f"fields{n}": {each.key[n][0] for each in asked},
            f"values{n}": {each.key[n][1] for each in asked},
        }
    sql = f"SELECT i.itemId, i.trackerId{shown} FROM tiki_tracker_items i{joins} "  # noqa: S608  names of ours, values bound
    sql += "WHERE i.trackerId IN :trackers"
    exact: dict[ItemsWithKey, tuple[int, ...]] = {}
    alike: dict[ItemsWithKey, tuple[int, ...]] = {}
    for row in tx.all(sql, **parameters):
        key = ItemsWithKey(row["trackerId"], tuple((row[f"field{n}"], row[f"value{n}"]) for n in places))
        for found, same in ((exact, key), (alike, _folded(key))):
            found[same] = (*found.get(same, ()), int(row["itemId"]))
    return {each: tuple(sorted(exact.get(each) or alike.get(_folded(each), ()))) for each in asked}


def _folded(asked: ItemsWithKey) -> ItemsWithKey:
    return ItemsWithKey(asked.tracker_id, tuple((field_id, text.casefold()) for field_id, text in asked.key))
