"""What ``scripts/chaos`` would say of a site where something was lost, doubled or out of order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.arrivals import arrival
from tests.chaos.editor import REMARK, TRACKER, Editor
from tests.chaos.sender import Sender, payload
from tests.chaos.site import RULES
from tests.chaos.verdict import COMPANIES, ORDER_TOTAL, Verdict, judge
from tests.databases import TikiDatabase
from tikisync import config as configuration
from tikisync.config import WorkerSettings
from tikisync.database import Transaction
from tikisync.inbox import deliveries
from tikisync.pipeline.apply import Applier
from tikisync.pipeline.worker import Worker

ANSWERED = {"A": 4, "B": 1}
Tamper = Callable[[Transaction], object]


@pytest.fixture
def site(sqlite_tiki: TikiDatabase, tmp_path: Path) -> TikiDatabase:
    """A Tiki where all deliveries of ANSWERED were applied."""
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {sqlite_tiki.url}\n{RULES}")
    bodies = [payload(item, turn) for item, turns in ANSWERED.items() for turn in range(1, turns + 1)]
    with sqlite_tiki.transaction() as tx:
        deliveries.add(tx, [arrival(handler="Shop", user="hook", body=body) for body in bodies])
    applier = Applier(sqlite_tiki, configuration.load(path), {}, time.time)
    worker = Worker(sqlite_tiki, applier, "w1", WorkerSettings(), time.time, lambda: 0.1)
    while worker.run_once():
        pass
    return sqlite_tiki


def verdict(site: TikiDatabase, *, kept: int = 0, unknown: int = 0) -> Verdict:
    sender, editor = Sender([], 1, 1), Editor(site._url, 1)
    sender.answered.update(ANSWERED)
    editor.kept[1], editor.unknown[1] = kept, unknown
    return judge(site, sender, editor)


def test_there_is_nothing_to_say_where_all_is_well(site: TikiDatabase) -> None:
    assert list(verdict(site).problems()) == []


def _history(tx: Transaction, old: str, new: str) -> int:
    return tx.update_now("tiki_tracker_item_field_logs", {"fieldId": ORDER_TOTAL, "value": old}, {"value": new})


@pytest.mark.parametrize(
    ("heading", "tamper"),
    [
        ("lost", lambda tx: tx.update("tikisync_deliveries", {"delivery_id": 2}, {"status": "failed"})),
        ("lost", lambda tx: tx.delete("tikisync_deliveries", {"delivery_id": 2})),
        ("lost", lambda tx: tx.delete("tiki_tracker_item_field_logs", {"fieldId": ORDER_TOTAL, "value": "2EUR"})),
        ("lost", lambda tx: tx.delete("tiki_tracker_item_fields", {"itemId": 1})),
        ("lost", lambda tx: tx.delete("tiki_tracker_item_fields", {"itemId": 2})),
        ("doubled", lambda tx: tx.run("UPDATE tiki_tracker_item_fields SET value = 'A' WHERE value = 'B'")),
        ("doubled", lambda tx: tx.run("UPDATE tiki_tracker_item_fields SET value = 'Company of A' WHERE itemId = 4")),
        ("doubled", lambda tx: _history(tx, "2EUR", "1EUR")),
        ("doubled", lambda tx: tx.run("UPDATE tikisync_attempts SET delivery_id = 1")),
        ("out_of_order", lambda tx: [_history(tx, *each) for each in (("1EUR", "x"), ("2EUR", "1EUR"), ("x", "2EUR"))]),
        ("untrue", lambda tx: tx.update("tiki_trackers", {"trackerId": TRACKER}, {"items": 3})),
        ("untrue", lambda tx: tx.update("tiki_trackers", {"trackerId": COMPANIES}, {"items": 1})),
        ("untrue", lambda tx: tx.run("DELETE FROM tiki_actionlog WHERE action = 'Updated' AND object = '1'")),
        ("untrue", lambda tx: tx.update("tikisync_deliveries", {"delivery_id": 2}, {"leased_by": "w1"})),
    ],
)  # fmt: skip
def test_what_was_lost_doubled_out_of_order_or_miscounted_is_told(
    heading: str, tamper: Tamper, site: TikiDatabase
) -> None:
    with site.transaction() as tx:
        tamper(tx)

    assert getattr(verdict(site), heading) != []


@pytest.mark.parametrize(("remark", "is_told"), [("4", True), ("5", False), ("7", False), ("8", True)])
def test_an_edit_that_was_overwritten_is_told(remark: str, is_told: bool, site: TikiDatabase) -> None:
    with site.transaction() as tx:
        tx.upsert_many(
            "tiki_tracker_item_fields", [{"itemId": 1, "fieldId": REMARK, "value": remark}], key=("itemId", "fieldId")
        )

    assert bool(verdict(site, kept=5, unknown=2).untrue) == is_told
