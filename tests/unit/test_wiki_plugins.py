"""Plugin calls in wiki text are found as Tiki finds them, and so are the files that a text uses."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core import wiki_links


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{img fileId=1} {IMG(fileId=2)/} {IMG(fileId=3)}{IMG}", ["img", "img", "img"]),
        ("{BOX()}{img fileId=1}{BOX()}a{BOX}{BOX}", ["box", "img", "box"]),
        ("{BOX()}{A()}{BOX}{A}", ["a"]),
        ("{BOX()}never closed {img x=1}", ["img"]),
        ("{BOX()}{A()}open{BOX}", []),
        ("{BOX()}~np~{BOX}~/np~{BOX} ~np~{img x=1}~/np~ ~np~", ["box"]),
        ("{$smarty} {UPPER x} {} {bad-name x} {img", []),
        ('{quote text="a } b"}', ["quote"]),
        ("{" + "x" * 60 + "}", ["x" * 50]),
        ('{img "}"}', ["img"]),
        ('{img "' + "}" * 150, []),
        ("{A()}x{B()}{A}y{B}{A}", ["a", "b"]),
        ("{BOX(x}y{BOX}", []),
    ],
)
def test_plugin_calls_are_found(text: str, names: list[str]) -> None:
    assert [plugin.name for plugin in wiki_links.plugins(text)] == names


def test_links_within_code_do_not_count() -> None:
    assert wiki_links.linked("((A)) {CODE()}((B)){CODE} ((C)) {CODE()}((D)){CODE}") == ("A", "C")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('{img fileId=3} and {FILE(fileId="9")/}', (3, 9)),
        ("[dl5|a file] [tiki-download_file.php?x=1&fileId=6] [http://example.org/dl7] [thumbnail8]", (5, 6, 8)),
        ("{img src=\"display4\" fileId='3'} {img src=dl4}", (3, 4)),
        ("{img fileId=x} [open", ()),
        ("no reference", ()),
    ],
)
def test_the_files_a_text_uses_are_found(text: str, ids: tuple[int, ...]) -> None:
    assert wiki_links.files(text) == ids


@given(st.text(alphabet='{}()[]~np/"ABab=, ', max_size=80))
def test_any_text_can_be_searched_for_files(text: str) -> None:
    assert all(each >= 0 for each in wiki_links.files(text))


@pytest.mark.parametrize(
    "text",
    [
        "{a" * 32_000, '{a"}' * 16_000, "{a" * 16_000 + '"' + "}" * 32_000, "{BOX()}" * 9_000, "~np~" * 16_000,
        "{BOX()}" * 4_000 + "{BOX}" * 5_000, "[dl" * 20_000, "{img " + "x" * 60_000 + "}", "~np~{a}" * 9_000,
        "".join(f"{{A{n}()}}" for n in range(3_000)) + "".join(f"{{A{n}}}" for n in reversed(range(3_000))),
    ],
    ids=lambda text: str(text)[:12],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    start = time.monotonic()
    wiki_links.linked(text)
    wiki_links.included(text)
    wiki_links.files(text)
    assert time.monotonic() - start < 5
