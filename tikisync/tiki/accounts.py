"""Tiki's accounts as a login needs them: found as Tiki finds them, without groups that have expired (Tiki 24.4)."""

from __future__ import annotations

from collections.abc import Sequence

from tikisync.core.login import Account, Terms
from tikisync.database import Row, Transaction
from tikisync.tiki.preferences import Preferences
from tikisync.tiki.users import with_included

_DAY = 86_400


def matching(tx: Transaction, login: str, now: int, *, by_email: bool) -> list[Account]:
    """Return the accounts that Tiki's login form would take a text for, in any case; ``now`` in UNIX seconds.

    ``by_email``: where no login is such, those with this address (preference login_allow_email).
    """
    login = login.replace("\0", "")
    rows = _rows(tx, "UPPER(login) = UPPER(:given)", login)
    if not rows and by_email and login:
        rows = _rows(tx, "UPPER(email) = UPPER(:given)", login)
    return [_account(tx, row, now) for row in rows]


def named(tx: Transaction, login: str, now: int) -> Account | None:
    """Return the account with exactly this login."""
    row = next((row for row in _rows(tx, "login = :given", login) if row["login"] == login), None)
    return _account(tx, row, now) if row else None


def terms(preferences: Preferences, *, local_passwords: bool) -> Terms:
    """Return what the preferences say of logins."""
    return Terms(
        auth_method=preferences["auth_method"],
        local_passwords=local_passwords,
        is_intertiki_slave=preferences.is_on("feature_intertiki") and bool(preferences["feature_intertiki_mymaster"]),
        two_factor=preferences.is_on("twoFactorAuth"),
        changes_passwords=preferences.is_on("change_password"),
        pass_due=_whole(preferences["pass_due"]),
    )


def _rows(tx: Transaction, condition: str, given: str) -> Sequence[Row]:
    columns = "userId, login, email, hash, waiting, pass_confirm, twoFactorSecret"
    return tx.all(f"SELECT {columns} FROM users_users WHERE {condition}", given=given)  # noqa: S608  names of ours, values bound


def _account(tx: Transaction, row: Row, now: int) -> Account:
    return Account(
        login=str(row["login"]),
        email=str(row["email"] or ""),
        hash=str(row["hash"] or ""),
        waiting=str(row["waiting"] or ""),
        pass_confirm=int(row["pass_confirm"] or 0),
        totp_secret=str(row["twoFactorSecret"] or ""),
        is_admin=_is_admin(tx, int(row["userId"]), now),
    )


def _is_admin(tx: Transaction, user_id: int, now: int) -> bool:
    rows = tx.all(
        "SELECT m.groupName, m.created, m.expire, g.expireAfter, g.anniversary FROM users_usergroups m "
        "LEFT JOIN users_groups g ON g.groupName = m.groupName WHERE m.userId = :user",
        user=user_id,
    )
    groups = with_included(tx, [str(row["groupName"]) for row in rows if not _has_expired(row, now)])
    if not groups:
        return False
    sql = "SELECT groupName FROM users_grouppermissions WHERE permName = 'tiki_p_admin' AND groupName IN :groups"
    return any(row["groupName"] in groups for row in tx.all(sql, groups=groups))


def _has_expired(row: Row, now: int) -> bool:
    """Tell whether Tiki would end a membership at its next login (userslib update_expired_groups)."""
    days, expire = row["expireAfter"], row["expire"]
    if expire is None:
        return bool(days and days > 0 and (row["created"] or 0) + days * _DAY < now)
    return bool(expire < now and (days is not None or row["anniversary"]))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return -1
