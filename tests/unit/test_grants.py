"""The GRANT statements for tikisync's database user."""

from __future__ import annotations

import pytest

from tikisync.inbox import schema
from tikisync.tiki import grants

OWN = {"tikisync_deliveries": "SELECT, INSERT, UPDATE", "tikisync_schema": "SELECT"}


def test_running_takes_no_rights_to_change_tables() -> None:
    granted = " ".join(grants.running(schema.rights()).values())

    assert not {"CREATE", "ALTER", "INDEX", "DROP", "ALL"} & set(granted.replace(",", "").split())


def test_setting_up_touches_tikisyncs_own_tables_only() -> None:
    assert tuple(grants.setting_up(OWN)) == tuple(OWN)


def test_tikisyncs_own_tables_get_what_each_is_used_for() -> None:
    assert grants.running(OWN).items() >= OWN.items()


@pytest.mark.parametrize(
    ("table", "granted"),
    [
        ("users_users", "SELECT (userId, login, email, default_group)"),
        ("tiki_files", "SELECT (fileId, filetype)"),
        ("tiki_comments", "SELECT (object, objectType), DELETE"),
    ],
)
def test_of_what_is_nobodys_business_only_a_few_columns_are_read(table: str, granted: str) -> None:
    assert grants.running({})[table] == granted


def test_tables_that_cannot_roll_back_are_read_too() -> None:
    granted = grants.running({}, ["tiki_queue", "tiki_tracker_items"])

    assert granted["tiki_queue"] == "SELECT, INSERT"
    assert granted | {"tiki_queue": "INSERT"} == grants.running({})


def test_only_the_dashboard_reads_password_hashes_and_no_more_of_the_accounts_than_a_login_needs() -> None:
    assert grants.running({})["users_users"] == "SELECT (userId, login, email, default_group)"
    granted = grants.running({}, dashboard=True)["users_users"]
    assert granted == "SELECT (userId, login, email, default_group, hash, waiting, pass_confirm, twoFactorSecret)"


def test_a_statement_names_table_and_account() -> None:
    made = grants.statements("tiki", "tikisync", "localhost", {"tiki_queue": "INSERT"}, ())

    assert made == ["GRANT INSERT ON `tiki`.`tiki_queue` TO 'tikisync'@'localhost';"]


def test_names_that_contain_quotes_stay_names() -> None:
    made = grants.statements("a`b", "o'b\\", "%", {"tiki_queue": "INSERT"}, ())

    assert made == ["GRANT INSERT ON `a``b`.`tiki_queue` TO 'o''b\\\\'@'%';"]


def test_a_table_that_a_tiki_may_lack_is_left_to_be_chosen_where_it_is_not_seen() -> None:
    rights = {"tiki_comments": "DELETE", "tiki_user_watches": "DELETE"}
    seen, unseen = grants.statements("tiki", "t", "%", rights, {"tiki_comments"})

    assert seen == "GRANT DELETE ON `tiki`.`tiki_comments` TO 't'@'%';"
    assert unseen == "-- where this table is there: GRANT DELETE ON `tiki`.`tiki_user_watches` TO 't'@'%';"
