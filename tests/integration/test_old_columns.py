"""Sites with the character sets and SQL modes of long ago: what a column cannot hold is replaced or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.arrivals import arrival
from tests.databases import ServerAdmin, TikiDatabase
from tikisync import config as configuration
from tikisync.config import WorkerSettings
from tikisync.errors import DataRefusedError
from tikisync.inbox import attempts, deliveries
from tikisync.pipeline.apply import Applier
from tikisync.pipeline.worker import Worker

NOW = 1_800_000_000
ITEM = """
[rule company]
handler = Shop
tracker = Companies
key = companyName
field.companyName = body.name
"""
TAGGED = """
[rule contact]
handler = Shop
tracker = Contacts
field.contactName = body.name
field.contactTags = body.tags
"""
CONTACT = "[rule contact]\nhandler = Shop\ncontact.email = body.email\ncontact.firstName = body.name\n"


def processed(database: TikiDatabase, tmp_path: Path, rules: str, body: Any) -> tuple[str, str, str]:
    """Let a worker apply a body; return the delivery's status, its reason and the last attempt's error."""
    with database.transaction() as tx:
        deliveries.add(tx, [arrival(handler="Shop", user="hook", body=json.dumps(body).encode())])
        number = tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries")
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {database.shown}\n{rules}")
    applier = Applier(database, configuration.load(path), {}, lambda: NOW)
    Worker(database, applier, "test", WorkerSettings(), lambda: NOW, lambda: 0.5).run_once()
    with database.transaction() as tx:
        delivery = deliveries.get(tx, number)
        assert delivery is not None
        return delivery.status, delivery.reason, attempts.of(tx, number)[-1].error


def convert(database: TikiDatabase, charset: str, *names: str) -> None:
    with database.admin.transaction() as tx:
        for name in names:
            tx.run(f"ALTER TABLE {name} CONVERT TO CHARACTER SET {charset}")


def texts(database: TikiDatabase, sql: str) -> list[str]:
    with database.admin.transaction() as tx:
        return [str(next(iter(row.values()))) for row in tx.all(sql)]


def stored(database: TikiDatabase, field: str) -> list[str]:
    return texts(
        database,
        "SELECT v.value FROM tiki_tracker_item_fields v JOIN tiki_tracker_fields f ON f.fieldId = v.fieldId "
        f"WHERE f.permName = '{field}' ORDER BY v.itemId",
    )


@pytest.fixture(params=["utf8mb3", "latin1"])
def charset(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_a_space_stands_for_what_an_old_column_cannot_hold_and_a_repeat_finds_it(
    tiki: TikiDatabase, tmp_path: Path, charset: str
) -> None:
    convert(tiki, charset, "tiki_tracker_item_fields", "tiki_tracker_item_field_logs")

    done = processed(tiki, tmp_path, ITEM, {"name": "Café 🐙 Ltd"})
    again = processed(tiki, tmp_path, ITEM, {"name": "Café 🐙 Ltd"})

    assert (done[0], again[1]) == ("done", "unchanged")
    assert stored(tiki, "companyName") == ["Café   Ltd"]


def test_only_old_columns_lose_characters(tiki: TikiDatabase, tmp_path: Path) -> None:
    convert(tiki, "utf8mb3", "tiki_freetags", "tiki_objects", "tiki_actionlog")

    assert processed(tiki, tmp_path, TAGGED, {"name": "Ada 🐙", "tags": ["x🐙y"]})[0] == "done"

    assert stored(tiki, "contactName") == ["Ada 🐙"]
    assert texts(tiki, "SELECT name FROM tiki_objects WHERE type = 'trackeritem'") == ["Ada  "]
    assert texts(tiki, "SELECT raw_tag FROM tiki_freetags WHERE raw_tag LIKE 'x%'") == ["x y"]


def test_contacts_in_old_columns_are_found_again(tiki: TikiDatabase, tmp_path: Path, charset: str) -> None:
    convert(tiki, charset, "tiki_webmail_contacts", "tiki_webmail_contacts_ext")

    done = processed(tiki, tmp_path, CONTACT, {"email": "ada@example.org", "name": "Ada 🐙!"})
    again = processed(tiki, tmp_path, CONTACT, {"email": "ada@example.org", "name": "Ada 🐙!"})

    assert (done[0], again[1]) == ("done", "unchanged")
    assert texts(tiki, "SELECT firstName FROM tiki_webmail_contacts") == ["Ada  !"]


def test_what_an_older_character_set_has_not_at_all_is_refused(tiki: TikiDatabase, tmp_path: Path) -> None:
    convert(tiki, "latin1", "tiki_tracker_item_fields")

    status, reason, error = processed(tiki, tmp_path, ITEM, {"name": "Łódź"})

    assert (status, reason) == ("failed", "value_refused")
    assert "value" in error
    assert "dź" not in error
    assert stored(tiki, "companyName") == []


@pytest.fixture
def lenient_tiki(tiki: TikiDatabase, server_admin: ServerAdmin) -> Iterator[TikiDatabase]:
    """The Tiki on a server that cuts what is too long and makes up what is missing."""
    mode = server_admin.run("SELECT @@GLOBAL.sql_mode AS mode")[0]["mode"]
    server_admin.run("SET GLOBAL sql_mode = ''")
    database = TikiDatabase(tiki.url, tiki.admin)
    yield database
    database.close()
    server_admin.run("SET GLOBAL sql_mode = %s", mode)


def test_a_lenient_server_does_not_cut_a_value_either(lenient_tiki: TikiDatabase, tmp_path: Path) -> None:
    with lenient_tiki.admin.transaction() as tx:
        tx.run("ALTER TABLE tiki_tracker_item_fields MODIFY value VARCHAR(20)")

    status, reason, error = processed(lenient_tiki, tmp_path, ITEM, {"name": "x" * 21})
    too_long = processed(lenient_tiki, tmp_path, ITEM, {"name": "x" * 65_536})

    assert (status, reason) == ("failed", "value_refused")
    assert "too long" in error
    assert "field companyName" in too_long[2]
    assert stored(lenient_tiki, "companyName") == []


def test_a_lenient_server_does_not_make_up_a_number(lenient_tiki: TikiDatabase) -> None:
    with pytest.raises(DataRefusedError), lenient_tiki.transaction() as tx:
        tx.insert("tiki_tracker_items", {"trackerId": "three"})
