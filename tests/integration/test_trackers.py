"""Tracker definitions, as sites have them after years."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tikisync.core.changes import ItemChange
from tikisync.database import Database
from tikisync.errors import TikiError
from tikisync.pipeline.change import carry_out
from tikisync.pipeline.steps import Task
from tikisync.tiki import preferences, status, trackers, users
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.items import Situation


def test_a_tracker_is_found_by_its_name_or_its_id(sqlite_tiki: Database) -> None:
    with sqlite_tiki.transaction() as tx:
        assert asdict(trackers.load(tx, "Orders")) == asdict(trackers.load(tx, "3"))
        assert trackers.load(tx, " Orders ").tracker_id == 3
        assert trackers.names(tx)[3] == "Orders"


def test_a_name_is_compared_letter_by_letter(sqlite_tiki: Database) -> None:
    with sqlite_tiki.transaction() as tx, pytest.raises(TikiError, match="no tracker 'orders'"):
        trackers.load(tx, "orders")


def test_a_name_that_two_trackers_share_is_refused_with_a_way_out(sqlite_tiki: Database) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.update("tiki_trackers", {"trackerId": 4}, {"name": "Orders"})

        with pytest.raises(TikiError, match="2 trackers named 'Orders'") as refused:
            trackers.load(tx, "Orders")

    assert "by its id" in refused.value.hint


@pytest.mark.parametrize(
    ("stored", "groups"),
    [
        ('a:1:{i:0;s:5:"Staff";}', {"Staff"}),
        ('a:1:{i:3;s:5:"Staff";}', {"Staff"}),
        ("", set()),
        ("broken", set()),
        ("i:5;", set()),
    ],
)
def test_groups_of_a_field_are_read_and_unreadable_ones_count_as_everybody(
    sqlite_tiki: Database, stored: str, groups: set[str]
) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.update("tiki_tracker_fields", {"permName": "orderId"}, {"editableBy": stored})
        field = trackers.load(tx, "Orders").field_named("orderId")

    assert field is not None
    assert field.editable_by == groups


@pytest.mark.parametrize("stored", ["", "broken", "[1]", None])
def test_options_that_are_no_json_object_count_as_none(sqlite_tiki: Database, stored: str | None) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.update("tiki_tracker_fields", {"permName": "orderTotal"}, {"options": stored})
        field = trackers.load(tx, "Orders").field_named("orderTotal")

    assert field is not None
    assert field.options == {}


@pytest.mark.parametrize("options", ["broken", "[]", '{"trackerId": "x"}', '{"trackerId": "1", "cascade": null}'])
def test_a_link_with_unreadable_options_cascades_nothing(sqlite_tiki: Database, options: str) -> None:
    with sqlite_tiki.transaction() as tx:
        tx.update("tiki_tracker_fields", {"permName": "invoiceCompany"}, {"options": options})
        tx.insert("tiki_tracker_item_fields", {"itemId": 9, "fieldId": 86, "value": "1"})

        assert status.following(tx, 1, 1, 2) == []


def test_an_item_that_links_to_itself_is_none_of_those_that_follow_its_status(sqlite_tiki: Database) -> None:
    with sqlite_tiki.transaction() as tx:
        options = '{"trackerId": "7", "cascade": 2}'
        tx.update("tiki_tracker_fields", {"permName": "invoiceCompany"}, {"options": options})
        tx.insert_many("tiki_tracker_items", [{"itemId": each, "trackerId": 7, "status": "o"} for each in (8, 9)])
        tx.insert_many("tiki_tracker_item_fields", [{"itemId": e, "fieldId": 86, "value": "9"} for e in (8, 9)])

        user = users.find(tx, "tadmin")
        assert user is not None
        closing = ItemChange("r", "7", item_id=9, status="c")
        carry_out(tx, Task(closing, user, Situation(Actor("tadmin"), 1_800_000_000, preferences.load(tx, {}))))
        assert sorted(status.following(tx, 9, 7, 2)) == [8, 9]
        logged = tx.all("SELECT DISTINCT version, itemId FROM tiki_tracker_item_field_logs")
        assert [(row["version"], row["itemId"]) for row in logged] == [(1, 9)]
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_items WHERE status = 'c'") == 2
