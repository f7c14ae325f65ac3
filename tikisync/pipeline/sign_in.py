"""Let Tiki's administrators into the dashboard: read the account, judge it, and look again at every request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock

from tikisync.core import login as deciding
from tikisync.core.login import Account, Denied
from tikisync.core.login_limit import LoginLimit
from tikisync.core.sessions import Session, unseal
from tikisync.database import Database
from tikisync.logs import event
from tikisync.tiki import accounts, preferences

log = logging.getLogger(__name__)

_AT_ONCE = 2  # passwords that are checked at a time: each takes a core for a while, by design of bcrypt


@dataclass(slots=True)
class SignIn:
    """Signs people in; nothing of Tiki's is written, so its own count of failed logins stays as it is."""

    database: Database
    forced: Mapping[str, str]  # preferences that Tiki's system configuration forces
    clock: Callable[[], float]  # UNIX seconds, UTC
    key: bytes = field(repr=False)  # that sessions are signed with
    local_passwords: bool = False
    _limit: LoginLimit = field(default_factory=LoginLimit)
    _counting: Lock = field(default_factory=Lock)
    _checking: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_AT_ONCE))

    def sign_in(self, login: str, password: str, code: str, address: str) -> Session | Denied:
        """Return a session, or why there is none; raise PassingError or SetupError where the database is away."""
        now = self.clock()
        with self._counting:
            seconds = self._limit.wait(login, address, now)
            if not seconds:
                self._limit.count(login, address, now)
        if seconds:
            return self._denied(Denied("too_many", f"Too many tries. Wait {seconds // 60 + 1} min."), address)
        with self.database.transaction() as tx:
            tiki = preferences.load(tx, self.forced)
            found = accounts.matching(tx, login, int(now), by_email=tiki.is_on("login_allow_email"))
            terms = accounts.terms(tiki, local_passwords=self.local_passwords)
        with self._checking:
            verdict = deciding.judge(found, password, code, terms, int(now))
        if isinstance(verdict, Denied):
            return self._denied(verdict, address)
        self._limit.succeeded(login, address)
        event(log, logging.INFO, "dashboard.login", user=verdict.login, client_ip=address)
        return Session(verdict.login, int(now), verdict.fingerprint(self.key))

    def session(self, sealed: str) -> Session | None:
        """Return the session of a cookie while its account may look in: same password, active, an administrator."""
        now = int(self.clock())
        session = unseal(sealed, self.key, now)
        return session if session and self._still_holds(session, now) else None

    def _still_holds(self, session: Session, now: int) -> bool:
        with self.database.transaction() as tx:
            account = accounts.named(tx, session.login, now)
            terms = accounts.terms(preferences.load(tx, self.forced), local_passwords=self.local_passwords)
        return isinstance(account, Account) and (
            account.fingerprint(self.key) == session.fingerprint and not deciding.standing(account, terms, now)
        )

    def _denied(self, denied: Denied, address: str) -> Denied:
        event(log, logging.WARNING, "dashboard.login_refused", reason=denied.reason, client_ip=address)
        return denied
