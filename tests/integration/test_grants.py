"""A database user with just the printed rights does all there is to do, and could not do with less."""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests import golden
from tests.databases import ServerAdmin, TikiDatabase
from tests.integration.test_receive import handler, received, request
from tests.statements import watched
from tikisync import config as configuration
from tikisync.config import WorkerSettings
from tikisync.core.changes import DELETE, WRITE, ItemChange
from tikisync.core.contacts import ContactChange
from tikisync.core.questions import ArticleExists
from tikisync.core.trackers import Json
from tikisync.database import Database
from tikisync.database.sessions import Session, Statement
from tikisync.errors import SetupError
from tikisync.inbox import deliveries, schema
from tikisync.pipeline import administer, overview
from tikisync.pipeline.apply import Applier
from tikisync.pipeline.change import carry_out
from tikisync.pipeline.check import check
from tikisync.pipeline.retention import Retention
from tikisync.pipeline.steps import Task
from tikisync.pipeline.worker import Worker
from tikisync.tiki import answers, attributes, grants, preferences, users
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.items import Situation

NOW = 1_800_000_042
RECORDED = (
    *("contact-full", "contact-partial", "invoice-b", "relation-remove", "category-remove-one", "tags-remove"),
    *("location-ordinary", "location-empty", "files-limit", "area-wikilink", "area-empty", "page-missing"),
    *("link-single", "status-close", "order-delete", "contact-delete"),
)
OPTIONAL = """
CREATE TABLE tiki_articles (articleId INT PRIMARY KEY, body TEXT);
CREATE TABLE tiki_user_votings (id VARCHAR(255), ip VARCHAR(39));
CREATE TABLE tiki_translated_objects (traId INT, type VARCHAR(50), objId VARCHAR(255), lang VARCHAR(16))
"""
RULES = """
[rule order]
handler = Forge
tracker = Orders
key = orderId
version = body.id
field.orderId = body.id
field.orderTotal = {amount: body.id, currency: 'EUR'}
"""

# What no statement here shows.
UNSEEN = {
    ("tikisync_locks", "SELECT"): "turn = turn + 1 reads the column that it changes",
    ("tikisync_journal", "INSERT"): "for tables that cannot roll back, which have tests of their own",
}


FORBIDDEN = [
    "SELECT hash FROM users_users",
    "SELECT data FROM tiki_files",
    "SELECT data FROM tiki_comments",
    "SELECT * FROM tiki_actionlog",
    "UPDATE users_users SET email = ''",
    "INSERT INTO users_usergroups (userId, groupName) VALUES (2, 'Admins')",
    "INSERT INTO users_grouppermissions (groupName, permName) VALUES ('Sync', 'tiki_p_admin')",
    "UPDATE tiki_preferences SET value = 'y'",
    "UPDATE tiki_webhooks SET secret = ''",
    "DELETE FROM tikisync_deliveries",
    "CREATE TABLE tikisync_more (id INT)",
    "DROP TABLE tiki_queue",
]


def test_the_printed_rights_allow_nothing_else(tiki: TikiDatabase) -> None:
    for statement in FORBIDDEN:
        with pytest.raises(SetupError, match="refuses the user"), tiki.transaction() as tx:
            tx.run(statement)


@pytest.fixture
def used(tiki: TikiDatabase, server_admin: ServerAdmin) -> Iterator[dict[str, set[str]]]:
    """Collects the rights that statements take, by table, while the site has even the tables that many lack."""
    alter = [statement for statement in OPTIONAL.split(";") if statement.strip()]
    with tiki.admin.transaction() as tx:
        for statement in alter:
            tx.run(statement)
    for statement in administer.grants(tiki.admin, str(make_url(tiki.url).username), "%"):
        server_admin.run(statement)
    found: defaultdict[str, set[str]] = defaultdict(set)

    def collect(_session: Session, sent: Sequence[Statement]) -> None:
        for each in sent:
            for table, rights in rights_of(each.text):
                found[table] |= rights

    with watched(tiki, collect):
        yield found


