"""A request taken apart as recipes ask for it; what is costly is computed once, however many handlers look."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, MutableMapping
from functools import cached_property
from typing import TypeAlias
from urllib.parse import parse_qsl

from tikisync.core import payload
from tikisync.core.requests import Request
from tikisync.core.trackers import Json
from tikisync.errors import PayloadError

Content: TypeAlias = "tuple[bytes | None, ...]"
"""Signed content in pieces; None stands for the body, so that comparing two contents does not read it."""

Digests: TypeAlias = "MutableMapping[tuple[bytes | None, str, Content], bytes]"
"""What was computed of one request, by key (None: a plain hash), algorithm and content."""

WHOLE_BODY: Content = (None,)
FORM = "application/x-www-form-urlencoded"


class Parts:
    """One request's parts; ``headers`` are its combined ones, ``digests`` may be shared with the plain rule."""

    def __init__(
        self, request: Request, headers: Mapping[bytes, bytes] | None = None, digests: Digests | None = None
    ) -> None:
        self.request = request
        self.headers = request.combined_headers() if headers is None else headers
        self._digests: Digests = {} if digests is None else digests

    def at(self, place: str) -> list[bytes]:
        """Return the texts at a place of the request, without the empty ones."""
        kind, _, name = place.partition(".")
        if kind == "headers":
            return [value for value in self._header(name) if value]
        if kind == "query":
            return [value.encode("utf-8", "surrogateescape") for key, value in self._query if key == name and value]
        value = descend(self.body, name.split("."))
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            return []
        return [str(value).encode("utf-8", "surrogatepass")]

    def digest(self, key: bytes | None, algorithm: str, content: Content) -> bytes:
        """Return the HMAC of the content, or without a key its plain hash; ``algorithm`` as ``hashlib`` has it."""
        known = self._digests.get((key, algorithm, content))
        if known is None:
            text = self.text(content)
            known = hashlib.new(algorithm, text).digest() if key is None else hmac.digest(key, text, algorithm)
            self._digests[key, algorithm, content] = known
        return known

    def text(self, content: Content) -> bytes:
        """Return the content as one."""
        return b"".join(self.request.body if piece is None else piece for piece in content)

    @property
    def is_form(self) -> bool:
        """Whether the body is a form, as the payload's reader decides it."""
        return self._content_type.partition(";")[0].strip().lower() == FORM

    @cached_property
    def form(self) -> list[tuple[str, str]] | None:
        """The fields of a form in their order; None where the body is none or cannot be read."""
        if not self.is_form:
            return None
        try:
            text = self.request.body.decode("utf-8-sig")
            return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=payload.MAX_FORM_FIELDS)
        except ValueError:
            return None

    @cached_property
    def body(self) -> Json:
        """The body as data, None where it cannot be read."""
        try:
            return payload.parse(self.request.body, self._content_type)
        except PayloadError:
            return None

    @property
    def _content_type(self) -> str:
        return self.headers.get(b"content-type", b"").decode("latin-1")

    @cached_property
    def _query(self) -> list[tuple[str, str]]:
        return parse_qsl(self.request.query, keep_blank_values=True, errors="surrogateescape")

    def _header(self, name: str) -> list[bytes]:
        before, numbered, after = name.encode("utf-8", "surrogatepass").partition(b"#")
        if not numbered:
            return [self.headers.get(before, b"")]
        return [
            value
            for header, value in self.headers.items()
            if header.startswith(before)
            and header.endswith(after)
            and header[len(before) : len(header) - len(after)].isdigit()
        ]


def descend(value: Json, names: list[str]) -> Json:
    """Return what stands at a path of names, and numbers in lists; None where nothing does."""
    for name in names:
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and name.isascii():
            value = value[int(name)] if len(name) < 9 and int(name) < len(value) else None
        else:
            return None
    return value
