"""Text fields and text areas."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fields import context, field, stored, untouched
from tikisync.core.effects import LinkPages
from tikisync.core.fields import FIELD_TYPES, unwritable
from tikisync.core.trackers import Field, Json
from tikisync.errors import FieldValueError

BOTH = ("en", "fr")
TRANSLATED = field("t", {"max": 12}, is_multilingual=True)


def area(**options: Any) -> Field:
    return field("a", options)


@pytest.mark.parametrize("code", ["t", "a"])
@pytest.mark.parametrize(
    ("value", "text"),
    [("plain", "plain"), ("", ""), ([], ""), (42, "42"), (10.0, "10"), (True, "true"), ("a\0\tb\r\nc", "a\tb\r\nc")],
)
def test_a_single_value_is_stored_as_text(code: str, value: Json, text: str) -> None:
    assert stored(field(code), value) == text


@pytest.mark.parametrize("value", [["a"], {"en": "a"}, [[]], {}])
def test_what_is_no_single_value_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match=r"Text Field takes text .*; got an? (list|object)"):
        stored(field("t"), value)


def test_a_text_field_keeps_markup_because_tiki_escapes_it() -> None:
    assert stored(field("t"), "<b>{CODE()}</b>") == "<b>{CODE()}</b>"


def test_text_over_the_maximum_is_cut_by_characters() -> None:
    assert stored(field("t", {"max": "3"}), "ééééé") == "ééé"
    assert stored(area(max=3), "12345") == "123"


def test_text_that_the_column_has_no_room_for_is_refused() -> None:
    assert stored(field("t"), "é" * 32_767) == "é" * 32_767
    with pytest.raises(FieldValueError, match="65535 bytes") as refusal:
        stored(field("t"), "é" * 32_768)
    assert refusal.value.reason == "too_long"


def test_a_pattern_refuses_the_whole_text_before_it_is_cut_with_tikis_own_message() -> None:
    definition = field(
        "t", {"max": 2}, validation="regex", validation_param="[A-Z]+", validation_message="Capitals, please"
    )

    assert stored(definition, "ABC") == "AB"
    assert stored(definition, "") == ""
    assert stored(definition, 0) == "0"
    with pytest.raises(FieldValueError, match="Capitals, please") as refusal:
        stored(definition, "ABc")
    assert refusal.value.reason == "pattern"


def test_a_pattern_that_cannot_be_used_refuses_and_says_so() -> None:
    with pytest.raises(FieldValueError, match="cannot be checked outside Tiki") as refusal:
        stored(field("t", validation="regex", validation_param="("), "a")
    assert refusal.value.reason == "pattern_unsupported"


def test_a_pattern_without_a_message_gets_ours() -> None:
    with pytest.raises(FieldValueError, match="validation pattern"):
        stored(field("a", validation="regex", validation_param="[A-Z]+"), "a")


def test_a_validation_that_only_tiki_can_carry_out_makes_a_field_unwritable() -> None:
    assert "captcha" in unwritable(field("t", validation="captcha"))
    assert unwritable(field("t", validation="distinct")) == ""


def test_more_words_than_allowed_are_refused() -> None:
    assert stored(area(wordmax=3), " one two\nthree ") == " one two\nthree "
    with pytest.raises(FieldValueError, match="more than 3 words") as refusal:
        stored(area(wordmax=3), "one two three four")
    assert refusal.value.reason == "wordmax"


def test_a_text_area_shows_a_strangers_syntax_and_does_not_act_on_it() -> None:
    assert stored(area(), "{CODE()}\nplain") == "~np~{CODE()}~/np~\nplain"


def test_marks_that_tiki_would_hide_in_a_text_field_are_broken_up_unless_they_are_trusted() -> None:
    sent = "sc<x>ript &nbsp; <b> &lt;"

    assert stored(field("t"), sent) == "sc<\N{WORD JOINER}x>ript &\N{WORD JOINER}nbsp; <b> &lt;"
    assert stored(field("t"), sent, context(trust="html")) == sent


def test_text_that_a_calculation_uses_opens_no_tag_where_its_result_is_shown() -> None:
    calculated = context(calculated_with=frozenset({"theField"}))

    assert stored(field("t"), "<b> 1 < 2 <", calculated) == "<\N{WORD JOINER}b> 1 < 2 <\N{WORD JOINER}"
    assert stored(area(), "<b>", calculated) == "<\N{WORD JOINER}b>"
    assert stored(field("F"), ["<b>"], calculated) == "<\N{WORD JOINER}b>"
    assert stored(field("t"), "<b>", replace(calculated, trust="html")) == "<b>"
    assert stored(field("t"), "<b>", context(calculated_with=frozenset({"another"}))) == "<b>"


@pytest.mark.parametrize("trust", ["wiki", "html"])
def test_a_trusted_text_area_keeps_its_syntax(trust: str) -> None:
    assert stored(area(), "{CODE()}\0<b>", context(trust=trust)) == "{CODE()}<b>"


def test_a_text_area_that_holds_html_gets_html() -> None:
    html = context(wysiwyg_is_html=True)

    assert stored(area(wysiwyg="y"), "<b>\nx", html) == "&lt;b&gt;<br />x"
    assert stored(area(wysiwyg="y"), "<b>") == "~np~<b>~/np~"
    assert stored(area(), "<b>", html) == "~np~<b>~/np~"


@settings(max_examples=100)
@given(st.text("{x}\n[é", max_size=60), st.integers(1, 40))
def test_marks_never_make_a_text_longer_than_its_maximum(text: str, limit: int) -> None:
    written = stored(area(max=limit), text) or ""

    assert len(written) <= limit
    assert written.count("~np~") == written.count("~/np~")


def test_a_trusted_text_tells_which_pages_it_links_and_includes() -> None:
    kind, text = FIELD_TYPES["a"], "((Ada Page)) {include page=Header}"

    assert kind.encode(area(), text, context(trust="wiki")).effects == (LinkPages(7, ("Ada Page",), ("Header",)),)
    assert kind.encode(area(), text, context(creating=False)).effects == (LinkPages(7),)
    assert kind.encode(area(), text, context()).effects == ()
    assert FIELD_TYPES["t"].encode(field("t"), text, context()).effects == ()


@pytest.mark.parametrize(
    ("value", "old", "texts"),
    [
        ({"en": "Hello", "fr": "Salut"}, "", {"en": "Hello", "fr": "Salut"}),
        ({"fr": "Salut"}, '{"en":"Hello","fr":"x"}', {"en": "Hello", "fr": "Salut"}),
        ({"fr": "Salut", "en": None}, '{"en":"Hello"}', {"en": "Hello", "fr": "Salut"}),
        ({"fr": "Salut"}, "Hi", {"en": "Hi", "fr": "Salut"}),
        ({"fr": "Salut"}, '["Hi"]', {"en": '["Hi"]', "fr": "Salut"}),
        ({"fr": "Salut"}, '{"Hi', {"en": '{"Hi', "fr": "Salut"}),
        ({"fr": "Salut"}, '{"a":' * 9000, {"en": '{"a":' * 9000, "fr": "Salut"}),
        ({"fr": "Salut à tous et à toutes"}, "", {"en": "", "fr": "Salut à tous"}),
        ("Same", '{"en":"Hello"}', {"en": "Same", "fr": "Same"}),
        ("", '{"en":"Hello"}', {"en": "", "fr": ""}),
        ({}, '{"en":"Hello"}', {"en": "Hello", "fr": ""}),
    ],
)
def test_a_multilingual_text_has_all_languages(value: Json, old: str, texts: dict[str, str]) -> None:
    text = stored(TRANSLATED, value, context(languages=BOTH, old=old))

    assert json.loads(text or "") == texts
    assert list(json.loads(text or "")) == ["en", "fr"]


def test_a_multilingual_text_is_written_as_php_writes_json() -> None:
    definition = field("a", is_multilingual=True)

    assert stored(definition, {"en": "a/b", "fr": "é"}, context(languages=BOTH)) == r'{"en":"a\/b","fr":"\u00e9"}'
    assert untouched(definition, context(languages=BOTH)) == '{"en":"","fr":""}'


@pytest.mark.parametrize("value", [{"de": "Hallo"}, {"en": ["a"]}, ["a"]])
def test_a_language_that_tiki_does_not_offer_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError):
        stored(TRANSLATED, value, context(languages=BOTH))


def test_a_multilingual_field_is_an_ordinary_one_while_tiki_has_one_language() -> None:
    assert stored(TRANSLATED, "Hello", context()) == "Hello"
    assert untouched(TRANSLATED) == ""


def test_a_text_that_no_rule_names_stays_on_update() -> None:
    assert untouched(field("t"), context(creating=False)) is None
