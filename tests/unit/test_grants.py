"""The GRANT statements for tikisync's database user."""

from __future__ import annotations

from tikisync.tiki import grants

OWN = ("tikisync_deliveries", "tikisync_schema")


def test_running_takes_no_rights_to_change_tables() -> None:
    granted = " ".join(grants.running(OWN).values())

    assert not {"CREATE", "ALTER", "INDEX", "DROP", "ALL"} & set(granted.replace(",", "").split())


def test_setting_up_touches_tikisyncs_own_tables_only() -> None:
    assert tuple(grants.setting_up(OWN)) == OWN


def test_users_are_read_without_their_password_hashes() -> None:
    assert grants.RUNNING["users_users"] == "SELECT (userId, login, email, default_group)"


def test_only_the_dashboard_reads_password_hashes_and_no_more_of_the_accounts_than_a_login_needs() -> None:
    assert grants.running(OWN)["users_users"] == grants.RUNNING["users_users"]
    granted = grants.running(OWN, dashboard=True)["users_users"]
    assert granted == "SELECT (userId, login, email, default_group, hash, waiting, pass_confirm, twoFactorSecret)"


def test_a_statement_names_table_and_account() -> None:
    made = grants.statements("tiki", "tikisync", "localhost", {"tiki_queue": "INSERT"}, {"tiki_queue"})

    assert made == ["GRANT INSERT ON `tiki`.`tiki_queue` TO 'tikisync'@'localhost';"]


def test_names_that_contain_quotes_stay_names() -> None:
    made = grants.statements("a`b", "o'b\\", "%", {"tiki_queue": "INSERT"}, {"tiki_queue"})

    assert made == ["GRANT INSERT ON `a``b`.`tiki_queue` TO 'o''b\\\\'@'%';"]


def test_tables_this_tiki_does_not_have_are_left_out_and_those_to_be_made_are_not() -> None:
    privileges = {**grants.running(()), **grants.setting_up(OWN)}
    made = grants.statements("tiki", "tikisync", "%", privileges, {"tiki_queue"})

    assert [statement.split("`")[3] for statement in made] == ["tiki_queue", *OWN]
