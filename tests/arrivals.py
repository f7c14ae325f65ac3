"""Arrivals for tests of the inbox."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tikisync.inbox.deliveries import Arrival

_PLAIN = Arrival(
    handler_id=1,
    handler="Shop",
    user="webhooks",
    received_at=1_700_000_000_000,
    method="POST",
    path="/tiki-webhooks.php",
    query="",
    client_ip="192.0.2.7",
    headers=(("content-type", "application/json"),),
    body=b"{}",
    id_key=None,
    body_key=None,
)


def arrival(**changes: Any) -> Arrival:
    """Return a plain arrival of handler Shop, except for these ``changes``."""
    return replace(_PLAIN, **changes)
