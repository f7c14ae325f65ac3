"""Refused requests as they are kept for an admin: without what is secret, and bounded."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from urllib.parse import quote, quote_plus

from tikisync.core.handlers import Handler, Refused
from tikisync.core.recipes.keys import is_public
from tikisync.core.requests import Request

MAX_BODY = 32 << 10  # bytes of a body that is kept
MAX_HEADER = 4 << 10  # bytes of a header, and of the query
HIDDEN = "(hidden)"

_SECRET = re.compile(r"token|secret|passw|auth|cookie|api[-_]?key|session", re.IGNORECASE)  # in a name


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request and why; ``body_left_out`` says why its body is not here, '' where it is."""

    request: Request
    refused: Refused
    body_left_out: str = ""


def of(request: Request, refused: Refused, handlers: Sequence[Handler]) -> Refusal:
    """Return what may be kept of a refused request: neither tokens nor passwords, and no handler's secret."""
    secrets = [each.secret.strip() for each in handlers if each.secret.strip() and not is_public(each.secret)]
    raw = [text.encode("utf-8", "surrogatepass") for text in secrets]
    headers = tuple(
        (name[:200], HIDDEN.encode() if _SECRET.search(name.decode("latin-1")) else _without(value, raw)[:MAX_HEADER])
        for name, value in request.headers
    )
    refused = replace(refused, detail=_hidden(refused.detail, secrets)[:MAX_HEADER])
    left_out = ""
    if len(request.body) > MAX_BODY:
        left_out = f"it has {len(request.body)} bytes, and {MAX_BODY} are kept"
    elif any(secret in request.body for secret in raw):
        left_out = "it holds the secret of a handler"
    kept = replace(
        request,
        path=_hidden(request.path, secrets)[:MAX_HEADER],
        query=_query(request.query, secrets)[:MAX_HEADER],
        headers=headers,
        body=b"" if left_out else request.body,
        handler_name=request.handler_name and _hidden(request.handler_name, secrets)[:200],
    )
    return Refusal(kept, refused, left_out)


def reference(refusal: Refusal) -> str:
    """Return what tells a refused request from others: 16 hexadecimal digits."""
    return sha256(written(refusal).encode("ascii")).hexdigest()[:16]


def newest(refusals: Iterable[Refusal], keep: int) -> list[Refusal]:
    """Return at most ``keep`` of them, oldest first; what many have in common goes first, so that floods hide nothing.

    Where there are too many, the oldest of the reason that most share is left out.
    """
    kept = sorted(refusals, key=lambda each: each.request.received_at)
    while len(kept) > keep:
        [(reason, _)] = Counter(each.refused.reason for each in kept).most_common(1)
        kept.remove(next(each for each in kept if each.refused.reason == reason))
    return kept


def written(refusal: Refusal) -> str:
    """Return a refusal as a line of JSON."""
    facts = asdict(refusal)
    facts["request"]["headers"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in
                                   refusal.request.headers]  # fmt: skip
    facts["request"]["body"] = b64encode(refusal.request.body).decode("ascii")
    return json.dumps(facts)


def read(line: str) -> Refusal | None:
    """Return the refusal that a line holds, None where it holds none."""
    try:
        facts = json.loads(line)
        request = facts.pop("request")
        headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in request.pop("headers"))
        body = b64decode(request.pop("body"))
        return Refusal(
            Request(headers=headers, body=body, **request), Refused(**facts.pop("refused")), facts["body_left_out"]
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _without(value: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        value = value.replace(secret, HIDDEN.encode())
    return value


def _hidden(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        for spelling in (secret, quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(spelling, HIDDEN)
    return text


def _query(query: str, secrets: Sequence[str]) -> str:
    fields = (field.partition("=") for field in _hidden(query, secrets).split("&"))
    return "&".join(
        name + equals + (HIDDEN if value and _SECRET.search(name) else value) for name, equals, value in fields
    )
