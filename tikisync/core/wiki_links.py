"""What a text area's text refers to: wiki pages and files (Tiki: lib/core/WikiParser, parserlib get_pages, 24.4)."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_plus

_MOST_PASSES = 500  # Tiki's preference wikiplugin_maximum_passes: what more there is, it does not look at
_LONGEST_NAME = 50
_LONGEST_ARGUMENTS = 4000  # no text may take long to read, whatever is in it
_MOST_BRACES = 100
_DEEPEST = 100  # calls within calls
_LINK = re.compile(r"\([a-z0-9-]*\((?![|()\n])")
_HTML_LINKS = re.compile(
    r'<a (?:class="wiki[^"]*" )?href="tiki-index\.php\?page=([^?&"]+)[^"]*"'
    r'|<a class="wiki wikinew" href="tiki-editpage\.php\?page=([^?&"]+)"'
)
_FILE = re.compile(r"tiki-download_file\.php\?.*fileId=(\d+)|(?:dl|preview|thumbnail|thumb|display)(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin call in a text: its name in small letters, its arguments and where it stands."""

    name: str
    arguments: str
    start: int
    end: int

    def argument(self, name: str) -> str | None:
        """Return an argument's value, None where it is not given."""
        for key, quoted, bare in _ARGUMENT.findall(self.arguments[:_LONGEST_ARGUMENTS]):
            if key == name:
                return str(re.sub(r"\\([\"'])", r"\1", quoted[1:-1]) if quoted else bare.rstrip(", "))
        return None


_ARGUMENT = re.compile(
    r"""([^\s,=]+)\s*=>?\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(.*?)(?=[\s,]\w+=|$))""", re.DOTALL
)


def linked(text: str) -> tuple[str, ...]:
    """Return the names of the wiki pages that a text links to, in the order in which Tiki finds them."""
    for plugin in reversed([each for each in plugins(text) if each.name == "code"]):
        text = text[: plugin.start] + text[plugin.end :]
    names = [*_links(text, "))"), *_links(text, "|")]
    names += [unquote_plus(page or missing) for page, missing in _HTML_LINKS.findall(text)]
    return tuple(dict.fromkeys(names))


def _links(text: str, separator: str) -> Iterator[str]:
    """Return the pages of ``((page))`` (separator ``))``) or those of ``((page|words))`` (separator ``|``)."""
    place, last = 0, text.rfind("))")
    while (found := _LINK.search(text, place)) and found.end() <= last:
        place = found.start() + 1
        line_end = text.find("\n", place)
        page, separated, words = text[found.end() : line_end if line_end >= 0 else len(text)].partition(separator)
        words_end = words.find("))", 1) + 2 if separator == "|" else 0
        if separated and words_end != 1 and not re.search(r"\||\)\)", page):
            trimmed = page.strip(" ")
            yield trimmed if trimmed and trimmed[0] not in "()" else page[0] + trimmed
            place = found.end() + len(page) + len(separator) + words_end


def included(text: str) -> tuple[str, ...]:
    """Return the names of the wiki pages that a text includes by ``{include page=…}``."""
    pages = (plugin.argument("page") for plugin in plugins(text) if plugin.name == "include")
    return tuple(dict.fromkeys(page for page in pages if page))


def files(text: str) -> tuple[int, ...]:
    """Return the ids of the gallery files that a text shows or links to."""
    if not re.search(r"[{\[]", text):
        return ()
    shown = [plugin for plugin in plugins(text) if plugin.name in ("img", "file")]
    addresses = [plugin.argument("src") or "" for plugin in shown]
    addresses += [address for line in _lines_with(text, "]") for address in re.findall(r"\[([^\]]+)\]", line)]
    ids = [plugin.argument("fileId") or "" for plugin in shown]
    ids += [found[1] or found[2] for found in map(_FILE.match, addresses) if found]
    return tuple(dict.fromkeys(int(each) for each in ids if each.isascii() and each.isdecimal()))


