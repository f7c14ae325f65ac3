"""Arrivals for tests of the inbox."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tikisync.inbox.deliveries import Arrival, header_lines

_PLAIN = Arrival(
    handler_id=1,
    handler="Shop",
    user="webhooks",
    received_at=1_700_000_000_000,
    method="POST",
    path="/tiki-webhooks.php",
    query="",
    client_ip="192.0.2.7",
    headers="content-type: application/json",
    body=b"{}",
    id_key=None,
    body_key=None,
)


def arrival(*, headers: Iterable[tuple[str, str]] = (), **changes: Any) -> Arrival:
    """Return a plain arrival of handler Shop, except for these ``changes``."""
    if headers:
        changes["headers"] = header_lines((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    return _PLAIN._replace(**changes)
