"""The dashboard's session as a signed text for a cookie: nothing of it is kept on the server."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass

LIFETIME = 8 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in: the login as Tiki stores it, since when (UNIX seconds), and which password counted then."""

    login: str
    since: int
    fingerprint: str


def seal(session: Session, key: bytes) -> str:
    """Return the session as text that only the holder of the key can make."""
    told = json.dumps([session.login, session.since, session.fingerprint]).encode()
    return f"{_text(told)}.{_text(_signature(told, key))}"


def unseal(sealed: str, key: bytes, now: int) -> Session | None:
    """Return the session of a sealed text, None where it is forged, broken or older than LIFETIME."""
    body, _, signature = sealed.partition(".")
    try:
        told, given = _bytes(body), _bytes(signature)
    except ValueError:
        return None
    if not hmac.compare_digest(given, _signature(told, key)):
        return None
    session = Session(*json.loads(told))
    return session if session.since <= now < session.since + LIFETIME else None


def _signature(told: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"tikisync session\n" + told, "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
