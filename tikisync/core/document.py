"""The document that expressions read: one delivery, with the names ``NAMES``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from tikisync.core.payload import collected
from tikisync.core.recipes.parts import descend
from tikisync.core.trackers import Json

NAMES = ("body", "headers", "query", "topic", "handler", "received_at")

CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})  # headers nobody should read or store

# Where senders say what happened: a header, or a name at the top of the body (each sender's webhook reference).
TOPIC_HEADERS = (
    "x-shopify-topic",
    "x-wc-webhook-topic",
    "x-forgejo-event",  # before the names that Forgejo and Gitea send along for compatibility
    "x-gitea-event",
    "x-gogs-event",
    "x-github-event",
    "x-gitlab-event",
    "x-discourse-event",
    "x-event-key",  # Bitbucket
    "sentry-hook-resource",
    "linear-event",
)
TOPIC_NAMES = ("type", "event", "event_type", "topic", "eventType")


def document(
    *,
    body: Json,
    headers: Mapping[str, str],
    query: str,
    handler: str,
    received_at: int,
    topic_place: str = "",
) -> dict[str, Json]:
    """Return the document of one delivery.

    ``body`` is the parsed payload; ``headers`` have names in lower case, those of CREDENTIALS are left out;
    ``query`` is the URL's query string; ``received_at`` is in milliseconds since the epoch, and comes out as ISO 8601
    text in UTC; ``topic_place`` (``core.recipes.recipe``) is where the sender puts its topic, '' to look in the
    usual places.
    """
    parameters = collected(parse_qsl(query, keep_blank_values=True))
    return {
        "body": body,
        "headers": {name: value for name, value in headers.items() if name not in CREDENTIALS},
        "query": parameters,
        "topic": _topic(body, headers, parameters, topic_place),
        "handler": handler,
        "received_at": iso_utc(received_at),
    }


def iso_utc(milliseconds: int) -> str:
    """Return milliseconds since the epoch as ISO 8601 text, ``2026-11-24T06:30:00.123Z``."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _topic(body: Json, headers: Mapping[str, str], query: Mapping[str, Json], place: str) -> Json:
    if place:
        kind, _, name = place.partition(".")
        if kind == "body":
            found = descend(body, name.split("."))
        else:
            found = headers.get(name) if kind == "headers" else query.get(name)
        return found if isinstance(found, str) else ""
    for name in TOPIC_HEADERS:
        if headers.get(name):
            return headers[name]
    if isinstance(body, dict):
        return next((body[name] for name in TOPIC_NAMES if isinstance(body.get(name), str)), "")
    return ""
