"""Pages that wiki text links to and includes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tikisync.core import wiki_links


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("see ((Ada Page)) and ((Nowhere))", ("Ada Page", "Nowhere")),
        ("((One|first)) ((Two))", ("Two", "One")),
        ("(alias(Page)) (( Spaced ))", ("Page", "Spaced")),
        ("((Same)) ((Same)) ((Same|again))", ("Same",)),
        ("((Page|#anchor|words))", ("Page",)),
        ("(((Page))) (()) ((|x)) ((a|)) ((a\nb)) ((open", ("Page",)),
        ("((a ((b))", ("a ((b",)),
        ("((lost\n((Page))", ("Page",)),
        ("no link", ()),
        ("", ()),
    ],
)
def test_links_are_found_as_tiki_finds_them(text: str, pages: tuple[str, ...]) -> None:
    assert wiki_links.linked(text) == pages


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("{include page=Header}", ("Header",)),
        ('{include page="Two Words" start="x"} {include page=Header}', ("Two Words", "Header")),
        ('{INCLUDE(page="Shared")}{INCLUDE}', ("Shared",)),
        ("{INCLUDE(page=>Old)/}", ("Old",)),
        ("{include start=x} {includes page=y} ~np~{include page=Shown}~/np~", ()),
    ],
)
def test_included_pages_are_found_outside_of_unparsed_text(text: str, pages: tuple[str, ...]) -> None:
    assert wiki_links.included(text) == pages


@settings(max_examples=100)
@given(st.text('(){}|ab \n~np/="include', max_size=60))
def test_any_text_can_be_searched(text: str) -> None:
    assert all(page in text for page in (*wiki_links.linked(text), *wiki_links.included(text)))


def test_a_text_that_only_opens_links_takes_no_time() -> None:
    assert wiki_links.linked("((x" * 20_000) == ()
