"""The content that a sender signs, put together from the request."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from urllib.parse import quote

from tikisync.core.recipes.parts import Content, Parts
from tikisync.core.recipes.recipe import Recipe, RefusalError, pieces

# Twilio puts the digest of a body that is no form into the URL (twilio.com/docs/usage/security).
BODY_DIGEST = "bodySHA256"

_AUTHORITY = re.compile(r"\A(https?)(://[^/?]+?)(:\d+)?(?=[/?]|\Z)")
_ESCAPED = re.compile("%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


def contents(recipe: Recipe, secret: bytes, parts: Parts, timestamp: bytes) -> list[Content]:
    """Return what the sender may have signed; raise RefusalError where the request lacks a part of it."""
    return [_content(template, recipe, secret, parts, timestamp) for template in recipe.content]


def delivery_id(recipe: Recipe, parts: Parts) -> bytes:
    """Return what stands at the delivery id's place, b'' where that is nothing or not one thing."""
    found = parts.at(recipe.delivery_id) if recipe.delivery_id else []
    return found[0] if len(found) == 1 else b""


def _content(template: str, recipe: Recipe, secret: bytes, parts: Parts, timestamp: bytes) -> Content:
    content: list[bytes | None] = []
    for text, variable in pieces(template):
        if text:
            content.append(text.encode("utf-8"))
        if variable == "body":
            content.append(None)
        elif variable == "secret":
            content.append(secret)
        elif variable == "timestamp":
            content.append(timestamp)
        elif variable:
            content.append(_VALUES[variable](recipe, parts))
    return tuple(content)


def _id(recipe: Recipe, parts: Parts) -> bytes:
    value = delivery_id(recipe, parts)
    if not value:
        raise RefusalError(
            "no_delivery_id", f"{recipe.delivery_id} holds no delivery id, which is part of what is signed"
        )
    return value


def _url(recipe: Recipe, parts: Parts) -> str:
    request = parts.request
    path = quote(request.path.removeprefix("/").encode("utf-8", "surrogatepass"), safe="/:@!$&'()*+,;=~")
    address = recipe.url.partition("?")[0] or f"{recipe.public_url.rstrip('/')}/{path}"
    return f"{address}?{request.query}" if request.query else address


def _url_other_port(recipe: Recipe, parts: Parts) -> str:
    def other(authority: re.Match[str]) -> str:
        scheme, host, port = authority.groups()
        return f"{scheme}{host}" + ("" if port else {"http": ":80", "https": ":443"}[scheme])

    return _AUTHORITY.sub(other, _url(recipe, parts))


def _url_unescaped(recipe: Recipe, parts: Parts) -> str:
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[0][1:], 16)), _url(recipe, parts))


def _parameters(_recipe: Recipe, parts: Parts) -> bytes:
    if not parts.is_form:
        _require_digest_in_url(parts)
        return b""
    fields = parts.form
    if fields is None:
        raise RefusalError("body_not_signed", "the form cannot be read, and the fields are what is signed")
    signed = "".join(name + value for name, value in sorted(set(fields)))
    return signed.encode("utf-8")


def _require_digest_in_url(parts: Parts) -> None:
    given = parts.at(f"query.{BODY_DIGEST}")
    body = parts.request.body
    if not given and not body:
        return
    if given != [hashlib.sha256(body).hexdigest().encode("ascii")]:
        raise RefusalError(
            "body_not_signed" if not given else "wrong_signature",
            f"the body is no form, and {BODY_DIGEST} in the address is {'missing' if not given else 'not its digest'}",
        )


def _payload(_recipe: Recipe, parts: Parts) -> bytes | None:
    if not parts.is_form:
        return None
    fields = parts.form or []
    if [name for name, _ in fields] != ["payload"]:
        raise RefusalError("body_not_signed", "the form holds something else than payload, which alone is signed")
    return fields[0][1].encode("utf-8")


def _encoded(text: Callable[[Recipe, Parts], str]) -> Callable[[Recipe, Parts], bytes]:
    return lambda recipe, parts: text(recipe, parts).encode("utf-8", "surrogatepass")


_VALUES: Mapping[str, Callable[[Recipe, Parts], bytes | None]] = {
    "body_crc32": lambda _recipe, parts: str(zlib.crc32(parts.request.body)).encode("ascii"),
    "id": _id,
    "method": lambda _recipe, parts: parts.request.method.encode("utf-8", "surrogatepass"),
    "parameters": _parameters,
    "payload": _payload,
    "url": _encoded(_url),
    "url_other_port": _encoded(_url_other_port),
    "url_unescaped": _encoded(_url_unescaped),
    "webhook_id": lambda recipe, _parts: recipe.webhook_id.encode("utf-8", "surrogatepass"),
}
