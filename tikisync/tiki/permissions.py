"""Load the permission rows that decide what a user may do: the site's, of objects, of their categories, of roles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from tikisync.core.permission_levels import CATEGORY, ITEM, TRACKER, Grant, Levels, Object, grant, object_id
from tikisync.core.permissions import FEATURES, Rights
from tikisync.core.questions import LevelsOf
from tikisync.core.trackers import Item, Tracker
from tikisync.database import Row, Transaction
from tikisync.tiki.preferences import Preferences
from tikisync.tiki.users import User


def load(tx: Transaction, user: User, tracker: Tracker, item: Item | None, preferences: Preferences) -> Rights:
    """Return what the user may do in the tracker and with the item (None: a new one)."""
    question = question_of(user, tracker, item, preferences)
    return rights(user, tracker, item, preferences, levels(tx, [question])[question])


def question_of(user: User, tracker: Tracker, item: Item | None, preferences: Preferences) -> LevelsOf:
    """Return the question whose answer ``rights`` needs."""
    item_id = item.item_id if item else None
    return LevelsOf(user.groups, tracker.tracker_id, item_id, preferences.is_on("feature_categories"))


def rights(user: User, tracker: Tracker, item: Item | None, preferences: Preferences, levels: Levels) -> Rights:
    """Return what the user may do by these levels."""
    features = frozenset(name for name in FEATURES if preferences.is_on(name))
    return Rights(user.login, user.groups, tracker, item, levels, features)


def levels_of(
    tx: Transaction, objects: Collection[Object], preferences: Preferences, groups: tuple[str, ...] | None = None
) -> Levels:
    """Return the permission rows that can have a say about objects; of the site's those of ``groups``, None: of all."""
    return Levels(_everywhere(tx, groups), *_rows(tx, objects, by_category=preferences.is_on("feature_categories")))


def levels(tx: Transaction, asked: Sequence[LevelsOf]) -> dict[LevelsOf, Levels]:
    """Return the levels of each; what is about new items is read once (``Transaction.once``)."""
    items = [each for each in asked if each.item_id is not None]
    new = [each for each in asked if each.item_id is None]
    return _levels(tx, items) | {each: tx.once(each, partial(_one, tx, each)) for each in new}


def _one(tx: Transaction, asked: LevelsOf) -> Levels:
    return _levels(tx, [asked])[asked]


def _levels(tx: Transaction, asked: Sequence[LevelsOf]) -> dict[LevelsOf, Levels]:
    if not asked:
        return {}
    objects: dict[Object, None] = dict.fromkeys((TRACKER, each.tracker_id) for each in asked)
    objects |= dict.fromkeys((ITEM, each.item_id) for each in asked if each.item_id is not None)
    rows = _rows(tx, objects, by_category=any(each.by_category for each in asked))
    return {each: Levels(_everywhere(tx, each.groups), *rows) for each in asked}


def _rows(
    tx: Transaction, objects: Collection[Object], *, by_category: bool
) -> tuple[dict[Object, set[Grant]], dict[Object, set[int]], dict[int, set[Grant]]]:
    """Return the rows of each object and its categories, the categories, and what roles give in them."""
    categories = _categories(tx, objects) if by_category else {}
    shared = set(chain.from_iterable(categories.values()))
    roles = _roles(tx, shared) if shared and tx.columns("tiki_categories_roles") else []
    templates = {int(role["categRoleId"]) for role in roles}
    on = _on(tx, [*objects, *((CATEGORY, each) for each in shared | templates)])
    return on, categories, _by_role(roles, on)


def with_categories(tx: Transaction, rights: Rights, categories: Collection[int]) -> Rights:
    """Return the rights, able to answer for these categories too (``can_categorize``, ``can_uncategorize``)."""
    objects = [(CATEGORY, each) for each in sorted(categories)]
    on = {**rights.levels.on, **tx.once(("on", *objects), lambda: _on(tx, objects))}
    return replace(rights, levels=replace(rights.levels, on=on))


def _everywhere(tx: Transaction, groups: tuple[str, ...] | None) -> frozenset[Grant]:
    sql = "SELECT groupName, permName FROM users_grouppermissions"

    def read() -> frozenset[Grant]:
        rows = tx.all(sql) if groups is None else tx.all(f"{sql} WHERE groupName IN :groups", groups=groups)
        return frozenset(_grant(row) for row in rows)

    return tx.once(("grants", groups), read)


def _on(tx: Transaction, objects: Collection[Object]) -> dict[Object, set[Grant]]:
    """Return the rows of each object, for any group: one row of anybody's is enough to decide alone."""
    by_id = {object_id(of): of for of in objects}
    on: dict[Object, set[Grant]] = {of: set() for of in objects}
    sql = "SELECT objectType, objectId, groupName, permName FROM users_objectpermissions WHERE objectId IN :ids"
    for row in tx.all(sql, ids=list(by_id)):
        of = by_id.get(str(row["objectId"]))
        if of and of[0] == row["objectType"]:
            on[of].add(_grant(row))
    return on


def _categories(tx: Transaction, objects: Collection[Object]) -> dict[Object, set[int]]:
    categories: dict[Object, set[int]] = {of: set() for of in objects}
    by_text = {
        (kind, str(each).lower()): (kind, each) for kind, each in objects
    }  # SQL finds names of pages in any case
    rows = tx.all(
        "SELECT o.type, o.itemId, c.categId FROM tiki_objects o "
        "JOIN tiki_category_objects c ON c.catObjectId = o.objectId WHERE o.type IN :types AND o.itemId IN :ids",
        types=[kind for kind, _ in objects],
        ids=[str(number) for _, number in objects],
    )
    for row in rows:
        of = by_text.get((str(row["type"]), str(row["itemId"]).lower()))
        if of:
            categories[of].add(int(row["categId"]))
    return categories


def _roles(tx: Transaction, categories: Collection[int]) -> list[Row]:
    """Return which group takes which role of which template category, for categories made from templates."""
    sql = (
        "SELECT r.categId, r.categRoleId, template.groupName AS roleName, member.groupName "
        "FROM tiki_categories_roles r "
        "JOIN users_groups template ON template.id = r.groupRoleId JOIN users_groups member ON member.id = r.groupId "
        "WHERE r.categId IN :categories"
    )
    return list(tx.all(sql, categories=categories))


def _by_role(roles: Collection[Row], on: Mapping[Object, Collection[Grant]]) -> dict[int, set[Grant]]:
    by_role: dict[int, set[Grant]] = {}
    for role in roles:
        given = [
            permission for group, permission in on[CATEGORY, int(role["categRoleId"])] if group == role["roleName"]
        ]
        by_role.setdefault(int(role["categId"]), set()).update((str(role["groupName"]), each) for each in given)
    return by_role


def _grant(row: Row) -> Grant:
    return grant(str(row["groupName"]), str(row["permName"]))
