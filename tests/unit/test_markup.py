"""Text made to show literally. What Tiki shows for the wiki texts here was tried with Tiki 24.4's own parser."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tikisync.core import markup

ATTACKS = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<x onclick=alert(1)>",
    "{HTML()}<script>alert(1)</script>{HTML}",
    "{LIST()}{filter type=trackeritem}{LIST}",
    "{include page=Secret}",
    "{img src=javascript:alert(1)}",
    "{{user}} {{page|x}}",
    "{maketoc}",
    "~np~{CODE()}x{CODE}~/np~",
    "~/np~{CODE()}x{CODE}~np~",
    "/np~{CODE()}~/np~",
    "~tc~hidden~/tc~ ~hc~x~/hc~ ~pp~x~/pp~ ~pre~x~/pre~",
    "~60~script~62~",
    "((Secret)) (alias(Page)) [javascript:alert(1)|click] [[x]",
    "__b__ ''i'' ===u=== ::c:: --s-- -=t=- ^box^ ~~red:x~~ -+m+-",
    "||a|b||",
    "&lt;script&gt; &#60; &nbsp; &copy",
    "sc<x>ript ≤REAL_LT≥script≤REAL_GT≥",
    "* one\n# two\n! three\n;four:five\n+ six\n---\n seven",
    "50%\nab% %%%",
    "@admin :) LOL (:smile:)",
    "...page...",
]
SYNTAX = st.sampled_from("{}[]()~^|_'=:-%*#!;+<>&@/np \n\r")
LITERAL = st.text(SYNTAX | st.characters(exclude_categories=("Cc", "Cf", "Cn", "Cs")), max_size=80)


def shown(wiki: str) -> str:
    """Return what a reader sees of wiki text whose syntax is switched off, in the order of Tiki's parser."""
    pieces = re.split("(~np~.*?~/np~)", wiki, flags=re.DOTALL)
    return "".join(
        html.unescape(piece[4:-5].replace("<", "&lt;"))
        if piece.startswith("~np~") and len(piece) > 8
        else re.sub("~([0-9]+)~", lambda code: chr(int(code[1])), piece)
        for piece in pieces
    )


def parsed(wiki: str) -> str:
    """Return the part of a wiki text that Tiki parses."""
    return re.sub("~np~.*?~/np~", "", wiki, flags=re.DOTALL)


@pytest.mark.parametrize("attack", ATTACKS)
def test_wiki_syntax_is_shown_and_does_not_act(attack: str) -> None:
    wiki = markup.as_wiki(attack)

    assert shown(wiki) == attack
    assert not re.search(r"[{\[^<]|\(\(|__|''|\|\||--|::|==|~(?![0-9]+~)(?<![0-9]~)", parsed(wiki))


@pytest.mark.parametrize(
    "text", ["{{user}}", "~np~{{user}}~/np~", "{ {{a}} }", "~tc~ b\n/tc~", "&tc~ ~/tc~", "[\ntc~ [/tc"]
)
def test_what_acts_within_unparsed_text_is_broken_up(text: str) -> None:
    wiki = markup.as_wiki(text)

    assert "{{" not in wiki
    assert not re.search("~tc~.*~/tc~", wiki, re.DOTALL)
    assert shown(wiki) == text


@pytest.mark.parametrize(
    "text",
    [
        "First line\nSecond line",
        "Tom & Jerry, AT&T",
        "a < b and b > a",
        "It's 20% off: 5 / 3 = 1.67 (about)!",
        "VAT 20%\nTotal",
        "50%",
        "https://example.org/?a=1&b=2#top ada@example.org",
        "C:\\temp, #42, co-operate, snake_case, 5*3",
        "",
    ],
)
def test_simple_text_stays_as_it_is(text: str) -> None:
    assert markup.as_wiki(text) == text


def test_a_variable_may_go_over_lines_and_over_what_is_marked() -> None:
    assert markup.as_wiki("a %ab\n{x}\ncd% e") == "~np~a %ab~/np~\n~np~{x}~/np~\ncd% e"


def test_only_lines_with_syntax_are_marked_and_line_ends_stay() -> None:
    assert markup.as_wiki("Dear all,\r\n* one\r\n\r\nBye") == "Dear all,\r\n~np~* one~/np~\r\n\r\nBye"


@settings(max_examples=100)
@given(LITERAL)
def test_any_text_reads_as_itself_in_wiki_text(text: str) -> None:
    wiki = markup.as_wiki(text)

    assert shown(wiki) == text
    assert "{" not in parsed(wiki)
    assert wiki.count("~np~") == wiki.count("~/np~")


@settings(max_examples=100)
@given(LITERAL | st.sampled_from(ATTACKS))
def test_any_text_reads_as_itself_in_an_area_of_html(text: str) -> None:
    page = markup.as_wysiwyg(text)
    lines = re.sub("~np~(.*?)~/np~", r"\1", page.replace("\N{WORD JOINER}", ""), flags=re.DOTALL).split("<br />")

    assert [html.unescape(line) for line in lines] == [line.rstrip("\r") for line in text.split("\n")]
    assert not re.search(r"[{\[^]|\(\(|__|''", parsed(page))
    assert not re.search(r"\{\{|~tc~.*~/tc~|&lt;x&gt;|≤REAL_", page)


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("a < b & c\nd", "a &lt; b &amp; c<br />d"),
        ("{CODE()}", "~np~{CODE()}~/np~"),
        ("{{user}}", "~np~{~/np~~np~{user}}~/np~"),
        ("~np~", "~np~~/np~~~np~np~/np~~~np~~/np~"),
        ("<x>≤REAL_LT≥", "&LT;x&gt;≤\N{WORD JOINER}REAL_LT≥"),
    ],
)
def test_text_for_an_area_of_html_survives_an_edit_in_tiki_unparsed(text: str, page: str) -> None:
    assert markup.as_wysiwyg(text) == page


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("a < b", "a &lt; b"),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("Tom & Jerry", "Tom & Jerry"),
        ("&lt;", "&amp;lt;"),
        ("a&copy=1", "a&amp;copy=1"),
        ("carrier pigeon 🐦", "carrier pigeon 🐦"),
    ],
)
def test_text_becomes_html_that_reads_the_same(text: str, page: str) -> None:
    assert markup.as_html(text) == page


@settings(max_examples=100)
@given(st.text())
def test_any_text_reads_as_itself_in_html(text: str) -> None:
    page = markup.as_html(text)

    assert html.unescape(page) == text
    assert "<" not in page
    assert ">" not in page


@settings(max_examples=100)
@given(LITERAL | st.sampled_from(ATTACKS), LITERAL | st.sampled_from(ATTACKS))
def test_texts_put_behind_each_other_open_no_tag_and_read_as_themselves(one: str, other: str) -> None:
    page = markup.without_tags(one) + markup.without_tags(other)

    assert not re.search("<[a-zA-Z/!?]", page)
    assert page.replace("<\N{WORD JOINER}", "<") == one + other


def test_control_characters_and_halves_of_characters_are_cleaned_away() -> None:
    assert markup.cleaned("a\0b\x08\tc\r\nd\x0b\x19e\x7f\ud800") == "ab\tc\r\nde\x7f\N{REPLACEMENT CHARACTER}"
