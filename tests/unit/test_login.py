"""Who may open the dashboard, judged without a database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tikisync.core.login import Account, Denied, Terms, code_matches, judge, standing

NOW = 1_800_000_000
DAY = 86_400
# password_hash('pässword', PASSWORD_DEFAULT) of PHP 8.2
PLAIN = Terms()
ADMIN = Account(
    login="admin",
    email="admin@example.org",
    hash="$2y$10$hbM5q7SJ/PZdN.C6xetToe.b99j7gINoDKFMqtJaA5gjnF3b3IWeC",
    waiting="",
    pass_confirm=NOW - 10 * DAY,
    totp_secret="",
    is_admin=True,
)
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of RFC 6238, appendix B


def verdict(*accounts: Account, password: str = "pässword", code: str = "", terms: Terms = PLAIN) -> Account | str:
    judged = judge(accounts, password, code, terms, NOW)
    return judged.reason if isinstance(judged, Denied) else judged


def test_an_administrator_with_the_right_password_comes_in() -> None:
    assert verdict(ADMIN) == ADMIN


def test_a_wrong_password_is_refused_with_words_that_tell_a_stranger_nothing() -> None:
    wrong, unknown = judge([ADMIN], "x", "", Terms(), NOW), judge([], "x", "", Terms(), NOW)
    assert isinstance(wrong, Denied)
    assert isinstance(unknown, Denied)
    assert (wrong.reason, unknown.reason) == ("password", "unknown")
    assert wrong.told == unknown.told


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"waiting": "a"}, "waiting"),
        ({"waiting": "u"}, "waiting"),
        ({"is_admin": False}, "no_admin"),
        ({"pass_confirm": 0}, "password_due"),
        ({"hash": ""}, "hash_unknown"),
        ({"hash": "$5$rounds=5000$salt$x"}, "hash_unknown"),
    ],
)
def test_an_account_that_tiki_would_not_let_in_as_it_is_is_refused(changes: dict[str, object], reason: str) -> None:
    assert verdict(replace(ADMIN, **changes)) == reason  # type: ignore[arg-type]


def test_the_well_known_first_password_opens_nothing_before_it_is_changed() -> None:
    shipped = replace(ADMIN, hash="f6fdffe48c908deb0f4c3bd36c032e72", pass_confirm=0)  # md5 of adminadmin
    assert verdict(shipped, password="admin") == "password_due"


def test_of_two_accounts_that_a_text_could_mean_neither_comes_in() -> None:
    assert verdict(ADMIN, replace(ADMIN, login="Admin")) == "ambiguous"


@pytest.mark.parametrize(
    ("terms", "login", "reason"),
    [
        (Terms(auth_method="ldap"), "admin", "auth_method"),
        (Terms(auth_method="ldap", local_passwords=True), "admin", ""),
        (Terms(is_intertiki_slave=True), "admin", ""),
        (Terms(is_intertiki_slave=True), "boss", "intertiki"),
        (Terms(pass_due=10), "admin", ""),
        (Terms(pass_due=9), "admin", "password_due"),
        (Terms(pass_due=9, changes_passwords=False), "admin", ""),
        (Terms(pass_due=9, auth_method="cas", local_passwords=True), "admin", ""),
    ],
)
def test_the_sites_preferences_decide_as_they_do_in_tiki(terms: Terms, login: str, reason: str) -> None:
    assert standing(replace(ADMIN, login=login), terms, NOW) == reason


def test_a_second_factor_is_asked_for_where_the_site_and_the_account_have_one() -> None:
    account, terms = replace(ADMIN, totp_secret=RFC_SECRET), Terms(two_factor=True)
    assert verdict(account, terms=terms) == "code"
    assert verdict(account, code="123456", terms=terms) == "code"
    assert verdict(account, terms=Terms()) == account
    assert verdict(ADMIN, terms=terms) == ADMIN


@pytest.mark.parametrize(("moment", "code"), [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")])
def test_codes_are_those_of_the_rfc(moment: int, code: str) -> None:
    assert code_matches(RFC_SECRET, code, moment)
    assert code_matches(RFC_SECRET.lower(), f"{code[:3]} {code[3:]}", moment + 60)
    assert not code_matches(RFC_SECRET, code, moment + 90)
    assert not code_matches(RFC_SECRET, "", moment)


def test_a_secret_that_is_none_matches_no_code() -> None:
    assert not code_matches("not base32!", "000000", NOW)


def test_another_password_is_another_fingerprint_and_secrets_stay_out_of_the_repr() -> None:
    assert replace(ADMIN, hash="x").fingerprint(b"key") != ADMIN.fingerprint(b"key") != ADMIN.fingerprint(b"other")
    assert ADMIN.hash not in repr(ADMIN)
    assert RFC_SECRET not in repr(replace(ADMIN, totp_secret=RFC_SECRET))
