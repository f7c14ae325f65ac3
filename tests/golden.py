"""The recordings of a real Tiki in ``tests/data/golden``: read, put into a database, compared with.

A test of one case reads::

    golden.place(tx, case)                  # the database as the case found it
    before = golden.snapshot(tx)
    ...                                     # do what the case did, at the time ``now``
    written = golden.difference(before, golden.snapshot(tx))
    assert golden.lines(golden.mask(written, now=now)) == golden.lines(golden.expected(case))

Rows of a difference are ``[sign, table, row]`` with the sign ``+`` or ``-``, as in the recordings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from tests.golden_state import Change, Row, Rows, apply, perform
from tikisync.database import Transaction

Case: TypeAlias = dict[str, Any]

FOLDER = Path(__file__).parent / "data" / "golden"
FIRST_CASE_TIME = 1_700_100_007  # of no whole minute, so that <now> and <now:minute> differ
SECONDS_BETWEEN_CASES = 60


@cache
def fixture() -> dict[str, Any]:
    """Return the starting state: ``meta``, ``names``, ``schema`` and ``rows``; not to be changed."""
    read: dict[str, Any] = _read("fixture")
    return read


@cache
def cases() -> list[Case]:
    """Return the cases of tracker items, in the order they were performed; not to be changed."""
    read: list[Case] = _read("cases")
    return read


@cache
def permissions() -> dict[str, Any]:
    """Return ``items``, ``item_rows`` and ``scenarios`` of what users may do; not to be changed."""
    read: dict[str, Any] = _read("permissions")
    return read


@cache
def contacts() -> list[Case]:
    """Return the cases of contacts, in the order they were performed; not to be changed."""
    read: list[Case] = _read("contacts")
    return read


def case(name: str) -> Case:
    """Return the case of tracker items with this name."""
    return next(case for case in cases() if case["name"] == name)


def time_of(case: Case) -> int:
    """Return the time (UNIX seconds) that ``state_before`` gives to what this case wrote."""
    return FIRST_CASE_TIME + SECONDS_BETWEEN_CASES * [other["name"] for other in cases()].index(case["name"])


def state_before(name: str) -> Rows:
    """Return all rows as the case ``name`` found them: the fixture and what the cases before it changed."""
    state: Rows = deepcopy(fixture()["rows"])
    for earlier in cases():
        if earlier["name"] == name:
            return state
        perform(state, earlier, now=time_of(earlier))
    raise KeyError(name)


def contacts_before(name: str) -> Rows:
    """Return all rows as the contact case ``name`` found them."""
    state: Rows = deepcopy(fixture()["rows"])
    for earlier in contacts():
        if earlier["name"] == name:
            return state
        apply(state, earlier.get("rows", []))
    raise KeyError(name)


def permission_state(scenario: Mapping[str, Any]) -> Rows:
    """Return all rows of a permission scenario: the fixture, the items and the scenario's own set-up."""
    state: Rows = deepcopy(fixture()["rows"])
    apply(state, permissions()["item_rows"])
    apply(state, scenario["setup"])
    return state


def place(tx: Transaction, case: Case) -> None:
    """Put the database into the state the case found, so that an item it creates gets the recorded id."""
    load(tx, state_before(case["name"]))
    last = (case["result"]["itemId"] or 0) - 1
    if (
        case["op"] == "create"
        and last > 0
        and not tx.first("SELECT 1 FROM `tiki_tracker_items` WHERE `itemId` = :i", i=last)
    ):
        tx.insert("tiki_tracker_items", {"itemId": last})  # moves the counter, which stays when the row goes
        tx.delete("tiki_tracker_items", {"itemId": last})


def load(tx: Transaction, rows: Mapping[str, Sequence[Row]]) -> None:
    """Make each table that ``rows`` names hold just these rows."""
    for table, wanted in rows.items():
        if _counted(_rows(tx, table)) != _counted(wanted):
            tx.run(f"DELETE FROM `{table}`")
            tx.insert_many(table, wanted)


def snapshot(tx: Transaction) -> Rows:
    """Return all rows of all of Tiki's tables that the recordings know, as plain JSON values."""
    return {table: _rows(tx, table) for table in fixture()["schema"]}


def difference(before: Rows, after: Rows) -> list[Change]:
    """Return the rows that went (``-``) and came (``+``), by table, as the recordings list them."""
    changes: list[Change] = []
    for table in sorted(before):
        old, new = _counted(before[table]), _counted(after[table])
        changes += [["-", table, json.loads(row)] for row in sorted((old - new).elements())]
        changes += [["+", table, json.loads(row)] for row in sorted((new - old).elements())]
    return changes


def queued(changes: Iterable[Change]) -> list[Any]:
    """Return the messages put into the search queue, decoded; ``mask`` and ``expected`` leave these rows out."""
    return [json.loads(row["message"]) for sign, table, row in changes if (sign, table) == ("+", "tiki_queue")]


