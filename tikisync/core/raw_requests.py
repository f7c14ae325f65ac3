"""Captured requests as files: the text of HTTP/1.1, as proxies, ``curl -v`` and inspection sites show it."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from tikisync.core.requests import Request, handler_in
from tikisync.errors import SetupError

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (\S+)(?: HTTP/[0-9.]+)?")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:(.*)", re.DOTALL)


def read_request(raw: bytes, received_at: int) -> Request:
    """Read a request line, header lines, a blank line and the body as it is; lines end in CR LF or LF.

    ``received_at`` is in milliseconds since the epoch. What an editor put after the length that the request itself
    gives is left out. Raises SetupError, saying in which line it is no request.
    """
    head, body = _split(raw)
    first, *lines = head.split(b"\n")
    line = _REQUEST_LINE.fullmatch(first.strip())
    if line is None:
        raise _no_request(1, "a request line such as POST /tiki-webhooks.php HTTP/1.1")
    headers = []
    for number, text in enumerate(lines, 2):
        header = _HEADER.fullmatch(text.strip())
        if header is None:
            raise _no_request(number, "a header such as X-Signature: 1f3a")
        headers.append((header[1].lower(), header[2].strip()))
    named = dict(headers)
    if b"chunked" in named.get(b"transfer-encoding", b"").lower():
        raise SetupError(
            "the request's body is in chunks (Transfer-Encoding), which is not what was signed",
            hint="save the body as it is, and remove that header",
        )
    length = named.get(b"content-length", b"")
    if length.isdigit() and not body[int(length[:12]) :].strip(b"\r\n"):
        body = body[: int(length[:12])]
    path, query = _target(line[2].decode("latin-1"))
    method = line[1].decode("ascii")
    return Request(method, path, query, tuple(headers), body, received_at, client_ip="", handler_name=handler_in(path))


def _split(raw: bytes) -> tuple[bytes, bytes]:
    blank = re.search(rb"\r?\n\r?\n", raw)
    return (raw[: blank.start()], raw[blank.end() :]) if blank else (raw.rstrip(b"\r\n"), b"")


def _target(target: str) -> tuple[str, str]:
    try:
        parts = urlsplit(target)
    except ValueError:
        raise _no_request(1, "an address") from None
    return unquote(parts.path) or "/", parts.query


def _no_request(number: int, expected: str) -> SetupError:
    return SetupError(
        f"the file is no HTTP request: line {number} is not {expected}",
        hint="save the whole request: its first line, its headers, a blank line and the body",
        reason="no_request",
    )
