"""Who may open the dashboard: an account of this Tiki, judged as Tiki's own login would (lib/userslib.php, Tiki 24.4).

Stricter in three things: an account that waits for its confirmation is refused whatever it presents, a password that
is due for a change is refused instead of led to the form that changes it, and only Tiki's administrators are let in.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from tikisync.core import passwords

_DAY = 86_400
_STEP = 30  # seconds a code is good for (RFC 6238, 5.2)
_WINDOW = 2  # steps that a clock may be off, either way, as in Tiki
_GENERIC = "Login or password is wrong, or this account may not open the dashboard. The service's log says which."


@dataclass(frozen=True, slots=True)
class Account:
    """A Tiki account with what its login depends on; ``repr`` hides the secrets."""

    login: str  # as stored
    email: str
    hash: str = field(repr=False)
    waiting: str  # '' active; u: address not confirmed; a: waits for an admin, or suspended
    pass_confirm: int  # UNIX seconds of the last change of the password; 0: it must be changed
    totp_secret: str = field(repr=False)
    is_admin: bool  # a group that has not expired holds tiki_p_admin

    def fingerprint(self, key: bytes) -> str:
        """Return what changes with the password, so that a session ends with it, and tells nothing without the key."""
        return hmac.digest(key, f"{self.login}\n{self.hash}".encode(), "sha256").hex()[:32]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the site's preferences say of logins; ``local_passwords``: the config insists on Tiki's own passwords."""

    auth_method: str = "tiki"
    local_passwords: bool = False
    is_intertiki_slave: bool = False  # then only admin has a password here
    two_factor: bool = False
    changes_passwords: bool = True  # preference change_password
    pass_due: int = -1  # days a password is good for; below 0: for ever


@dataclass(frozen=True, slots=True)
class Denied:
    """Nobody is let in: ``reason`` for the log, ``told`` for the person."""

    reason: str
    told: str = _GENERIC


def judge(accounts: Sequence[Account], password: str, code: str, terms: Terms, now: int) -> Account | Denied:
    """Return the account that may come in, or why none may; ``now`` in UNIX seconds, ``code`` of an authenticator.

    It takes the same time whether or not there is such an account. What only the account's owner should know is told
    once the password was right.
    """
    account = accounts[0] if len(accounts) == 1 else None
    known = (account.hash, account.login, account.email) if account else ("", "", "")
    if not passwords.matches(*known, password) or account is None:
        return Denied(_why_no_match(accounts))
    if reason := standing(account, terms, now):
        return Denied(reason, _TOLD.get(reason, _GENERIC))
    if terms.two_factor and account.totp_secret and not code_matches(account.totp_secret, code, now):
        return Denied("code", "Give the code that your authenticator app shows now.")
    return account


def standing(account: Account, terms: Terms, now: int) -> str:
    """Return why an account may not, or may no longer, use the dashboard, whatever it presents; '' where it may."""
    if terms.auth_method != "tiki" and not terms.local_passwords:
        return "auth_method"
    if terms.is_intertiki_slave and account.login != "admin":
        return "intertiki"
    if account.waiting:
        return "waiting"
    if not account.is_admin:
        return "no_admin"
    if _is_due(account, terms, now):
        return "password_due"
    return ""


def code_matches(secret: str, code: str, now: int) -> bool:
    """Tell whether a code of six digits is that of a base32 secret at this time, two steps of 30 s aside (RFC 6238)."""
    digits = code.replace(" ", "")
    try:
        key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    except ValueError:
        return False
    steps = range(max(0, now // _STEP - _WINDOW), now // _STEP + _WINDOW + 1)
    return any(hmac.compare_digest(_code(key, step).encode(), digits.encode()) for step in steps)


def _code(key: bytes, step: int) -> str:
    """Return the code of a step (RFC 4226, 5.3)."""
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def _is_due(account: Account, terms: Terms, now: int) -> bool:
    if not terms.changes_passwords or terms.auth_method in ("cas", "ldap"):
        return False
    return not account.pass_confirm or (terms.pass_due >= 0 and account.pass_confirm < now - terms.pass_due * _DAY)


def _why_no_match(accounts: Sequence[Account]) -> str:
    if len(accounts) > 1:
        return "ambiguous"
    if not accounts:
        return "unknown"
    return "password" if passwords.is_known(accounts[0].hash) else "hash_unknown"


_TOLD = {
    "password_due": "Your password is due for a change: log in to Tiki, change it there, then come back.",
    "no_admin": "Only Tiki's administrators (permission tiki_p_admin) may open the dashboard.",
    "auth_method": "This Tiki does not check passwords itself; see local_passwords in tikisync's configuration.",
}