def joined(tx: Transaction, item_id: int) -> dict[str, Any]:
    """Return ``categories`` and ``tags`` of an item, as a case's ``joined`` has them; automatic ids hide them."""
    categories = tx.all(
        "SELECT c.`categId` AS id FROM `tiki_objects` o "
        "JOIN `tiki_category_objects` c ON c.`catObjectId` = o.`objectId` "
        "WHERE o.`type` = 'trackeritem' AND o.`itemId` = :item ORDER BY c.`categId`",
        item=str(item_id),
    )
    tags = tx.all(
        "SELECT t.`raw_tag` AS tag, f.`user` AS user FROM `tiki_objects` o "
        "JOIN `tiki_freetagged_objects` f ON f.`objectId` = o.`objectId` "
        "JOIN `tiki_freetags` t ON t.`tagId` = f.`tagId` "
        "WHERE o.`type` = 'trackeritem' AND o.`itemId` = :item",
        item=str(item_id),
    )
    return {
        "categories": [row["id"] for row in categories],
        "tags": sorted([row["tag"], row["user"]] for row in tags),
    }


def mask(changes: Iterable[Change], *, now: int) -> list[Change]:
    """Return changes made at ``now`` (UNIX seconds) with times and automatic ids masked, as ``expected`` has them."""
    masks: dict[Any, str] = {time_of(case): "<earlier>" for case in cases()}
    masks |= {now: "<now>", str(now): "<now>", str(now - now % 60): "<now:minute>"}
    return _settled(
        [sign, table, {column: _masked(table, column, value, masks) for column, value in row.items()}]
        for sign, table, row in changes
    )


def expected(case: Case) -> list[Change]:
    """Return the rows a case recorded, without those that nobody has to copy (the recordings' own list of quirks)."""
    return _settled(case["rows"])


def lines(changes: Iterable[Change]) -> list[str]:
    """Return changes as text, a line for each, sorted: what an assertion shows best."""
    return sorted(f"{table} {sign} {_shown(row)}" for sign, table, row in changes)


def explain(changes: Iterable[Change]) -> str:
    """Return changes as text for people, by table; of a changed row its key and what became of the rest."""
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        key = {column: change[2][column] for column in _primary_key(change[1])} or change[2]
        groups.setdefault((change[1], _shown(key)), []).append(change)
    told = []
    for (table, shown_key), group in sorted(groups.items()):
        rows = {sign: row for sign, _, row in group}
        if len(group) == 2 and set(rows) == {"-", "+"}:
            became = (f"{c} {rows['-'][c]!r} → {value!r}" for c, value in rows["+"].items() if value != rows["-"][c])
            told.append(f"{table} {shown_key}: {' '.join(became)}")
        else:
            told += lines(group)
    return "\n".join(told)


def _settled(changes: Iterable[Change]) -> list[Change]:
    """Leave out where two faithful writers may differ.

    The search queue (Tiki consumes it at once itself), file backlinks (a table without a key), calculations stored
    under item 0, the log of an unchanged page selector, and tags that the same user takes off and puts on again.
    """
    kept = [
        change
        for change in changes
        if change[1] not in ("tiki_queue", "tiki_file_backlinks")
        and not (change[1] == "tiki_tracker_item_fields" and change[2]["itemId"] == 0)
    ]
    pages = {row["fieldId"] for row in fixture()["rows"]["tiki_tracker_fields"] if row["type"] == "k"}
    pages -= {row["fieldId"] for _, table, row in kept if table == "tiki_tracker_item_fields"}
    kept = [c for c in kept if not (c[1] == "tiki_tracker_item_field_logs" and c[2]["fieldId"] in pages)]

    tags = [change for change in kept if change[1] == "tiki_freetagged_objects"]
    for removed in [change for change in tags if change[0] == "-"]:
        again = next((c for c in kept if c[:2] == ["+", removed[1]] and c[2]["user"] == removed[2]["user"]), None)
        if again:
            kept.remove(removed)
            kept.remove(again)
    return kept


def _masked(table: str, column: str, value: Any, masks: Mapping[Any, str]) -> Any:
    if (table, column) in _hidden_ids():
        return "<auto>"
    return masks.get(value, value)


@cache
def _hidden_ids() -> frozenset[tuple[str, str]]:
    return frozenset((t, c) for case in cases() for _, t, row in case["rows"] for c, v in row.items() if v == "<auto>")


def _primary_key(table: str) -> list[str]:
    return [column["name"] for column in fixture()["schema"][table]["columns"] if column["key"] == "PRI"]


def _shown(row: Row) -> str:
    return " ".join(f"{column}={value!r}" for column, value in row.items())


def _rows(tx: Transaction, table: str) -> list[Row]:
    return [{column: _plain(value) for column, value in row.items()} for row in tx.all(f"SELECT * FROM `{table}`")]


def _plain(value: Any) -> Any:
    """Return a value as JSON would hold it: bytes as text, times and decimals as their text."""
    if isinstance(value, bytes):
        return value.decode()
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _counted(rows: Iterable[Row]) -> Counter[str]:
    return Counter(json.dumps(row, ensure_ascii=False) for row in rows)


def _read(name: str) -> Any:
    return _expanded(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def _expanded(value: Any) -> Any:
    """Return JSON with ``{"$repeat": [text, n]}`` written out."""
    if isinstance(value, list):
        return [_expanded(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$repeat"}:
        return value["$repeat"][0] * value["$repeat"][1]
    return {key: _expanded(entry) for key, entry in value.items()}
