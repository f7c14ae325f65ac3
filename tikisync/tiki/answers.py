"""Answers to the questions that decisions in ``core`` ask about Tiki's data: one look-up for each kind of question.

SQL finds candidates as the columns' collation compares (``Ada`` also finds ``ADA`` and ``Áda``); where PHP compares
exactly, the answer is chosen from them here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from tikisync.core import questions as ask
from tikisync.core.questions import Answers, Question
from tikisync.database import Transaction
from tikisync.tiki import categories, items, permissions, status

Known: TypeAlias = Mapping[Question[Any], Any]

_TOGETHER = 100  # values that are looked up by one statement: it compares each with each row


def answer(tx: Transaction, questions: Iterable[Question[Any]]) -> Answers:
    """Return the answers to all questions; those of one kind are looked up together."""
    by_kind: dict[type[Question[Any]], dict[Question[Any], None]] = {}
    for question in questions:
        by_kind.setdefault(type(question), {})[question] = None
    known: dict[Question[Any], Any] = {}
    for kind, asked in by_kind.items():
        known.update(_LOOK_UPS[kind](tx, list(asked)))
    return Answers(known)


def _users(tx: Transaction, asked: Sequence[ask.UserNamed]) -> Known:
    texts = {question.text for question in asked}
    logins = [str(row["login"]) for row in tx.all("SELECT login FROM users_users WHERE login IN :texts", texts=texts)]
    found = {text: _only_match(text, {login: login for login in logins}) for text in texts}
    addresses = {text for text in texts if found[text] is None and "@" in text}  # the column has no index: ask last
    if addresses:
        rows = tx.all("SELECT login, email FROM users_users WHERE email IN :addresses", addresses=addresses)
        emails = {str(row["login"]): str(row["email"]) for row in rows}
        found |= {address: _only_match(address, emails) for address in addresses}
    return {question: found[question.text] for question in asked}


def _only_match(text: str, spellings: Mapping[str, str]) -> str | None:
    """Return the login whose spelling is this text, or else the only one that differs in nothing but case."""
    exact = [login for login, spelling in spellings.items() if spelling == text]
    matches = exact or [login for login, spelling in spellings.items() if spelling.casefold() == text.casefold()]
    return matches[0] if len(matches) == 1 else None


def _groups(tx: Transaction, asked: Sequence[ask.GroupNamed]) -> Known:
    names = {question.name for question in asked}
    rows = tx.all("SELECT groupName FROM users_groups WHERE groupName IN :names", names=names)
    stored = {str(row["groupName"]) for row in rows}
    return {question: question.name if question.name in stored else None for question in asked}


def _groups_by_id(tx: Transaction, asked: Sequence[ask.GroupWithId]) -> Known:
    ids = {question.group_id for question in asked}
    rows = tx.all("SELECT id, groupName FROM users_groups WHERE id IN :ids", ids=ids)
    names = {int(row["id"]): str(row["groupName"]) for row in rows}
    return {question: names.get(question.group_id) for question in asked}


def _groups_including(tx: Transaction, asked: Sequence[ask.GroupsIncluding]) -> Known:
    ids = [ask.GroupWithId(int(question.group)) for question in asked if question.group.isdecimal()]
    names = _groups_by_id(tx, ids) if ids else {}
    included = {
        question: names[ask.GroupWithId(int(question.group))] if question.group.isdecimal() else question.group
        for question in asked
    }
    rows = tx.all(
        "SELECT groupName, includeGroup FROM tiki_group_inclusion WHERE includeGroup IN :groups ORDER BY groupName",
        groups={group for group in included.values() if group} or {""},
    )
    return {
        question: tuple(str(row["groupName"]) for row in rows if row["includeGroup"] == group)
        for question, group in included.items()
    }


def _items_titled(tx: Transaction, asked: Sequence[ask.ItemsTitled]) -> Known:
    rows = tx.all(
        "SELECT i.trackerId, f.fieldId, f.value, f.itemId FROM tiki_tracker_item_fields f "
        "JOIN tiki_tracker_items i ON i.itemId = f.itemId "
        "WHERE f.fieldId IN :fields AND f.value IN :texts",
        fields={question.field_id for question in asked},
        texts={question.text for question in asked},
    )
    items: dict[Question[Any], tuple[int, ...]] = dict.fromkeys(asked, ())
    for row in rows:
        question = ask.ItemsTitled(int(row["trackerId"]), int(row["fieldId"]), str(row["value"]))
        if question in items:
            items[question] += (int(row["itemId"]),)
    return {question: tuple(sorted(found)) for question, found in items.items()}


def _item_trackers(tx: Transaction, asked: Sequence[ask.ItemTracker]) -> Known:
    ids = {question.item_id for question in asked}
    rows = tx.all("SELECT itemId, trackerId FROM tiki_tracker_items WHERE itemId IN :ids", ids=ids)
    trackers = {int(row["itemId"]): int(row["trackerId"]) for row in rows}
    return {question: trackers.get(question.item_id) for question in asked}


def _items_with_value(tx: Transaction, asked: Sequence[ask.ItemsWithValue]) -> Known:
    by_field: dict[int, list[str]] = {}
    for question in asked:
        by_field.setdefault(question.field_id, []).append(question.value)
    return {
        ask.ItemsWithValue(field_id, value): items
        for field_id, values in by_field.items()
        for start in range(0, len(values), _TOGETHER)
        for value, items in _by_value(tx, field_id, values[start : start + _TOGETHER]).items()
    }


def _by_value(tx: Transaction, field_id: int, values: Sequence[str]) -> Mapping[str, tuple[int, ...]]:
    """Return the items by which of these values they have in a field; only SQL knows which texts are equal."""
    source = "FROM tiki_tracker_item_fields WHERE fieldId = :field AND value IN :values"
    if len(values) == 1:
        rows = tx.all(f"SELECT itemId {source}", field=field_id, values=values)
        return {values[0]: tuple(sorted(int(row["itemId"]) for row in rows))}
    places = [f"WHEN :value{place} THEN {place}" for place in range(len(values))]
    ends = f"CASE value {' '.join(places)} END AS lowest, CASE value {' '.join(places[::-1])} END AS highest"
    named = {f"value{place}": value for place, value in enumerate(values)}
    rows = tx.all(f"SELECT itemId, {ends} {source}", field=field_id, values=values, **named)
    if any(row["lowest"] is None or row["lowest"] != row["highest"] for row in rows):  # values equal to each other
        return {value: items for each in values for value, items in _by_value(tx, field_id, [each]).items()}
    found: dict[str, list[int]] = {value: [] for value in values}
    for row in rows:
        found[values[row["lowest"]]].append(int(row["itemId"]))
    return {value: tuple(sorted(items)) for value, items in found.items()}


def _items_listing(tx: Transaction, asked: Sequence[ask.ItemsListing]) -> Known:
    items: dict[Question[Any], tuple[int, ...]] = {}
    for question in asked:
        word = re.sub(r"([%_!])", r"!\1", question.word)
        rows = tx.all(
            "SELECT itemId FROM tiki_tracker_item_fields WHERE fieldId = :field AND (value = :whole "
            "OR value LIKE :first ESCAPE '!' OR value LIKE :last ESCAPE '!' OR value LIKE :within ESCAPE '!') "
            "ORDER BY itemId",
            field=question.field_id,
            whole=question.word,
            first=f"{word},%",
            last=f"%,{word}",
            within=f"%,{word},%",
        )
        items[question] = tuple(int(row["itemId"]) for row in rows)
    return items


def _all_categories(tx: Transaction, asked: Sequence[ask.AllCategories]) -> Known:
    return dict.fromkeys(asked, tx.once("categories", lambda: categories.every(tx)))


def _categories_of(tx: Transaction, asked: Sequence[ask.CategoriesOf]) -> Known:
    rows = tx.all(
        "SELECT o.type, o.itemId, c.categId FROM tiki_objects o "
        "JOIN tiki_category_objects c ON c.catObjectId = o.objectId WHERE o.type IN :types AND o.itemId IN :ids",
        types={question.object_type for question in asked},
        ids={question.object_id for question in asked},
    )
    found: dict[Question[Any], frozenset[int]] = dict.fromkeys(asked, frozenset())
    for row in rows:
        question = ask.CategoriesOf(str(row["type"]), str(row["itemId"]))
        if question in found:
            found[question] |= {int(row["categId"])}
    return found


def _file_types(tx: Transaction, asked: Sequence[ask.FileType]) -> Known:
    ids = {question.file_id for question in asked}
    rows = tx.all("SELECT fileId, filetype FROM tiki_files WHERE fileId IN :ids", ids=ids)
    types = {int(row["fileId"]): str(row["filetype"] or "") for row in rows}
    return {question: types.get(question.file_id) for question in asked}


def _articles(tx: Transaction, asked: Sequence[ask.ArticleExists]) -> Known:
    ids = {question.article_id for question in asked}
    known = {
        int(row["articleId"]) for row in tx.all("SELECT articleId FROM tiki_articles WHERE articleId IN :ids", ids=ids)
    }
    return {question: question.article_id in known for question in asked}


def _pages(tx: Transaction, asked: Sequence[ask.PageExists]) -> Known:
    one = "SELECT {0} AS place FROM tiki_pages WHERE pageName = :name{0}"
    union = " UNION ALL ".join(one.format(place) for place in range(len(asked)))
    rows = tx.all(union, **{f"name{place}": question.name for place, question in enumerate(asked)})
    known = {int(row["place"]) for row in rows}
    return {question: place in known for place, question in enumerate(asked)}


_LOOK_UPS: Mapping[type[Question[Any]], Callable[[Transaction, Any], Mapping[Any, Any]]] = {
    ask.UserNamed: _users,
    ask.GroupNamed: _groups,
    ask.GroupWithId: _groups_by_id,
    ask.GroupsIncluding: _groups_including,
    ask.ItemsTitled: _items_titled,
    ask.ItemTracker: _item_trackers,
    ask.ItemsWithValue: _items_with_value,
    ask.ItemsListing: _items_listing,
    ask.AllCategories: _all_categories,
    ask.CategoriesOf: _categories_of,
    ask.FileType: _file_types,
    ask.ArticleExists: _articles,
    ask.PageExists: _pages,
    ask.ItemsWithKey: items.with_keys,
    ask.StoredItem: items.stored,
    ask.FollowingItems: status.all_following,
    ask.LevelsOf: permissions.levels,
}