def rights_of(statement: str) -> Iterator[tuple[str, set[str]]]:
    """Yield table and rights that a statement takes."""
    for table in re.findall(r"(?:FROM|JOIN) `?((?:tiki|users|tikisync)_\w+)", statement):
        yield table, {"SELECT"} | ({"DELETE"} if statement.startswith("DELETE") else set())
    for verb, table in re.findall(r"^(INSERT|UPDATE)(?: IGNORE)?(?: INTO)? `?((?:tiki|users|tikisync)_\w+)", statement):
        yield table, {verb} | ({"SELECT"} if verb == "UPDATE" else set())
        if "ON DUPLICATE KEY UPDATE" in statement:
            yield table, {"UPDATE"}


def test_every_printed_right_is_needed(tiki: TikiDatabase, used: dict[str, set[str]], tmp_path: Path) -> None:
    for name in RECORDED:
        perform(tiki, golden.case(name))
    sectors: list[Json] = [[7], []]
    for each in sectors:
        write(tiki, ItemChange("r", "Companies", item_id=1, fields={"companySector": each}))
    write_contacts(tiki)
    with tiki.transaction() as tx:
        answers.answer(tx, [ArticleExists(1)])
        attributes.set_language(tx, 5, "fr")
    serve(tiki, tmp_path)

    granted = {table: rights_granted(rights) for table, rights in grants.running(schema.rights()).items()}
    missing = {table: rights - granted[table] for table, rights in used.items() if rights - granted[table]}
    superfluous = {(table, right) for table, rights in granted.items() for right in rights - used.get(table, set())}
    assert missing == {}
    assert superfluous == UNSEEN.keys()


def rights_granted(text: str) -> set[str]:
    return set(re.sub(r" \(.*?\)", "", text).split(", "))


def perform(site: TikiDatabase, case: golden.Case) -> None:
    """Do what a recorded case did."""
    with site.admin.transaction() as tx:
        golden.place(tx, case)
    fields = {name: value for name, value in (case.get("fields") or {}).items() if value is not None}
    change = ItemChange(
        "r",
        str(case["tracker"]),
        item_id=None if case["op"] == "create" else case["itemId"],
        fields=fields,
        status=case["status"],
        trust={"contactNotes": "wiki"} if "contactNotes" in fields else {},
        action=DELETE if case["op"] == "delete" else WRITE,
    )
    write(site, change, case["user"])


def write(site: TikiDatabase, change: ItemChange | ContactChange, login: str = "hook") -> None:
    with site.transaction() as tx:
        user = users.find(tx, login)
        assert user is not None
        carry_out(tx, Task(change, user, Situation(Actor(login), NOW, preferences.load(tx, {}))))


def write_contacts(site: TikiDatabase) -> None:
    for change in (
        ContactChange("crm", "a@example.org", extra={"City": "Paris"}, groups=("Sync",)),
        ContactChange("crm", "a@example.org", last_name="X", extra={"City": "Rome"}, groups=()),
        ContactChange("crm", "a@example.org", extra={"City": ""}),
    ):
        write(site, change)


def serve(site: TikiDatabase, tmp_path: Path) -> None:
    """Check, receive a delivery twice and another one, and apply them."""
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {site.url}\n{RULES}")
    config = configuration.load(path)
    check(site, config, {})
    forge = handler(site)
    received(site, *(request(forge, json.dumps({"id": number}).encode()) for number in (1, 1, 2)))
    applier = Applier(site, config, {}, lambda: NOW)
    assert Worker(site, applier, "test", WorkerSettings(), lambda: NOW, lambda: 0.5).run_once() == 2
    assert len(overview.overview(site, {}).times_to_done) == 2
    assert administer.delivery(site, 1)[1]
    assert sum(step.met for step in Retention(site, lambda: 0, lambda: NOW).steps(0, threading.Event())) == 2


def test_the_rights_for_set_up_are_enough_for_that(
    fresh_database: Callable[[], str], server_admin: ServerAdmin
) -> None:
    url = fresh_database()
    user = server_admin.create_user(url)
    admin, database = Database(url), Database(user)
    for statement in administer.grants(admin, str(make_url(user).username), "%", setup=True):
        server_admin.run(statement)

    assert list(administer.set_up(database))
    assert list(administer.set_up(database)) == []
    with pytest.raises(SetupError, match="refuses the user"), database.transaction() as tx:
        deliveries.listing(tx)
        tx.run("DELETE FROM tikisync_deliveries")
    admin.close()
    database.close()
