"""Whether what was answered took effect: once, in order, with every counter true."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.chaos.editor import REMARK, TRACKER, Editor
from tests.chaos.sender import Sender
from tikisync.database import Database, Row, Transaction

ORDER_ID, ORDER_TOTAL, COMPANIES, COMPANY_NAME = 46, 47, 1, 1  # fields and a tracker of the recorded Tiki
_LEFTOVERS = {
    "deliveries that are leased": "SELECT COUNT(*) FROM tikisync_deliveries WHERE leased_by IS NOT NULL",
    "deliveries that wait for another": "SELECT COUNT(*) FROM tikisync_deliveries WHERE waits_for IS NOT NULL",
    "order keys": "SELECT COUNT(*) FROM tikisync_order_keys",
    "entries of the journal": "SELECT COUNT(*) FROM tikisync_journal",
}


@dataclass
class Verdict:
    """What went wrong, a sentence for each case."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)  # counters, leftovers, answers, others' edits

    def problems(self) -> Iterator[str]:
        """Yield all of them, each with its heading."""
        for name, found in vars(self).items():
            yield from (f"{name.replace('_', ' ')}: {each}" for each in found)


def judge(database: Database, sender: Sender, editor: Editor) -> Verdict:
    """Compare what the sender was answered, and the editor wrote, with what is in the database."""
    verdict = Verdict(untrue=[*sender.wrong])
    with database.transaction() as tx:
        _deliveries(tx, sender.answered, verdict)
        _items(tx, sender.answered, verdict)
        _counters(tx, verdict)
        _edits(tx, editor, verdict)
    return verdict


def _deliveries(tx: Transaction, answered: Mapping[str, int], verdict: Verdict) -> None:
    """Each answered delivery is kept once, done, by one attempt."""
    rows = tx.all("SELECT delivery_id, status, reason, body FROM tikisync_deliveries")
    done = Counter(
        row["delivery_id"] for row in tx.all("SELECT delivery_id FROM tikisync_attempts WHERE outcome = 'done'")
    )
    kept: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        body = json.loads(row["body"])
        kept[body["id"], body["total"]].append(row)
        if row["status"] != "done":
            verdict.lost.append(f"delivery {row['delivery_id']} is {row['status']} ({row['reason']})")
        elif done[row["delivery_id"]] != 1:
            verdict.doubled.append(
                f"delivery {row['delivery_id']} has {done[row['delivery_id']]} attempts that are done"
            )
    for item, turns in answered.items():
        for turn in range(1, turns + 1):
            found = kept[item, turn]
            if not found:
                verdict.lost.append(f"item {item}, turn {turn} was answered and is not kept")
            if len(found) > 1:
                verdict.doubled.append(f"item {item}, turn {turn} is kept {len(found)} times")


def _items(tx: Transaction, answered: Mapping[str, int], verdict: Verdict) -> None:
    """Each item is there once, its history tells every turn once and in order, so does the action log."""
    names = _values(tx, ORDER_ID)
    totals = _values(tx, ORDER_TOTAL)
    history = defaultdict(list)
    for row in tx.all("SELECT itemId, version, value FROM tiki_tracker_item_field_logs WHERE fieldId = :f "
                      "ORDER BY itemId, version", f=ORDER_TOTAL):  # fmt: skip
        history[row["itemId"]].append(row["value"])
    logged = Counter((int(row["object"]), row["action"]) for row in tx.all(
        "SELECT object, action FROM tiki_actionlog WHERE objectType = 'trackeritem'"))  # fmt: skip
    versions = tx.all("SELECT itemId, version FROM tiki_tracker_item_field_logs WHERE fieldId = :f "
                      "GROUP BY itemId, version HAVING COUNT(*) > 1", f=ORDER_TOTAL)  # fmt: skip
    verdict.doubled += [f"item {row['itemId']} has version {row['version']} twice" for row in versions]
    by_name = defaultdict(list)
    for item_id, [name] in names.items():
        by_name[name].append(item_id)
    companies = Counter(name for values in _values(tx, COMPANY_NAME).values() for name in values)
    for name, turns in answered.items():
        found = by_name[name]
        if len(found) != 1:
            _twice_or_never(verdict, len(found), f"item {name}")
            continue
        [item_id] = found
        told = [int(str(each).removesuffix("EUR")) for each in history[item_id] + totals[item_id]]
        _turns(verdict, name, told, turns)
        expected = {"Created": 1, "Updated": len(told) - 1}
        for action, number in expected.items():
            if logged[item_id, action] != number:
                verdict.untrue.append(
                    f"the action log says {action} {logged[item_id, action]} times of item {name}, it was {number}"
                )
        if companies[f"Company of {name}"] != 1:
            _twice_or_never(verdict, companies[f"Company of {name}"], f"the company of item {name}")
    for name in by_name.keys() - answered.keys():
        _twice_or_never(verdict, len(by_name[name]), f"item {name}")


def _turns(verdict: Verdict, name: str, told: list[int], answered: int) -> None:
    """Judge an item's values from the first to the last; the one after those answered may be among them."""
    what = f"item {name} went through {_shortened(told)}; answered up to {answered}"
    if set(range(1, answered + 1)) - set(told):
        verdict.lost.append(what)
    if len(told) != len(set(told)) or max(told) > answered + 1:
        verdict.doubled.append(what)
    if told != sorted(told):
        verdict.out_of_order.append(what)


def _counters(tx: Transaction, verdict: Verdict) -> None:
    for row in tx.all(
        "SELECT t.name, t.items, (SELECT COUNT(*) FROM tiki_tracker_items i WHERE i.trackerId = t.trackerId) AS there "
        "FROM tiki_trackers t WHERE t.trackerId IN :trackers",
        trackers=[TRACKER, COMPANIES],
    ):
        if row["items"] != row["there"]:
            verdict.untrue.append(f"tracker {row['name']} counts {row['items']} items, there are {row['there']}")
    for what, sql in _LEFTOVERS.items():
        if number := tx.value(sql):
            verdict.untrue.append(f"{number} {what} are left")


def _edits(tx: Transaction, editor: Editor, verdict: Verdict) -> None:
    remarks = {item: int(value or 0) for item, [value] in _values(tx, REMARK).items()}
    for item, kept in editor.kept.items():
        if not kept <= remarks.get(item, 0) <= kept + editor.unknown[item]:
            verdict.untrue.append(f"item {item} was edited {kept} times, its remark says {remarks.get(item)}")


def _values(tx: Transaction, field_id: int) -> dict[int, list[str]]:
    """Return the values of a field by the item's id; there should be one of each."""
    by_item = defaultdict(list)
    for row in tx.all("SELECT itemId, value FROM tiki_tracker_item_fields WHERE fieldId = :f", f=field_id):
        by_item[int(row["itemId"])].append(str(row["value"]))
    return by_item


def _twice_or_never(verdict: Verdict, number: int, what: str) -> None:
    if number == 0:
        verdict.lost.append(f"{what} is not there")
    if number > 1:
        verdict.doubled.append(f"{what} is there {number} times")


def _shortened(turns: Iterable[int]) -> str:
    told = ", ".join(map(str, turns))
    return told if len(told) < 200 else f"{told[:200]} …"
