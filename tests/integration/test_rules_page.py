"""Rules on a Tiki page: with just the granted rights, followed while we run, refused where others may edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.databases import ServerAdmin, TikiDatabase
from tests.end_to_end.program import free_port
from tikisync import inspection
from tikisync.app import App, open_app
from tikisync.core.permission_levels import CATEGORY, Object, object_id
from tikisync.core.rules_page import PAGE
from tikisync.database import Database
from tikisync.errors import PassingError
from tikisync.pipeline import administer

NAME = "TikisyncRules"
RULE = """[rule {name}]
handler = Shop
tracker = Orders
key = orderId
field.orderId = body.id
field.orderTotal = '1 EUR'
"""
OWN = RULE.format(name="own")


def block(*names: str) -> str:
    return "! Rules\n{CODE()}\n" + "".join(RULE.format(name=name) for name in names) + "{CODE}\n"


def save(database: Database, text: str, user: str = "admin", **more: Any) -> None:
    """Save the page as Tiki does, and as the user who may do everything."""
    with database.transaction() as tx:
        row = tx.first("SELECT version FROM tiki_pages WHERE pageName = :name", name=NAME)
        version = int(row["version"]) + 1 if row else 1
        values = {"data": text, "version": version, "lastModif": 1700000000, "user": user, **more}
        if row:
            tx.update("tiki_pages", {"pageName": NAME}, values)
        else:
            tx.insert("tiki_pages", {"pageName": NAME, "pageSlug": NAME, "creator": "admin", **values})


@pytest.fixture(params=["server", "sqlite"])
def tiki_with_page(request: pytest.FixtureRequest) -> TikiDatabase:
    """A Tiki with the page, for a user who may read it as ``tikisync grants`` says."""
    found: TikiDatabase
    if request.param == "sqlite":
        found = request.getfixturevalue("sqlite_tiki")
    else:
        admin: ServerAdmin = request.getfixturevalue("server_admin")
        as_admin: Database = request.getfixturevalue("tiki_as_admin")
        found = TikiDatabase(admin.create_service_user(as_admin._url.render_as_string(hide_password=False)), as_admin)
        for statement in administer.grants(as_admin, str(found._url.username), "%", rules_page=True):
            if "tiki_pages" in statement:
                admin.run(statement)
        request.addfinalizer(found.close)
    save(found.admin, block("shop", "forge"))
    return found


@pytest.fixture
def config(tiki_with_page: TikiDatabase, tmp_path: Path) -> Path:
    file = tmp_path / "config.ini"
    file.write_text(f"[tiki]\nurl = {tiki_with_page.url}\n[rules]\npage = {NAME}\n{OWN}")
    return file


@pytest.fixture
def app(config: Path) -> App:
    return open_app(config)


def names(app: App) -> list[str]:
    return [rule.name for rule in app.applier.config.rules]


def told(app: App) -> list[str]:
    """Return what check says of the page."""
    return [f"{each.where}: {each.message}" for each in inspection.check(app) if each.where.startswith("Tiki page")]


def test_the_rules_of_the_file_and_those_of_the_page_hold_together(app: App) -> None:
    assert names(app) == ["own", "shop", "forge"]
    assert told(app) == []
    assert inspection.preview(app, "forge", b'{"id": 1}', {}).written


def test_an_edit_counts_at_the_next_look_and_only_an_edit_is_read(app: App, tiki_with_page: TikiDatabase) -> None:
    before = app.applier.fingerprint()
    app.refresh()
    assert app.applier.fingerprint() == before

    save(tiki_with_page.admin, block("shop"))
    app.refresh()

    assert names(app) == ["own", "shop"]
    assert app.applier.fingerprint() != before


def test_a_broken_edit_keeps_the_last_good_rules_and_is_told_with_line_and_version(
    app: App, tiki_with_page: TikiDatabase
) -> None:
    save(tiki_with_page.admin, block("shop") + "{CODE()}\n[rule x]\nhandlr = Shop\n{CODE}")
    app.refresh()

    assert names(app) == ["own", "shop", "forge"]
    first = told(app)[0]
    assert first.startswith(f"Tiki page {NAME} (version 2): [rule x] handlr (line 12)")

    save(tiki_with_page.admin, block("shop"))
    app.refresh()
    assert (names(app), told(app)) == (["own", "shop"], [])


def test_names_may_not_be_given_twice_neither_on_the_page_nor_in_the_file(
    app: App, config: Path, tiki_with_page: TikiDatabase
) -> None:
    save(tiki_with_page.admin, block("own"))
    app.refresh()
    assert told(app) == [f"Tiki page {NAME} (version 2): the config file has these rules too: own"]
    assert names(app) == ["own", "shop", "forge"]

    config.write_text(config.read_text() + RULE.format(name="forge"))
    assert not app.reload()
    config.write_text(config.read_text().replace("[rule own]", "[rule mine]").replace("[rule forge]", "[rule new]"))
    assert app.reload()
    assert names(app) == ["mine", "new", "shop", "forge"]


def test_nothing_is_applied_before_the_page_could_be_read_once(config: Path, tiki_with_page: TikiDatabase) -> None:
    save(tiki_with_page.admin, "[rule x]\nhandlr = Shop\n")
    app = open_app(config)

    with pytest.raises(PassingError, match="the rules on Tiki's page TikisyncRules cannot be used"):
        app.worker().run_once()

    save(tiki_with_page.admin, block("shop"))
    app.refresh()
    assert app.worker().run_once() == 0


def test_nothing_is_applied_where_the_database_is_away_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text(f"[tiki]\nurl = mysql+pymysql://u:p@127.0.0.1:{free_port()}/t\n[rules]\npage = {NAME}\n")

    app = open_app(file)

    assert "could not be read yet" in app.applier.config.rules_lack
    with pytest.raises(PassingError):
        app.refresh()


def test_a_page_that_is_not_there_is_said(config: Path) -> None:
    config.write_text(config.read_text().replace(NAME, "NoSuchPage"))

    assert told(open_app(config)) == ["Tiki page NoSuchPage: Tiki has no wiki page of this name"]


def test_a_page_that_may_not_be_read_says_what_to_grant(tiki: TikiDatabase, tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text(f"[tiki]\nurl = {tiki.url}\n[rules]\npage = {NAME}\n")
    app = open_app(file)

    [finding] = [each for each in inspection.check(app) if each.where.startswith("Tiki page")]

    assert "tikisync grants" in finding.hint
    assert "tiki_pages`" in " ".join(inspection.grants(app, "x", "localhost"))
    assert "data, version" in " ".join(inspection.grants(app, "x", "localhost"))


def grant(database: Database, group: str, permission: str, of: Object | None = None) -> None:
    with database.transaction() as tx:
        if of is None:
            tx.insert("users_grouppermissions", {"groupName": group, "permName": permission, "value": ""})
        else:
            row = {"groupName": group, "permName": permission, "objectType": of[0], "objectId": object_id(of)}
            tx.insert("users_objectpermissions", row)


def refused(app: App, tiki: TikiDatabase) -> str:
    """Return why an edit of the page is not taken over; '' where it is."""
    save(tiki.admin, block("edited"))
    app.refresh()
    found = told(app)
    assert ("edited" in names(app)) is not bool(found)
    return " ".join(found)


def test_a_page_that_others_may_edit_is_refused_by_the_level_that_decides(
    app: App, tiki_with_page: TikiDatabase
) -> None:
    grant(tiki_with_page.admin, "Staff", "tiki_p_edit")
    assert "Staff (tiki_p_edit), by the global permissions" in refused(app, tiki_with_page)

    grant(tiki_with_page.admin, "Admins", "tiki_p_view", (PAGE, NAME))
    assert refused(app, tiki_with_page) == ""

    grant(tiki_with_page.admin, "Readers", "tiki_p_rename", (PAGE, NAME))
    assert "Readers (tiki_p_rename), by the permissions of wiki page TikisyncRules" in " ".join(told(app))


def test_the_permissions_of_the_pages_categories_count(app: App, tiki_with_page: TikiDatabase) -> None:
    with tiki_with_page.admin.transaction() as tx:
        number = 4242
        tx.insert("tiki_objects", {"objectId": number, "type": PAGE, "itemId": NAME.lower(), "name": NAME})
        tx.insert("tiki_category_objects", {"catObjectId": number, "categId": 2})
    grant(tiki_with_page.admin, "Staff", "tiki_p_edit", (CATEGORY, 2))

    assert "Staff (tiki_p_edit), by the permissions of the categories" in refused(app, tiki_with_page)


def test_a_page_saved_by_somebody_else_is_refused_even_where_only_admins_may_edit_now(
    app: App, tiki_with_page: TikiDatabase
) -> None:
    save(tiki_with_page.admin, block("sneaky"), user="hook")
    app.refresh()

    assert names(app) == ["own", "shop", "forge"]
    assert told(app) == [f"Tiki page {NAME} (version 2): it was saved last by hook, who is no administrator"]


def test_the_creator_and_the_user_of_a_page_may_be_more_than_readers(app: App, tiki_with_page: TikiDatabase) -> None:
    with tiki_with_page.admin.transaction() as tx:
        for name, value in (("wiki_creator_admin", "y"), ("feature_wiki_userpage", "y"),
                            ("feature_wiki_userpage_prefix", "tikisync")):  # fmt: skip
            tx.insert("tiki_preferences", {"name": name, "value": value})
    save(tiki_with_page.admin, block("edited"), creator="hook")

    found = " ".join(told(app))

    assert "its creator, hook, may change it" in found
    assert "a user's own page (Tikisync…)" in found
