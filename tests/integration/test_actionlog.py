"""Tiki's action log where it is set up to keep a row for each category of an item."""

from __future__ import annotations

import pytest

from tests import golden
from tests.databases import TikiDatabase
from tests.item_effects import preference
from tikisync.core.changes import ItemChange
from tikisync.core.trackers import Json
from tikisync.database import Row
from tikisync.pipeline.change import carry_out
from tikisync.pipeline.steps import Task
from tikisync.tiki import preferences, users
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.items import Situation

CONTACT = 5  # in categories 2 and 4 then
NOW = 1_800_000_042


def logged(tiki: TikiDatabase, fields: dict[str, Json]) -> list[Row]:
    """Update a contact and return its new rows of the log."""
    with tiki.transaction() as tx:
        user = users.find(tx, "hook")
        assert user is not None
        change = ItemChange("r", "Contacts", item_id=CONTACT, fields=fields)
        carry_out(tx, Task(change, user, Situation(Actor("hook"), NOW, preferences.load(tx, {}))))
    sql = "SELECT categId, log, comment FROM tiki_actionlog WHERE object = :item AND lastModif = :now ORDER BY categId"
    with tiki.admin.transaction() as tx:
        return [dict(row) for row in tx.all(sql, item=str(CONTACT), now=NOW)]


@pytest.fixture
def contacts(tiki: TikiDatabase) -> TikiDatabase:
    with tiki.admin.transaction() as tx:
        golden.load(tx, golden.state_before("contact-partial"))
    return tiki


def test_an_update_is_logged_once(contacts: TikiDatabase) -> None:
    (row,) = logged(contacts, {"contactPhone": "1"})

    assert (row["categId"], row["log"]) == (0, None)


@pytest.mark.parametrize("switch", ["feature_actionlog", "tiki_actionlog_conf"])
def test_an_update_is_logged_for_each_category_the_item_was_in(contacts: TikiDatabase, switch: str) -> None:
    with contacts.admin.transaction() as tx:
        if switch == "feature_actionlog":
            preference(tx, "feature_actionlog", "n")  # logs everything
        else:
            tx.update("tiki_actionlog_conf", {"action": "%", "objectType": "category"}, {"status": "y"})

    rows = logged(contacts, {"contactPhone": "1", "contactSegment": [3]})

    assert [(row["categId"], row["log"]) for row in rows] == [(2, ""), (4, "")]
    assert len({row["comment"] for row in rows}) == 1
