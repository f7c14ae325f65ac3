"""multipart/form-data (RFC 7578) as fields: texts as such, files by name, type and size only."""

from __future__ import annotations

import re

from tikisync.core.payload_bounds import MAX_FORM_FIELDS, too_complex
from tikisync.core.trackers import Json
from tikisync.errors import PayloadError

MAX_HEAD = 4096  # characters of a part's headers, and of the content type

_PADDING = re.compile(rb"[ \t]*\r\n")
_PARAMETER = re.compile(r'[;\s]([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)
_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n", '\\"': '"', "\\\\": "\\"}  # as browsers and older clients write them


def fields(body: bytes, content_type: str) -> list[tuple[str, Json]]:
    """Return names and values in their order; a file is ``{"name", "type", "size"}``. Raises PayloadError."""
    boundary = _parameters(content_type[:MAX_HEAD]).get("boundary")
    if not boundary:
        raise _unreadable("its content type names no boundary")
    delimiter = b"\r\n--" + boundary.encode("utf-8", "surrogatepass")
    pieces = (b"\r\n" + body).split(delimiter, MAX_FORM_FIELDS + 2)
    found: list[tuple[str, Json]] = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return found
        if len(found) == MAX_FORM_FIELDS:
            raise too_complex(f"the form has more than {MAX_FORM_FIELDS} fields")
        found.append(_field(piece))
    raise _unreadable("it ends too early")


def _field(piece: bytes) -> tuple[str, Json]:
    padding = _PADDING.match(piece)
    head, blank_line, content = piece[padding.end() :].partition(b"\r\n\r\n") if padding else (b"", b"", b"")
    if not blank_line or len(head) > MAX_HEAD:
        raise _unreadable("a part has no headers, or too long ones")
    headers = dict(_header(line) for line in _text(head).split("\r\n"))
    given = _parameters(headers.get("content-disposition", ""))
    if "name" not in given:
        raise _unreadable("a part has no name")
    if "filename" in given:
        kind = headers.get("content-type", "application/octet-stream")
        return given["name"], {"name": given["filename"], "type": kind, "size": len(content)}
    return given["name"], _text(content)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _parameters(header: str) -> dict[str, str]:
    """Return the parameters of a header's value, names in lower case (RFC 9110, 5.6.6)."""
    return {name.lower(): _unescaped(quoted) or bare for name, quoted, bare in _PARAMETER.findall(header)}


def _unescaped(text: str) -> str:
    return re.sub(r'%22|%0[DA]|\\["\\]', lambda found: _ESCAPES[found[0].upper()], text, flags=re.IGNORECASE)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise PayloadError("the form is not UTF-8 text", reason="payload_not_utf8") from None


def _unreadable(why: str) -> PayloadError:
    return PayloadError(f"the body is no form that can be read: {why}")
