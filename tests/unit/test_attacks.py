"""Text from strangers, and what of it is stored; each was shown by a real Tiki 24.4 as that text and nothing else.

In ``attacks.json``: what was ``sent``, and what each kind of field stores; null where it refuses, a kind that is not
listed stores the text as it was sent.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.fields import context, field, stored
from tikisync.core.contacts import shown
from tikisync.core.fields.kind import Context
from tikisync.core.trackers import Field
from tikisync.errors import FieldValueError

ATTACKS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data" / "attacks.json").read_text("utf-8"))
KINDS: dict[str, tuple[Field, Context]] = {
    "text": (field("t"), context()),
    "area": (field("a"), context()),
    "html area": (field("a", {"wysiwyg": "y"}), replace(context(), wysiwyg_is_html=True)),
    "dropdown other": (field("D", {"options": ["other"]}), context()),
    "email": (field("m"), context()),
}
UNESCAPED = ("dropdown other", "email", "contact")  # what Tiki's pages print as it is stored


class Tags(HTMLParser):
    """Collects what is no text in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_comment(self, data: str) -> None:
        self.found.append(data)

    def handle_decl(self, decl: str) -> None:
        self.found.append(decl)


def kept(kind: str, sent: str) -> str | None:
    """Return what a kind of field stores, None where it refuses."""
    if kind == "contact":
        return shown(sent)
    try:
        return stored(KINDS[kind][0], sent, KINDS[kind][1])
    except FieldValueError:
        return None


def letters(text: str) -> str:
    """Return what a text says: without space, control characters and the marks between which Tiki parses nothing."""
    return re.sub("~/?np~|<br />|[\\s\0-\x1f\x7f-\x9f\N{WORD JOINER}]", "", text)


@pytest.mark.parametrize("kind", [*KINDS, "contact"])
def test_each_attack_is_stored_as_it_was_seen_to_be_harmless(kind: str) -> None:
    differing = [
        (attack["sent"], attack.get(kind, attack["sent"]), found)
        for attack in ATTACKS
        if (found := kept(kind, attack["sent"])) != attack.get(kind, attack["sent"])
    ]

    assert differing == []


@pytest.mark.parametrize("kind", UNESCAPED)
def test_what_tiki_prints_as_it_is_stored_holds_no_tag_and_reads_as_it_was_sent(kind: str) -> None:
    for attack in ATTACKS:
        page = kept(kind, attack["sent"])
        if page is not None:
            assert Tags(page).found == []
            assert letters(html.unescape(page)) == letters(attack["sent"])


def test_an_area_of_html_holds_nothing_but_line_breaks_and_reads_as_it_was_sent() -> None:
    for attack in ATTACKS:
        page = kept("html area", attack["sent"])
        assert page is not None
        assert set(Tags(page).found) <= {"br"}
        assert "~" in attack["sent"] or letters(html.unescape(page)) == letters(attack["sent"])


@pytest.mark.parametrize(
    "address",
    ['http://x/"onclick=alert`1`', 'www.x.org/"onclick=alert`1`', 'magnet:?"onclick=1', "javascript://x/%0aalert`1`"],
)
def test_an_address_that_gets_out_of_the_link_tiki_makes_of_it_is_no_link(address: str) -> None:
    for line in (address, f"see {address} there", f"({address}"):
        assert kept("area", f"first\n{line}\nlast") == f"first\n~np~{line}~/np~\nlast"


@pytest.mark.parametrize("kind", ["area", "html area"])
def test_ordinary_addresses_stay_links(kind: str) -> None:
    text = "See https://example.org/a?b=1#c, FTP://example.org and (http://example.org/x_y) or www.example.org"

    assert kept(kind, text) == text
