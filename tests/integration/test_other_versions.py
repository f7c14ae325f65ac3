"""Tables of other Tikis: columns are looked up, optional ones may be missing, and what cannot work is said before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import golden
from tests.arrivals import arrival
from tests.databases import TikiDatabase
from tikisync import config as configuration
from tikisync.config import WorkerSettings
from tikisync.core.effects import Relate
from tikisync.core.trackers import Item
from tikisync.database import Transaction
from tikisync.errors import TikiError
from tikisync.inbox import attempts, deliveries
from tikisync.pipeline.apply import Applier
from tikisync.pipeline.check import Finding, check
from tikisync.pipeline.worker import Worker
from tikisync.tiki import permissions, preferences, relations, trackers, users

NOW = 1_800_000_000
RULE = """
[rule order]
handler = Shop, Forge, Bank, Forge two
tracker = Orders
key = orderId
field.orderId = body.id
field.orderTotal = {amount: body.total, currency: 'EUR'}
"""


@pytest.fixture
def config(tiki: TikiDatabase, tmp_path: Path) -> configuration.Config:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {tiki.shown}\n{RULE}")
    return configuration.load(path)


def alter(database: TikiDatabase, *statements: str) -> None:
    with database.admin.transaction() as tx:
        for statement in statements:
            tx.run(statement)


def errors(database: TikiDatabase, config: configuration.Config) -> list[Finding]:
    return [finding for finding in check(database, config, {}) if finding.level == "error"]


def applied(database: TikiDatabase, config: configuration.Config) -> tuple[str, str]:
    """Let a worker create an order and change it; return the last attempt's outcome and error."""
    for total in (10, 12):
        body = json.dumps({"id": 7, "total": total}).encode()
        with database.transaction() as tx:
            deliveries.add(tx, [arrival(handler="Shop", user="hook", body=body)])
        Worker(
            database, Applier(database, config, {}, lambda: NOW), "test", WorkerSettings(), lambda: NOW, lambda: 0.5
        ).run_once()
    with database.transaction() as tx:
        last = attempts.of(tx, tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries"))[-1]
    return last.outcome, last.error


def test_columns_and_tables_that_only_some_tikis_have_are_not_missed(
    tiki: TikiDatabase, config: configuration.Config
) -> None:
    alter(
        tiki,
        "ALTER TABLE tiki_tracker_fields DROP COLUMN validation, DROP COLUMN validationParam, "
        "DROP COLUMN validationMessage, DROP COLUMN encryptionKeyId, DROP COLUMN rules",
        "ALTER TABLE tiki_actionlog DROP COLUMN log",
        "DROP TABLE tiki_categories_roles",
        "DROP TABLE tiki_comments",
        "DROP TABLE tiki_user_watches",
    )

    assert errors(tiki, config) == []
    assert applied(tiki, config) == ("done", "")


def test_columns_of_later_tikis_are_left_to_their_defaults(tiki: TikiDatabase, config: configuration.Config) -> None:
    alter(
        tiki,
        "ALTER TABLE tiki_tracker_items ADD COLUMN uuid CHAR(36) NULL",
        "ALTER TABLE tiki_tracker_item_fields ADD COLUMN note VARCHAR(9) NOT NULL DEFAULT ''",
        "ALTER TABLE tiki_actionlog ADD COLUMN at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP",
        "ALTER TABLE tiki_queue ADD COLUMN length INT AS (LENGTH(message)) STORED",
    )

    assert errors(tiki, config) == []
    assert applied(tiki, config) == ("done", "")


def test_a_column_that_must_be_given_a_value_nobody_knows_is_an_error_at_check_time(
    tiki: TikiDatabase, config: configuration.Config
) -> None:
    alter(tiki, "ALTER TABLE tiki_tracker_items ADD COLUMN department INT NOT NULL")

    [found] = errors(tiki, config)

    assert found.where == "table tiki_tracker_items"
    assert found.message == "tikisync does not know its column department, which has to be given a value"
    assert "ALTER TABLE tiki_tracker_items" in found.hint
    outcome, told = applied(tiki, config)
    assert outcome == "failed"
    assert "department" in told


@pytest.mark.parametrize(
    ("statement", "where", "told"),
    [
        ("ALTER TABLE tiki_actionlog DROP COLUMN client", "table tiki_actionlog", "it has no column client"),
        (
            "ALTER TABLE tiki_tracker_fields DROP COLUMN visibleBy, DROP COLUMN editableBy",
            "table tiki_tracker_fields",
            "it has no column visibleBy, editableBy",
        ),
        ("DROP TABLE tiki_tracker_options", "table tiki_tracker_options", "this table is not there"),
    ],
)
def test_what_tikisync_cannot_do_without_is_an_error_at_check_time(
    tiki: TikiDatabase, config: configuration.Config, statement: str, where: str, told: str
) -> None:
    alter(tiki, statement)

    [found] = errors(tiki, config)

    assert (found.where, told in found.message, bool(found.hint)) == (where, True, True)
    assert applied(tiki, config)[0] == "failed"


def test_a_column_missing_while_it_is_read_is_tikis_fault_and_no_bug(tiki: TikiDatabase) -> None:
    alter(tiki, "ALTER TABLE tiki_tracker_fields DROP COLUMN visibleBy")

    with pytest.raises(TikiError, match="visibleBy"), tiki.transaction() as tx:
        trackers.load(tx, "Orders")


def test_rights_are_decided_without_the_table_of_roles(tiki: TikiDatabase) -> None:
    with tiki.admin.transaction() as tx:
        golden.load(tx, golden.state_before("contact-partial"))
        user, tracker = users.find(tx, "hook"), trackers.load(tx, "Contacts")
        assert user is not None

        def may_modify(tx: Transaction) -> bool:
            return permissions.load(
                tx, user, tracker, Item(5, tracker.tracker_id, "o"), preferences.load(tx, {})
            ).can_modify

        with_roles = may_modify(tx)
        tx.run("DROP TABLE tiki_categories_roles")
        assert may_modify(tx) == with_roles


@pytest.mark.parametrize("is_new", [True, False])
def test_a_relation_notes_its_field_where_the_table_has_a_column_for_it(tiki: TikiDatabase, is_new: bool) -> None:
    if is_new:
        alter(tiki, "ALTER TABLE tiki_object_relations ADD COLUMN source_fieldId INT NULL AFTER source_itemId")
    with tiki.transaction() as tx:
        relations.relate(tx, 1, Relate(77, "a.b.c", (("user", "hook"),)), preferences.load(tx, {}))
    with tiki.admin.transaction() as tx:
        row: Any = tx.first("SELECT * FROM tiki_object_relations WHERE target_itemId = 'hook'")

    assert row.get("source_fieldId") == (77 if is_new else None)