def plugins(text: str) -> list[Plugin]:
    """Return the plugin calls in a text, those within others too; what stands between ~np~ and ~/np~ is no call."""
    return sorted(_Search(text).within(0, len(text))[0], key=lambda plugin: plugin.start)


def _lines_with(text: str, closing: str) -> list[str]:
    """Return the lines up to the last of their closing brackets: without one, a search for pairs would take long."""
    return [line[: line.rfind(closing) + len(closing)] for line in text.split("\n") if closing in line]


def _unparsed_ranges(text: str) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    start = text.find("~np~")
    while start >= 0 and (end := text.find("~/np~", start)) >= 0:
        ranges.append((start, end))
        start = text.find("~np~", end)
    return ranges


class _Search:
    def __init__(self, text: str) -> None:
        self.text = text
        self.unparsed = _unparsed_ranges(text)
        self.passes = 0

    def within(self, start: int, end: int, depth: int = 0) -> tuple[list[Plugin], bool]:
        """Return the calls in a part of the text, and whether each that has a body has its end there too."""
        self.passes += 1
        found: list[Plugin] = []
        place = self.text.find("{", start, end)
        while place >= 0 and self.passes <= _MOST_PASSES and depth <= _DEEPEST:
            resume = place + 1
            opening = None if self._is_unparsed(place) else _opening(self.text, place, end)
            if opening and opening.has_body:
                calls = self._with_body(opening, end, depth)
                found += calls
                if not calls and depth:
                    return [], False  # of no use to whoever looks for the end of a call around this part
                resume = calls[0].end if calls else resume
            elif opening:
                found.append(Plugin(opening.name, opening.arguments, place, opening.end))
                resume = opening.end
            place = self.text.find("{", resume, end)
        return found, True

    def _with_body(self, opening: _Opening, end: int, depth: int) -> list[Plugin]:
        for closing in self._closings(opening, end):
            inner, complete = self.within(opening.end, closing - 1, depth + 1)
            if complete:
                return [Plugin(opening.name, opening.arguments, opening.start, closing), *inner]
        return []

    def _closings(self, opening: _Opening, end: int) -> Iterator[int]:
        tag = "{" + opening.name.upper() + "}"
        place = self.text.find(tag, opening.end, end)
        while place >= 0:
            if not self._is_unparsed(place):
                yield place + len(tag)
            place = self.text.find(tag, place + 1, end)

    def _is_unparsed(self, place: int) -> bool:
        before = bisect_left(self.unparsed, (place, 0))
        return before > 0 and place < self.unparsed[before - 1][1]


@dataclass(frozen=True, slots=True)
class _Opening:
    name: str
    arguments: str
    start: int
    end: int
    has_body: bool


def _opening(text: str, start: int, limit: int) -> _Opening | None:
    """Read ``{name …}``, ``{NAME(…)}`` with a body to come, or ``{NAME(…)/}``."""
    name = re.match(r"[A-Za-z0-9]+(?=[ (}\n\r,]|$)", text[start + 1 : start + 1 + _LONGEST_NAME])
    if name is None:
        return None
    after = start + 1 + name.end()
    is_long = name[0].upper() == name[0]
    if is_long and text[after : after + 1] != "(":
        return None
    end, quotes = after, 0
    for _ in range(_MOST_BRACES):
        end, begin = text.find("}", end, limit) + 1, end
        quotes += len(re.findall(r'(?<!\\)"', text[begin:end]))
        if not end or quotes % 2 == 0:
            break
    else:
        return None
    if not end:
        return None
    head = text[after : end - 1]
    has_body = is_long and not head.endswith("/")
    if is_long and not head.removesuffix("/").rstrip().endswith(")"):
        return None
    arguments = html.unescape(head.removesuffix("/").strip("() ") if is_long else head.strip("() ")).strip()
    return _Opening(name[0].lower(), arguments, start, end, has_body)
