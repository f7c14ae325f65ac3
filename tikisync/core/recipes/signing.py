"""Sign a request by a recipe, as its sender would."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import quote

from tikisync.core.algorithms import hashlib_name
from tikisync.core.handlers import Handler
from tikisync.core.recipes import content, timestamps
from tikisync.core.recipes.keys import ENCODERS, symmetric_key
from tikisync.core.recipes.parts import Parts
from tikisync.core.recipes.recipe import Recipe, RefusalError
from tikisync.core.recipes.verifying import ASYMMETRIC, refused, require_usable
from tikisync.core.requests import Request
from tikisync.errors import SetupError


def sign(recipe: Recipe, handler: Handler, request: Request, delivery_id: str) -> Request:
    """Return the request with what its sender adds: signature, timestamp (of ``received_at``), an id if it has none.

    For Ed25519, ECDSA and RSA the handler's secret is the private key. What the recipe finds in the body is left as
    it is. Raises SetupError where nobody can sign so.
    """
    try:
        return _signed(recipe, handler.secret, _with_parts(recipe, request, delivery_id))
    except RefusalError as refusal:
        why = refused(recipe, handler, refusal)
        hint = "edit the handler in Tiki's admin (Security, Webhooks) or its section in the config"
        raise SetupError(why.detail, hint=hint, reason=why.reason) from None


def _with_parts(recipe: Recipe, request: Request, delivery_id: str) -> Request:
    """Add what is signed beside the body."""
    if not content.delivery_id(recipe, Parts(request)):
        request = _put(request, recipe.delivery_id, delivery_id)
    request = _put(request, recipe.timestamp, timestamps.written(request.received_at, recipe.clock))
    if recipe.reads("parameters") and request.body and not Parts(request).is_form:
        request = _put(request, f"query.{content.BODY_DIGEST}", hashlib.sha256(request.body).hexdigest())
    return request


def _signed(recipe: Recipe, secret: str, request: Request) -> Request:
    timestamp = timestamps.written(request.received_at, recipe.clock)
    signature = recipe.prefix + _signature(recipe, secret, Parts(request), timestamp.encode("ascii"))
    kind, _, prefix = recipe.timestamp.partition(".")
    if kind == "item":
        signature = f"{prefix}{timestamp}{recipe.separator}{signature}"
    return _put(request, recipe.signature[0].replace("#", "1"), signature)


def _signature(recipe: Recipe, secret: str, parts: Parts, timestamp: bytes) -> str:
    if recipe.scheme in ASYMMETRIC:
        from tikisync.core.recipes.public_keys import sign_with_private_key

        signed = content.contents(recipe, b"", parts, timestamp)[0]
        raw = sign_with_private_key(secret, parts.text(signed))
    else:
        require_usable(recipe, secret)
        key = symmetric_key(secret, recipe.key)
        if recipe.scheme == "token":
            raw = key
        else:
            signed = content.contents(recipe, key, parts, timestamp)[0]
            raw = parts.digest(None if recipe.scheme == "hash" else key, hashlib_name(recipe.algorithm) or "", signed)
    return ENCODERS[recipe.encoding](raw).decode("utf-8", "surrogatepass")


def with_header(request: Request, name: bytes, value: bytes) -> Request:
    """Return the request with this header, in the place of any of its name (which is in lower case)."""
    others = tuple(header for header in request.headers if header[0] != name)
    return replace(request, headers=(*others, (name, value)))


def _put(request: Request, place: str, value: str) -> Request:
    """Write a header or a query parameter; leave other places alone."""
    kind, _, name = place.partition(".")
    written = value.encode("utf-8", "surrogatepass")
    if kind == "headers":
        return with_header(request, name.encode("utf-8"), written)
    if kind == "query":
        added = f"{quote(name)}={quote(written, safe='')}"
        return replace(request, query=f"{request.query}&{added}" if request.query else added)
    return request
