"""A Tiki wiki page that holds rules: its text as the rules in it, and who else than administrators may change it.

Facts: Tiki 24.4, tiki-editpage.php, lib/wiki/wikilib.php (is_editable), lib/core/Services/Edit. Tiki stores a page
in wiki syntax as it was typed, and one in HTML as HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tikisync.core.permission_levels import Grant, Levels
from tikisync.core.permissions import ADMIN

PAGE = "wiki page"  # what Tiki calls objects of this type

# Each of these lets somebody put another text under the page's name.
CHANGING = frozenset(
    f"tiki_p_{name}" for name in ("edit", "edit_inline", "rename", "admin_wiki", "assign_perm_wiki_page")
)

_CODE = re.compile(r"\{CODE\([^)\n]*\)\}(.*?)\{CODE\}", re.DOTALL)
_LINE_ENDS = re.compile(r"\r?\n?<br\s*/?>\r?\n?|\r?\n?</(?:p|div|li|pre|h[1-6])>(?:\r?\n)*", re.IGNORECASE)
_TAGS = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_UNPARSED = re.compile(r"~/?[np]p~")
_RULE = re.compile(r"^[ \t]*\[\s*rule\b", re.MULTILINE)
_MARK = "<x>"  # with which Tiki breaks up what might be a script


@dataclass(frozen=True, slots=True)
class Page:
    """A wiki page as Tiki keeps it; ``modified`` is in seconds since the epoch."""

    name: str
    text: str
    version: int
    modified: int
    author: str  # login of who saved this version
    creator: str
    is_html: bool


def rules_text(page: Page) -> str:
    """Return the rules on a page: what its {CODE()} blocks hold, or all from its first ``[rule …]`` on.

    What stands around them is left empty, so that lines keep their numbers.
    """
    text = page.text.replace("\r\n", "\n").replace(_MARK, "")
    if page.is_html:
        text = html.unescape(_TAGS.sub("", _LINE_ENDS.sub("\n", text))).replace("\xa0", " ")
    blocks = [found.span(1) for found in _CODE.finditer(text)]
    if not blocks:
        text = _UNPARSED.sub("", text)
        first = _RULE.search(text)
        blocks = [(first.start() if first else len(text), len(text))]
    return "".join(_with_gaps(text, blocks))


def _with_gaps(text: str, blocks: Collection[tuple[int, int]]) -> Iterator[str]:
    place = 0
    for start, end in blocks:
        yield "\n" * text.count("\n", place, start)
        yield text[start:end]
        place = end


def who_may_change(levels: Levels, page: str, administrators: Collection[str]) -> tuple[str, list[Grant]]:
    """Return where it is decided who may change the page, and the rows there by which others than administrators may.

    ``levels`` hold the rows of all groups; ``administrators`` are the groups whose members have tiki_p_admin.
    """
    where, grants = levels.deciding((PAGE, page))
    return where, sorted(each for each in grants if each[1] in CHANGING and each[0] not in administrators)


def administrators(levels: Levels, included: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return the groups whose members administer Tiki, by themselves or by a group that they include."""
    direct = {group for group, permission in levels.everywhere if permission == ADMIN}
    return frozenset(direct | {group for group, others in included.items() if direct.intersection(others)})
