"""Compressed bodies (RFC 9110, 8.4), expanded within a bound."""

from __future__ import annotations

import zlib

from tikisync.core.payload_bounds import MAX_EXPANDED, too_complex
from tikisync.errors import PayloadError

_GZIP = 16 + zlib.MAX_WBITS


def expanded(body: bytes, content_encoding: str, limit: int = MAX_EXPANDED) -> bytes:
    """Return a body without its ``Content-Encoding``: none, identity or gzip; raises PayloadError."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise PayloadError(
            f"a body of content encoding {encoding[:100]} cannot be read",
            hint="let the sender send it plain, or compressed with gzip",
            reason="content_encoding",
        )
    found: list[bytes] = []
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            found.append(member.decompress(body, limit + 1))
        except zlib.error:
            raise PayloadError("the body is not gzip, as its Content-Encoding says") from None
        limit -= len(found[-1])
        if limit < 0:
            raise too_complex("the body expands to more than can be read")
        if not member.eof:
            raise PayloadError("the body is not whole: its gzip ends too early")
        body = member.unused_data
    return b"".join(found)
