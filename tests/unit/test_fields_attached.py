"""Fields that refer to files, places, languages and pages, and those that no rule can write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from tests.field_values import CREATE, UPDATE, field, stored
from tikisync.core.effects import Attach, SetAttributes, SetLanguage
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.fields.kind import Stored
from tikisync.core.questions import (
    ArticleExists,
    FileType,
    PageExists,
)
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError


class TestFiles:
    known: ClassVar = {
        FileType(1): "image/png",
        FileType(2): "text/plain; charset=utf-8",
        FileType(3): "application/pdf",
    }

    def test_the_last_files_within_the_limit_are_kept(self) -> None:
        context = replace(UPDATE, old="9,1")
        result = stored(field("FG", count=2), [1, "2", 3.0], context, answers=self.known)
        assert result == Stored("2,3", (Attach(10, "tiki.file.attach", "file", (2, 3), (9, 1)),))

    def test_without_a_limit_all_files_are_kept(self) -> None:
        assert stored(field("FG"), "1, 2,3", answers=self.known).value == "1,2,3"
        assert stored(field("FG"), []) == Stored("", (Attach(10, "tiki.file.attach", "file", ()),))

    def test_the_filter_takes_types_by_their_beginning(self) -> None:
        assert stored(field("FG", filter="text/*"), 2, answers=self.known).value == "2"
        with pytest.raises(FieldValueError, match=r"file 3, whose type application/pdf its filter image/\* keeps out"):
            stored(field("FG", filter="image/*"), [1, 3], answers=self.known)

    def test_unknown_files_are_refused(self) -> None:
        with pytest.raises(FieldValueError, match="file 4, which does not exist"):
            stored(field("FG"), [4], answers={FileType(4): None})
        with pytest.raises(FieldValueError, match="no such id"):
            stored(field("FG"), ["logo.png"])

    def test_articles_are_attached_by_id(self) -> None:
        result = stored(field("articles"), [5, 6], answers={ArticleExists(5): True, ArticleExists(6): True})
        assert result == Stored("5,6", (Attach(10, "tiki.article.attach", "article", (5, 6)),))
        with pytest.raises(FieldValueError, match="article 7, which does not exist"):
            stored(field("articles"), [7], answers={ArticleExists(7): False})

    def test_videos_are_named_by_id(self) -> None:
        assert stored(field("kaltura"), ["0_abc", "1_def"]).value == "0_abc,1_def"
        with pytest.raises(FieldValueError, match="Kaltura"):
            stored(field("kaltura"), "<script>")

    @pytest.mark.parametrize(("code", "row"), [("A", ""), ("EF", '{"inbox":[]}'), ("i", None)])
    def test_uploads_cannot_be_written(self, code: str, row: str | None) -> None:
        kind = FIELD_TYPES[code]
        assert "uploaded in Tiki" in kind.problem(field(code))
        assert kind.untouched(field(code), CREATE) == (None if row is None else Stored(row))
        assert kind.untouched(field(code), UPDATE) is None


class TestLocation:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ({"lon": 2.35, "lat": 48.85, "zoom": 10}, "2.35,48.85,10"),
            ({"lon": -0.1276, "lat": 51.5072}, "-0.1276,51.5072,"),
            ({"lon": "2.350", "lat": 48, "zoom": None}, "2.35,48,"),
            ("2.35, 48.85, 11", "2.35,48.85,11"),
            ("2.35,48.85", "2.35,48.85,"),
            ({"lon": 0, "lat": 0, "zoom": 5}, ""),
            ("", ""),
            ({}, ""),
        ],
    )
    def test_coordinates_are_stored_as_php_writes_numbers(self, value: Json, text: str) -> None:
        assert stored(field("G"), value) == Stored(text)

    def test_the_items_location_is_also_an_attribute(self) -> None:
        position = field("G", use_as_item_location=1)
        attributes = (("tiki.geo.lat", "48.85"), ("tiki.geo.lon", "2.35"), ("tiki.geo.google.zoom", "10"))
        assert stored(position, "2.35,48.85,10").effects == (SetAttributes(10, attributes),)
        assert stored(position, "2.35,48.85").effects == ()
        assert stored(position, "2.35,48.85,10.5").effects == ()
        assert stored(position, "0.000001,48.85,3").effects == ()  # PHP writes 1.0E-6, which Tiki does not read
        assert stored(position, "").effects == ()

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ({"lon": 200, "lat": 1}, "whose lon"),
            ({"lon": 2, "lat": "north"}, "whose lat"),
            ({"lon": 2, "lat": True}, "whose lat"),
            ({"lon": float("nan"), "lat": 1}, "whose lon"),
            ({"lon": 2}, "without both"),
            ("2", "without both"),
            ("1,2,3,4", "more than three"),
            ({"latitude": 1}, "object with lon"),
            (5, "object with lon"),
            ({"lon": 10, "lat": 0, "zoom": 5}, "no place"),
        ],
    )
    def test_what_is_no_place_is_refused(self, value: Json, why: str) -> None:
        with pytest.raises(FieldValueError, match=why):
            stored(field("G"), value)

    def test_a_feature_is_stored_as_its_text(self) -> None:
        feature: Json = {"type": "Feature", "geometry": None, "properties": {}}
        assert stored(field("GF"), feature).value == '{"type":"Feature","geometry":null,"properties":{}}'
        text = '{ "type": "Feature", "geometry": null }'
        assert stored(field("GF"), text).value == text
        assert stored(field("GF"), "").value == ""
        others: list[Json] = ["{", "[]", {"type": "Point"}, {"type": "Feature"}, 5]
        for other in others:
            with pytest.raises(FieldValueError, match="no GeoJSON feature"):
                stored(field("GF"), other)

    def test_an_icon_falls_back_to_the_fields_default(self) -> None:
        def icon(value: Json, **options: Any) -> str | None:
            result = stored(field("icon", **options), value)
            assert result.effects == (SetAttributes(10, (("tiki.icon.src", str(result.value)),)),)
            return result.value

        assert icon("dl12") == "dl12"
        assert icon("https://example.org/a.png") == "https://example.org/a.png"
        assert icon("", default="img/x.png") == "img/x.png"
        assert icon("") == "img/icons/plugin.png"
        assert FIELD_TYPES["icon"].untouched(field("icon"), UPDATE) is None
        made = FIELD_TYPES["icon"].untouched(field("icon"), CREATE)
        assert made is not None
        assert made.value == "img/icons/plugin.png"
        for bad in ("javascript:alert(1)", 'x" onerror="y', 5):
            with pytest.raises(FieldValueError, match="address of an image"):
                stored(field("icon"), bad)


class TestLanguageAndPages:
    def test_a_language_is_stored_and_followed_where_the_field_says_so(self) -> None:
        assert stored(field("LANG"), "pt-br") == Stored("pt-br")
        assert stored(field("LANG", autoassign="1"), "fr") == Stored("fr", (SetLanguage(10, "fr"),))
        assert stored(field("LANG"), "xy", replace(CREATE, languages=("xy",))).value == "xy"

    def test_an_empty_language_leaves_the_old_one(self) -> None:
        assert stored(field("LANG"), "", replace(UPDATE, old="en")) == Stored("en")

    def test_an_unknown_language_is_refused(self) -> None:
        with pytest.raises(FieldValueError, match="code of a language") as refused:
            stored(field("LANG"), "xx", replace(CREATE, languages=("en", "fr")))
        assert refused.value.hint == "the site's languages are en, fr"
        with pytest.raises(FieldValueError):
            stored(field("LANG"), 5)

    def test_a_page_is_stored_by_name(self) -> None:
        assert stored(field("k", link="y"), "Ada Page", answers={PageExists("Ada Page"): True}) == Stored("Ada Page")
        assert stored(field("k"), "No Such Page", answers={PageExists("No Such Page"): False}).value == "No Such Page"

    def test_an_empty_page_leaves_the_old_one(self) -> None:
        assert stored(field("k"), "", replace(UPDATE, old="Ada Page")) == Stored("Ada Page")
        assert FIELD_TYPES["k"].untouched(field("k"), CREATE) is None

    @pytest.mark.parametrize(
        ("options", "value", "why"),
        [
            ({"create": "Template"}, "Missing", "page that is missing"),
            ({}, "<script>", "no page of the wiki"),
            ({}, "x" * 159, "no page of the wiki"),
            ({}, 5, "name of a wiki page"),
        ],
    )
    def test_pages_that_tiki_would_create_or_cannot_have_are_refused(
        self, options: dict[str, str], value: Json, why: str
    ) -> None:
        with pytest.raises(FieldValueError, match=why):
            stored(field("k", **options), value, answers={PageExists(str(value)): False})

    def test_the_wiki_page_field_cannot_be_written(self) -> None:
        assert "only Tiki can save" in FIELD_TYPES["wiki"].problem(field("wiki"))


class TestAutomaticTypes:
    @pytest.mark.parametrize(
        ("codes", "row"),
        [
            ("math W h x l p N usergroups STARS * s P CAL", ""),
            ("C S", None),
            ("U", "0#"),
            ("STO", "none"),
        ],
    )
    def test_no_rule_can_write_them_and_a_new_item_holds_what_tikis_form_stores(
        self, codes: str, row: str | None
    ) -> None:
        for code in codes.split():
            kind, definition = FIELD_TYPES[code], field(code)
            assert kind.problem(definition)
            assert kind.untouched(definition, CREATE) == (None if row is None else Stored(row))
            assert kind.untouched(definition, UPDATE) is None
            with pytest.raises(FieldValueError, match="although"):
                kind.encode(definition, "x", CREATE)

    def test_calculated_and_cached_values_are_never_logged(self) -> None:
        codes = ("math", "C", "S", "W", "h", "x", "l", "p", "U")
        unlogged = {code for code in codes if FIELD_TYPES[code].logged(field(code), "x") is None}
        assert unlogged == {"math", "C", "S", "W"}

    def test_every_type_of_tiki_is_known(self) -> None:
        codes = (
            "t a n b c d D R M f j CAL DUR m L I y LANG u g p usergroups N U e F r w l REL FG EF A i G GF icon k wiki"
        )
        codes += " articles kaltura q math C STARS * s W P S h x STO"
        assert set(codes.split()) == set(FIELD_TYPES)
