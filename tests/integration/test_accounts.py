"""Accounts for the dashboard's login, read from a Tiki's tables; on the server and in SQLite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bcrypt
import pytest
from sqlalchemy.engine import make_url

from tests.databases import ServerAdmin
from tikisync.core.login import Denied
from tikisync.core.sessions import Session, seal
from tikisync.database import Database
from tikisync.pipeline import administer
from tikisync.pipeline.sign_in import SignIn
from tikisync.tiki import accounts, preferences

NOW = 1_800_000_000
DAY = 86_400
KEY = b"k" * 32
PASSWORD = "a good one"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture(params=["server", "sqlite"])
def site(request: pytest.FixtureRequest) -> Database:
    """A Tiki with one more administrator, Boss."""
    database: Database = request.getfixturevalue("tiki_as_admin" if request.param == "server" else "sqlite_tiki")
    with database.transaction() as tx:
        row = {"login": "Boss", "email": "boss@example.org", "hash": HASH, "pass_confirm": NOW - DAY}
        user_id = tx.insert("users_users", row)
        tx.insert("users_usergroups", {"userId": user_id, "groupName": "Admins", "created": NOW - 10 * DAY})
    return database


def change(database: Database, table: str, where: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    with database.transaction() as tx:
        assert tx.update_now(table, where, changes) == 1


def prefer(database: Database, name: str, value: str) -> None:
    with database.transaction() as tx:
        tx.upsert_many("tiki_preferences", [{"name": name, "value": value}], key=["name"])


def sign_in(database: Database, login: str = "Boss", password: str = PASSWORD) -> str:
    """Return the login that is let in, or ``-`` and the reason."""
    verdict = SignIn(database, {}, lambda: NOW, KEY).sign_in(login, password, "", "192.0.2.1")
    return f"-{verdict.reason}" if isinstance(verdict, Denied) else verdict.login


def test_an_administrator_comes_in_by_the_login_in_any_case_and_is_called_as_tiki_stores_it(site: Database) -> None:
    assert sign_in(site) == "Boss"
    assert sign_in(site, "bOSS\0") == "Boss"
    assert sign_in(site, password="another") == "-password"
    assert sign_in(site, "stranger") == "-unknown"
    assert sign_in(site, "") == "-unknown"


def test_an_address_is_a_login_only_where_the_site_says_so(site: Database) -> None:
    assert sign_in(site, "boss@example.org") == "-unknown"
    prefer(site, "login_allow_email", "y")
    assert sign_in(site, "BOSS@example.org") == "Boss"
    with site.transaction() as tx:
        tx.insert("users_users", {"login": "twin", "email": "boss@example.org", "hash": HASH, "pass_confirm": NOW})
    assert sign_in(site, "boss@example.org") == "-ambiguous"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"waiting": "a"}, "-waiting"), ({"pass_confirm": None}, "-password_due"), ({"hash": None}, "-hash_unknown")],
)
def test_an_account_that_is_not_in_order_is_refused(site: Database, changes: dict[str, Any], reason: str) -> None:
    change(site, "users_users", {"login": "Boss"}, changes)
    assert sign_in(site) == reason


def test_preferences_decide_and_forced_ones_stand_above_the_table(site: Database) -> None:
    prefer(site, "auth_method", "ldap")
    assert sign_in(site) == "-auth_method"
    forced = SignIn(site, {"auth_method": "tiki"}, lambda: NOW, KEY).sign_in("Boss", PASSWORD, "", "")
    assert isinstance(forced, Session)
    insisted = SignIn(site, {}, lambda: NOW, KEY, local_passwords=True).sign_in("Boss", PASSWORD, "", "")
    assert isinstance(insisted, Session)
    prefer(site, "auth_method", "tiki")
    prefer(site, "pass_due", "0")
    assert sign_in(site) == "-password_due"
    prefer(site, "pass_due", "soon")
    assert sign_in(site) == "Boss"


def test_an_ordinary_user_is_refused_and_one_whose_group_includes_an_administrators_is_not(site: Database) -> None:
    with site.transaction() as tx:
        tx.update("users_usergroups", {"groupName": "Admins", "created": NOW - 10 * DAY}, {"groupName": "Registered"})
    assert sign_in(site) == "-no_admin"
    with site.transaction() as tx:
        tx.insert("tiki_group_inclusion", {"groupName": "Registered", "includeGroup": "Admins"})
    assert sign_in(site) == "Boss"


@pytest.mark.parametrize(
    ("member", "group", "let_in"),
    [
        ({"expire": NOW - 1}, {"expireAfter": 0}, False),
        ({"expire": NOW - 1}, {"expireAfter": None, "anniversary": ""}, True),
        ({"expire": NOW - 1}, {"expireAfter": None, "anniversary": "0101"}, False),
        ({"expire": NOW}, {"expireAfter": 0}, True),
        ({"expire": None}, {"expireAfter": 9}, False),
        ({"expire": None}, {"expireAfter": 10}, True),
        ({"expire": None}, {"expireAfter": 0}, True),
    ],
)
def test_memberships_that_tiki_would_end_at_its_next_login_count_no_more(
    site: Database, member: dict[str, Any], group: dict[str, Any], let_in: bool
) -> None:
    change(site, "users_usergroups", {"groupName": "Admins", "created": NOW - 10 * DAY}, member)
    change(site, "users_groups", {"groupName": "Admins"}, group)
    assert sign_in(site) == ("Boss" if let_in else "-no_admin")


def test_a_user_in_no_group_is_no_administrator(site: Database) -> None:
    with site.transaction() as tx:
        tx.delete("users_usergroups", {"created": NOW - 10 * DAY})
    assert sign_in(site) == "-no_admin"


def test_too_many_tries_are_refused_unseen_and_the_owner_starts_anew(site: Database) -> None:
    now = [float(NOW)]
    signing_in = SignIn(site, {}, lambda: now[0], KEY)
    for _ in range(5):
        assert isinstance(signing_in.sign_in("boss", "wrong", "", "192.0.2.1"), Denied)
    refused = signing_in.sign_in("Boss", PASSWORD, "", "192.0.2.1")
    assert isinstance(refused, Denied)
    assert (refused.reason, refused.told) == ("too_many", "Too many tries. Wait 16 min.")
    assert isinstance(signing_in.sign_in("Boss", PASSWORD, "", "192.0.2.2"), Session)
    now[0] += 901
    assert isinstance(signing_in.sign_in("Boss", PASSWORD, "", "192.0.2.1"), Session)


def test_a_session_ends_with_the_password_the_rights_or_the_account(site: Database) -> None:
    signing_in = SignIn(site, {}, lambda: NOW, KEY)
    session = signing_in.sign_in("Boss", PASSWORD, "", "")
    assert isinstance(session, Session)
    cookie = seal(session, KEY)
    assert signing_in.session(cookie) == session
    assert SignIn(site, {}, lambda: NOW, b"x" * 32).session(cookie) is None
    for table, where, changes in (
        ("users_users", {"login": "Boss"}, {"waiting": "a"}),
        ("users_users", {"login": "Boss"}, {"waiting": None, "hash": "another"}),
        ("users_users", {"login": "Boss"}, {"hash": HASH, "login": "Chief"}),
    ):
        change(site, table, where, changes)
        assert signing_in.session(cookie) is None


def test_nothing_is_written_to_the_account(site: Database) -> None:
    with site.transaction() as tx:
        before = tx.all("SELECT * FROM users_users")
    sign_in(site)
    sign_in(site, password="wrong")
    with site.transaction() as tx:
        assert tx.all("SELECT * FROM users_users") == before


def test_the_rights_printed_for_a_dashboard_are_enough_to_log_in_and_no_others_are(
    tiki: Database, server_admin: ServerAdmin
) -> None:
    for dashboard in (True, False):
        url = make_url(server_admin.create_user(tiki.shown))
        for statement in administer.grants(tiki, str(url.username), "%", dashboard=dashboard):
            server_admin.run(statement)
        restricted = Database(url)
        with restricted.transaction() as tx:
            tiki_preferences = preferences.load(tx, {})
            assert accounts.terms(tiki_preferences, local_passwords=False).auth_method == "tiki"
        if dashboard:
            assert sign_in(restricted, "admin", "admin").startswith("-")
        else:
            with pytest.raises(Exception, match="refuses the user"):
                sign_in(restricted, "admin", "admin")
        restricted.close()
