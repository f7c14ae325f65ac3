"""A verified request on its way through the spool, as bytes and back."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

from tikisync.core.handlers import Refused
from tikisync.core.requests import Request

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Spooled:
    """A request with all that its verification needs, and the handler that verified it when it came.

    ``rejected`` says why it did not verify any more when it was to be stored; None while it waits.
    """

    request: Request
    handler: str
    rejected: Refused | None = None


def packed(spooled: Spooled) -> bytes:
    """Return the bytes: facts as JSON, then the body as it came."""
    request, rejected = spooled.request, spooled.rejected
    facts = {
        "handler": spooled.handler,
        "rejected": rejected and [rejected.reason, rejected.detail, rejected.handler],
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers],
        "received_at": request.received_at,
        "client_ip": request.client_ip,
        "handler_name": request.handler_name,
        "receipt": request.receipt,
    }
    head = json.dumps(facts).encode("ascii")
    return _LENGTH.pack(len(head)) + head + request.body


def unpacked(payload: bytes) -> Spooled:
    """Return what ``packed`` made bytes of; raise ValueError where another version of tikisync wrote them."""
    try:
        start = _LENGTH.size
        stop = start + _LENGTH.unpack(payload[:start])[0]
        facts = json.loads(payload[start:stop])
        handler, rejected = facts.pop("handler"), facts.pop("rejected")
        headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in facts.pop("headers"))
        request = Request(headers=headers, body=payload[stop:], **facts)
        return Spooled(request, handler, Refused(*rejected) if rejected else None)
    except (struct.error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no spooled request of this version ({type(error).__name__})") from error
