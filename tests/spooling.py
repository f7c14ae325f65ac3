"""A spool as several processes see it, and its records."""

from __future__ import annotations

from pathlib import Path

from tikisync.core.handlers import Refused
from tikisync.core.requests import Request
from tikisync.core.spooled import Spooled
from tikisync.inbox.spool import Batch, Spool

LIMIT = 1 << 20


def spooled(body: bytes, *, received_at: int = 1_700_000_000_000, receipt: str = "", reason: str = "") -> Spooled:
    request = Request(
        "POST", "/tiki-webhooks.php", "", ((b"x-signature", b"1f"),), body, received_at, "192.0.2.7", receipt=receipt
    )
    return Spooled(request, "Shop", Refused(reason, "the detail", "Shop") if reason else None)


def opened(folder: Path, limit: int = LIMIT) -> Spool:
    """The spool as another process opens it."""
    return Spool(folder, limit)


def filled(folder: Path, *bodies: bytes) -> Spool:
    spool = opened(folder)
    assert spool.add([spooled(body) for body in bodies]) == len(bodies)
    return spool


def bodies(batch: Batch) -> list[bytes]:
    return [each.request.body for each in batch.requests]


def waiting(folder: Path) -> list[bytes]:
    return [each.request.body for each in opened(folder).waiting()]
