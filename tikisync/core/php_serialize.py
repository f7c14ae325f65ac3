"""PHP's ``serialize()`` text, in which Tiki keeps preferences that are arrays (php.net/serialize)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tikisync.core.trackers import Json

MAX_DEPTH = 50

_TOKEN = re.compile(rb"(?P<null>N);|b:(?P<bool>[01]);|i:(?P<int>[+-]?\d{1,20});|d:(?P<real>[^;{}]{1,40});|"
                    rb's:(?P<text>\d{1,9}):"|a:(?P<array>\d{1,9}):\{')  # fmt: skip


def serialize(texts: Sequence[str]) -> str:
    """Return a list of texts as PHP serializes it."""
    entries = (f'i:{index};s:{len(text.encode())}:"{text}";' for index, text in enumerate(texts))
    return f"a:{len(texts)}:{{{''.join(entries)}}}"


def unserialize(text: str) -> Json:
    """Return the value of serialized text; an array whose keys are 0, 1, 2, … is a list, any other one an object.

    Raises ValueError for broken text, and for objects and references, which no preference needs.
    """
    data = text.encode()
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise ValueError("serialized text goes on after its value")
    return value


def _value(data: bytes, start: int, depth: int) -> tuple[Json, int]:
    token = _TOKEN.match(data, start)
    if token is None or depth > MAX_DEPTH:
        raise ValueError(f"serialized text cannot be read at byte {start}")
    kind, content, end = token.lastgroup, token[token.lastgroup or 0], token.end()
    if kind == "text":
        closing = end + int(content)
        if data[closing : closing + 2] != b'";':
            raise ValueError(f"serialized text has a wrong length at byte {start}")
        return data[end:closing].decode(), closing + 2
    if kind == "array":
        return _array(data, end, int(content), depth + 1)
    if kind == "int":
        return int(content), end
    if kind == "real":
        return float(content), end
    return (content == b"1" if kind == "bool" else None), end


def _array(data: bytes, position: int, count: int, depth: int) -> tuple[Json, int]:
    entries: dict[str, Json] = {}
    for _ in range(count):
        key, position = _value(data, position, depth)
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise ValueError(f"serialized text has a key that is no key before byte {position}")
        entries[str(key)], position = _value(data, position, depth)
    if data[position : position + 1] != b"}":
        raise ValueError(f"serialized array does not end at byte {position}")
    is_list = list(entries) == [str(index) for index in range(len(entries))]
    return (list(entries.values()) if is_list else entries), position + 1
