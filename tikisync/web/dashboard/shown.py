"""How values look on a page: times, bodies, headers, links into Tiki."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from markupsafe import Markup, escape

from tikisync.core.compression import expanded
from tikisync.errors import PayloadError
from tikisync.inbox.attempts import Attempt

MASKED = "•••••• (hidden)"
LONGEST = 200_000  # characters of a body that a page shows

_ITEM = re.compile(r"\b(?:a new )?item (\d+) of tracker ")
_SECRET = re.compile(r"signature|token|secret|hmac|api[-_]?key|auth|digest|cookie|password", re.IGNORECASE)


def moment(milliseconds: int | None) -> Markup:
    """Return a time of the inbox for people, in UTC; to the minute it is said in words beside it."""
    if milliseconds is None:
        return Markup("—")
    when = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        when.isoformat(timespec="milliseconds"), when.strftime("%Y-%m-%d %H:%M:%S")
    )


def ago(milliseconds: int | None, now: int) -> str:
    """Return how long ago a time was."""
    return "never" if milliseconds is None else f"{span(now - milliseconds)} ago"


def span(milliseconds: int) -> str:
    """Return a length of time in its two largest units at most."""
    if milliseconds < 1000:
        return f"{max(0, milliseconds)} ms"
    seconds = milliseconds // 1000
    for unit, size, smaller, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest and seconds < 10 * size else "")
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 10_000 else f"{seconds} s"


def size(count: int) -> str:
    """Return a number of bytes."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"


def body(raw: bytes, headers: Sequence[tuple[str, str]]) -> str:
    """Return a body for reading: gzip expanded, JSON and forms laid out, and what is no text as hex."""
    named = dict(headers)
    with suppress(PayloadError):  # then as it came
        raw = expanded(raw, named.get("content-encoding", ""))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw[: LONGEST // 3].hex(" ")
    kind = named.get("content-type", "")
    try:
        if "x-www-form-urlencoded" in kind:
            text = "\n".join(f"{name} = {value}" for name, value in parse_qsl(text, keep_blank_values=True))
        else:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        pass
    return text if len(text) <= LONGEST else text[:LONGEST] + "\n… (the rest is not shown)"


def headers(given: Sequence[tuple[str, str]], hidden: frozenset[str]) -> list[tuple[str, str]]:
    """Return headers, those that hold a signature or a secret masked; ``hidden`` names more of them, in lower case."""
    return [(name, MASKED if name in hidden or _SECRET.search(name) else value) for name, value in given]


def query(text: str) -> str:
    """Return a query string for reading, the values of secrets masked."""
    pairs = parse_qsl(text, keep_blank_values=True)
    return "&".join(f"{name}={MASKED if _SECRET.search(name) else given}" for name, given in pairs)


def item_links(line: str, tiki_url: str) -> Markup:
    """Return a line about what was written, its items as links to Tiki where its address is known."""
    line = line.replace("item 0 of", "a new item of")
    found = _ITEM.search(line)
    if not (found and tiki_url):
        return escape(line)
    start, end = found.start(), found.end(1)
    link = Markup('<a href="{}tiki-view_tracker_item.php?itemId={}">{}</a>').format(tiki_url, found[1], line[start:end])
    return escape(line[:start]) + link + escape(line[end:])


def items(attempts: Sequence[Attempt]) -> list[int]:
    """Return the ids of the items that these attempts met, in their order."""
    lines = (line for attempt in attempts for line in attempt.wrote)
    return list(dict.fromkeys(int(found[1]) for line in lines for found in _ITEM.finditer(line)))


def value(given: Any) -> str:
    """Return a value of a row or of a change."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "moment": moment, "ago": ago, "span": span, "size": size, "query": query, "item_links": item_links, "value": value,
}  # fmt: skip
