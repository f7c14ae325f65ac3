"""Handshakes: what some senders ask before, or between, their webhooks, and the answer that satisfies them.

An answer tells a stranger nothing and stores nothing. Zoom's would sign any text for whoever asks, so it is given only
to signed requests, as Slack's is.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tikisync.core.handlers import Handler, Verified
from tikisync.core.recipes.choice import for_handler
from tikisync.core.recipes.parts import Parts
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.verifying import check
from tikisync.core.requests import Request

_TOKEN = re.compile(r"[!-~]{1,1000}")  # what may be sent back to whoever sent it


@dataclass(frozen=True, slots=True)
class HandshakeAnswer:
    """What the sender expects, with status 200; ``secret`` is one it gave, for the admin to put into Tiki's handler."""

    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    secret: str = field(default="", repr=False)


Shake: TypeAlias = Callable[[Recipe, Handler, Parts], "HandshakeAnswer | None"]


def handshake(recipe: Recipe, handler: Handler, request: Request) -> HandshakeAnswer | None:
    """Return the answer where the request is the handshake that the recipe asks for, else None."""
    shake = HANDSHAKES.get(recipe.handshake)
    return shake(recipe, handler, Parts(request)) if shake else None


def answer(
    request: Request, handlers: Iterable[Handler], recipes: Mapping[str, Recipe]
) -> tuple[Handler, HandshakeAnswer] | None:
    """Return the first handler whose handshake the request is, and the answer; ``recipes`` are the config's by name."""
    for handler in handlers:
        recipe = for_handler(handler, recipes) if request.handler_name in (None, handler.name) else None
        if recipe and (found := handshake(recipe, handler, request)):
            return handler, found
    return None


def _slack(recipe: Recipe, handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """api.slack.com/events/url_verification."""
    if _text(parts, "body.type") != "url_verification" or not _is_signed(recipe, handler, parts):
        return None
    return _echo(_text(parts, "body.challenge"))


def _zoom(recipe: Recipe, handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """developers.zoom.us/docs/api/webhooks, 'Validate your webhook endpoint'."""
    token = _text(parts, "body.payload.plainToken")
    if _text(parts, "body.event") != "endpoint.url_validation" or not _TOKEN.fullmatch(token):
        return None
    if not _is_signed(recipe, handler, parts):
        return None
    encrypted = hmac.digest(handler.secret.encode("utf-8", "surrogatepass"), token.encode("ascii"), "sha256").hex()
    answer = json.dumps({"plainToken": token, "encryptedToken": encrypted})
    return HandshakeAnswer(answer.encode("ascii"), "application/json")


def _dropbox(_recipe: Recipe, _handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """www.dropbox.com/developers/reference/webhooks."""
    return _echo(_text(parts, "query.challenge")) if parts.request.method == "GET" else None


def _meta(recipe: Recipe, _handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """developers.facebook.com/docs/graph-api/webhooks/getting-started."""
    given, expected = _text(parts, "query.hub.verify_token"), recipe.verify_token
    asked = parts.request.method == "GET" and _text(parts, "query.hub.mode") == "subscribe"
    if not asked or not expected or not hmac.compare_digest(given.encode("utf-8"), expected.encode("utf-8")):
        return None
    return _echo(_text(parts, "query.hub.challenge"))


def _notion(recipe: Recipe, _handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """developers.notion.com/reference/webhooks: the token is the secret from then on."""
    body = parts.body
    token = _text(parts, "body.verification_token")
    if _has_signature(recipe, parts) or not isinstance(body, dict) or len(body) != 1 or not _TOKEN.fullmatch(token):
        return None
    return HandshakeAnswer(secret=token)


def _asana(recipe: Recipe, _handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """developers.asana.com/docs/webhooks-guide: the secret goes back in the header it came in."""
    secret = _text(parts, "headers.x-hook-secret")
    if _has_signature(recipe, parts) or not _TOKEN.fullmatch(secret):
        return None
    return HandshakeAnswer(headers=((b"x-hook-secret", secret.encode("ascii")),), secret=secret)


def _mailchimp(recipe: Recipe, handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks: a GET, at the address with the secret."""
    return HandshakeAnswer() if parts.request.method == "GET" and _is_signed(recipe, handler, parts) else None


def _mandrill(_recipe: Recipe, _handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks."""
    return HandshakeAnswer() if parts.request.method == "HEAD" else None


def _woocommerce(recipe: Recipe, _handler: Handler, parts: Parts) -> HandshakeAnswer | None:
    """WC_Webhook::deliver_ping() of WooCommerce: an unsigned form with the webhook's number."""
    fields = parts.form or []
    is_ping = len(fields) == 1 and fields[0][0] == "webhook_id" and fields[0][1].isdigit()
    return HandshakeAnswer() if is_ping and not _has_signature(recipe, parts) else None


def _echo(text: str) -> HandshakeAnswer | None:
    return HandshakeAnswer(text.encode("ascii")) if _TOKEN.fullmatch(text) else None


def _text(parts: Parts, place: str) -> str:
    found = parts.at(place)
    return found[0].decode("utf-8", "replace") if len(found) == 1 else ""


def _has_signature(recipe: Recipe, parts: Parts) -> bool:
    return any(parts.at(place) for place in recipe.signature)


def _is_signed(recipe: Recipe, handler: Handler, parts: Parts) -> bool:
    return isinstance(check(recipe, handler, parts), Verified)


HANDSHAKES: Mapping[str, Shake] = {
    "slack": _slack,
    "zoom": _zoom,
    "dropbox": _dropbox,
    "notion": _notion,
    "asana": _asana,
    "mailchimp": _mailchimp,
    "mandrill": _mandrill,
    "woocommerce": _woocommerce,
    "meta": _meta,
}
