"""Requests to look at, from a file or from the inbox."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tikisync.app import App
from tikisync.cli.client import read_body
from tikisync.core.raw_requests import read_request
from tikisync.core.requests import TIKI_PATH, Request
from tikisync.errors import SetupError
from tikisync.inbox.deliveries import require_body
from tikisync.pipeline import administer
from tikisync.pipeline.shadow import request_of


def the_only(choices: Mapping[str, int]) -> int | None:
    """Return the value of the one option that was given, None where none was; raise SetupError for several."""
    given = {name: value for name, value in choices.items() if value}
    if len(given) > 1:
        raise SetupError(f"give only one of {', '.join(given)}")
    return next(iter(given.values()), None)


def read_file(file: Path) -> Request:
    """Return a captured request, as if it arrived now; raise SetupError where the file holds none."""
    return read_request(read_body(file), int(time.time() * 1000))


def kept_delivery(app: App, number: int) -> Request:
    """Return a kept delivery as the request it was, without the tokens that are not kept; raise SetupError."""
    delivery, _ = administer.delivery(app.database, number)
    require_body(delivery)
    return request_of(delivery)


def read_capture(file: Path) -> Request:
    """Return a captured request, or one that is made up around a JSON payload alone; raise SetupError."""
    raw, now = read_body(file), int(time.time() * 1000)
    if raw.lstrip()[:1] in (b"{", b"["):
        return Request("POST", TIKI_PATH, "", ((b"content-type", b"application/json"),), raw, now, client_ip="")
    return read_request(raw, now)
