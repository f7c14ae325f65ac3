"""A small HTTP client: what a sender of webhooks does."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tikisync.core.handlers import Handler
from tikisync.core.shadow import fpm_spelling
from tikisync.errors import PassingError, SetupError


def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout: float = 30, method: str = "POST"
) -> tuple[int, str]:
    """Post a body; return the answer's status and text. Raises SetupError or PassingError, saying where."""
    parts = urlsplit(url)
    connections = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in connections or not parts.hostname:
        raise SetupError(
            f"{url} is not an address to post to", hint="write it as http://127.0.0.1:8025/tiki-webhooks.php"
        )
    connection = connections[parts.scheme](parts.hostname, parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, {"User-Agent": "tikisync-send", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(10_000).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        told = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise PassingError(f"nothing answers at {url} ({told})", hint="start the service: `tikisync serve`") from error
    finally:
        connection.close()


def spelled(headers: Mapping[bytes, bytes], handlers: Iterable[Handler]) -> dict[str, str]:
    """Return headers for ``post``, their names as the handlers spell them or as is usual: Tiki compares with case."""
    names = {each.header: each.signature_header for each in handlers}
    return {
        names.get(name, fpm_spelling(name.decode("latin-1"))): value.decode("latin-1")
        for name, value in headers.items()
    }


def read_body(file: Path) -> bytes:
    """Return a file's bytes, or standard input's for ``-``; raise SetupError where it cannot be read."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise SetupError(
            f"{file} cannot be read: {error.strerror}", hint="name a file, or - for standard input"
        ) from None


def read_headers(lines: Iterable[str]) -> dict[str, str]:
    """Parse ``Name: value`` lines; raise SetupError for one without a colon."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise SetupError(f"{line!r} is not a header", hint="write it as 'X-Shopify-Topic: orders/create'")
        headers[name.strip()] = value.strip()
    return headers
