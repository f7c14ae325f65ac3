"""Field types with rows in other tables: what they store, what else they cause, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.categories import Category, named, offered, permitted
from tikisync.core.effects import Attach, Categorize, Effect, Relate, SetAttributes, SetLanguage, Tag
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.fields.kind import Context, Stored
from tikisync.core.fields.tags import escaped, parse
from tikisync.core.questions import (
    AllCategories,
    Answers,
    ArticleExists,
    CategoriesOf,
    DefaultCategory,
    FileType,
    ItemTracker,
    PageExists,
)
from tikisync.core.trackers import Field, Json
from tikisync.errors import FieldValueError, NotPermittedError

CREATE = Context(user="hook", now=1_700_000_000, creating=True, default_group="Sync")
UPDATE = replace(CREATE, creating=False)
TREE = {
    1: Category(1, "Segments"), 2: Category(2, "Retail", 1), 3: Category(3, "Wholesale", 1), 4: Category(4, "VIP", 2),
    5: Category(5, "Sectors"), 6: Category(6, "Food", 5), 7: Category(7, "VIP", 6), 8: Category(8, "2", 1),
}  # fmt: skip


def field(code: str, **options: Any) -> Field:
    return Field(10, 2, "theField", code, options=options)


def stored(definition: Field, value: Json, context: Context = CREATE, **known: Any) -> Stored:
    context = replace(context, answers=Answers(known.get("answers", {})))
    asked = list(FIELD_TYPES[definition.type].questions(definition, value, context))
    for question in asked:
        assert context.answers[question] is not NotImplemented  # every question asked is one the test answers
    return FIELD_TYPES[definition.type].encode(definition, value, context)


def categories_known(tracker: frozenset[int] = frozenset(), default: int | None = None) -> dict[Any, Any]:
    return {AllCategories(): TREE, CategoriesOf("tracker", "2"): tracker, DefaultCategory("Sync"): default}


def categorized(definition: Field, value: Json, **known: Any) -> tuple[str | None, Categorize]:
    result = stored(definition, value, answers=categories_known(**known))
    (effect,) = result.effects
    assert isinstance(effect, Categorize)
    return result.value, effect


class TestCategories:
    @pytest.mark.parametrize(
        ("value", "ids"),
        [
            ([2, 4], "2,4"),
            ([4, 2, 4], "4,2"),
            ("3", "3"),
            (3.0, "3"),
            ("Retail", "2"),
            ("Retail::VIP", "4"),
            ("VIP,Wholesale", "4,3"),
            ("2", "2"),  # an id before a name
            ([], ""),
            ("", ""),
        ],
    )
    def test_categories_are_named_by_id_name_or_path(self, value: Json, ids: str) -> None:
        text, effect = categorized(field("e", parentId="1", descendants=1), value)
        assert text == ids
        assert effect.wanted == frozenset(int(each) for each in ids.split(",") if each)
        assert effect.managed == {2, 3, 4, 8}

    def test_without_descendants_only_children_are_offered(self) -> None:
        with pytest.raises(FieldValueError, match="none of the field's categories") as refused:
            categorized(field("e", parentId="1"), [4])
        assert refused.value.hint == "the field offers 2, Retail, Wholesale"

    def test_without_a_parent_the_roots_or_all_are_offered(self) -> None:
        assert categorized(field("e"), ["Sectors"])[1].managed == {1, 5}
        assert categorized(field("e", descendants=2), ["Segments::Retail::VIP"])[0] == "4"

    def test_a_name_that_several_have_must_be_told_apart(self) -> None:
        with pytest.raises(FieldValueError, match="names 2 of its categories") as refused:
            categorized(field("e", descendants=1), "VIP")
        assert refused.value.hint == "tell apart Sectors::Food::VIP, Segments::Retail::VIP"

    @pytest.mark.parametrize("value", [[99], [6], [True], {"id": 2}, 2.5, "Ret"])
    def test_other_categories_are_refused(self, value: Json) -> None:
        with pytest.raises(FieldValueError, match="none of the field's categories"):
            categorized(field("e", parentId="1", descendants=1), value)

    def test_the_trackers_categories_come_along_unless_the_field_does_not_inherit(self) -> None:
        definition = field("e", parentId="1")
        text, effect = categorized(definition, [3], tracker=frozenset({2, 3, 6}))
        assert (text, effect.wanted, effect.inherited) == ("3,2", {2, 3}, {2})
        definition = field("e", parentId="1", doNotInheritCategories=1)
        assert categorized(definition, [3], tracker=frozenset({2}))[0] == "3"

    def test_an_untouched_field_of_a_new_item_holds_the_trackers_categories(self) -> None:
        kind, definition = FIELD_TYPES["e"], field("e", parentId="1")
        known = Answers(categories_known(frozenset({2}), 3))
        assert kind.untouched(definition, replace(UPDATE, answers=known)) is None
        result = kind.untouched(definition, replace(CREATE, answers=known))
        assert result == Stored(
            "2", (Categorize(10, frozenset({2}), frozenset({2, 3, 8}), inherited=frozenset({2}), fallback=3),)
        )

    def test_long_offers_are_cut_short(self) -> None:
        many = {each: Category(each, f"c{each:02}", 0) for each in range(1, 31)}
        known = {**categories_known(), AllCategories(): many}
        with pytest.raises(FieldValueError) as refused:
            stored(field("e"), "nope", answers=known)
        assert refused.value.hint.endswith("c20 and 10 more")

    def test_parents_in_a_circle_do_not_hang_it(self) -> None:
        circle = {1: Category(1, "a", 2), 2: Category(2, "b", 1), 3: Category(3, "c", 0)}
        assert offered(circle, 0, deep=True) == {3: "c"}
        assert offered(circle, 1, deep=True) == {2: "b"}
        assert named({3: "c"}, "c") == [3]

    @given(st.dictionaries(st.integers(1, 9), st.integers(0, 9), max_size=9), st.integers(0, 9), st.booleans())
    def test_any_tree_can_be_offered(self, parents: dict[int, int], parent: int, deep: bool) -> None:
        tree = {each: Category(each, str(each), above) for each, above in parents.items()}
        assert parent not in offered(tree, parent, deep=deep)

    def test_rights_decide_what_a_rule_may_change(self) -> None:
        effect = Categorize(10, frozenset({2, 3}), frozenset({2, 3, 4}), inherited=frozenset({3}), fallback=6)
        other = Tag(11, ("a",))

        def carried(*may_not: int, current: frozenset[int] = frozenset()) -> list[Effect]:
            return list(
                permitted(
                    [effect, other],
                    current,
                    may_add=lambda each: each not in may_not,
                    may_remove=lambda each: each not in may_not,
                    user="hook",
                )
            )

        assert carried() == [effect, other]
        assert carried(3, 6) == [replace(effect, wanted=frozenset({2}), fallback=None), other]
        assert carried(2, current=frozenset({2})) == [effect, other]
        with pytest.raises(NotPermittedError, match="user hook may not add the item to category 2"):
            carried(2)
        with pytest.raises(NotPermittedError, match="user hook may not remove the item from category 4"):
            carried(4, current=frozenset({4}))


class TestRelations:
    definition = field("REL", relation="crm.contact.related", invert=1)

    @pytest.mark.parametrize(
        "value",
        [
            [7, "trackeritem:8"],
            "trackeritem:7\ntrackeritem:8",
            ["7", {"type": "trackeritem", "id": 8}, "trackeritem:7"],
        ],
    )
    def test_items_are_named_in_several_ways(self, value: Json) -> None:
        result = stored(self.definition, value, answers={ItemTracker(7): 2, ItemTracker(8): 3})
        assert result.value == "trackeritem:7\ntrackeritem:8"
        targets = (("trackeritem", "7"), ("trackeritem", "8"))
        assert result.effects == (Relate(10, "crm.contact.related", targets, invert=True),)

    def test_other_objects_are_named_by_type_and_id(self) -> None:
        result = stored(self.definition, ["wiki page:Home: sweet", {"type": "file", "id": 3}])
        assert result.value == "wiki page:Home: sweet\nfile:3"

    def test_no_relations_empty_the_field(self) -> None:
        assert stored(self.definition, []) == Stored("", (Relate(10, "crm.contact.related", (), invert=True),))

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ("spaceship:1", "of no type"),
            ([["x"]], "without an id"),
            ("trackeritem:abc", "without an id"),
            ({"type": "user", "id": True}, "without an id"),
            ("user:", "without an id"),
            ("wiki page:" + "x" * 161, "without an id"),
            (-1, "without an id"),
        ],
    )
    def test_what_is_no_object_is_refused(self, value: Json, why: str) -> None:
        with pytest.raises(FieldValueError, match=why):
            stored(self.definition, value)

    def test_an_item_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(FieldValueError, match="item 9, which does not exist"):
            stored(self.definition, [9], answers={ItemTracker(9): None})

    def test_fields_that_make_no_relations_cannot_be_written(self) -> None:
        kind = FIELD_TYPES["REL"]
        assert kind.problem(self.definition) == ""
        assert "read-only" in kind.problem(field("REL", relation="a.b.c", readonly=1))
        assert "two dots" in kind.problem(field("REL", relation="related"))


class TestTags:
    def test_a_list_is_stored_with_phrases_in_quotes(self) -> None:
        result = stored(field("F"), ["VIP", " Early Adopter ", "", 7])
        assert result == Stored('VIP "Early Adopter" 7', (Tag(10, ("VIP", "Early Adopter", "7")),))

    def test_text_is_stored_as_it_is(self) -> None:
        assert stored(field("F"), 'a  "b c"d') == Stored('a  "b c"d', (Tag(10, ("a", "b c", "d")),))

    @pytest.mark.parametrize(
        ("value", "why"),
        [(["x" * 128], "more than 127 bytes"), (['say "hi"'], "double quote"), ([True], "as a tag"), ({}, "as a tag")],
    )
    def test_what_tiki_would_leave_out_is_refused(self, value: Json, why: str) -> None:
        with pytest.raises(FieldValueError, match=why):
            stored(field("F"), value)

    def test_quotes_stand_behind_backslashes(self) -> None:
        assert escaped('it\'s \\ "x"\0') == 'it\\\'s \\\\ \\"x\\"\\0'

    @given(st.lists(st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1, max_size=9)))
    def test_tags_are_read_back_as_they_were_written(self, tags: list[str]) -> None:
        written = stored(field("F"), list(tags))
        (effect,) = written.effects
        assert isinstance(effect, Tag)
        assert effect.tags == parse(written.value or "")


class TestFiles:
    known = {FileType(1): "image/png", FileType(2): "text/plain; charset=utf-8", FileType(3): "application/pdf"}

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
        for other in ("{", "[]", {"type": "Point"}, {"type": "Feature"}, 5):
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
        unlogged = {c for c, kind in FIELD_TYPES.items() if kind.logged(field(c), "x") is None}
        assert unlogged == {"math", "C", "S", "W"}

    def test_every_type_of_tiki_is_known(self) -> None:
        codes = (
            "t a n b c d D R M f j CAL DUR m L I y LANG u g p usergroups N U e F r w l REL FG EF A i G GF icon k wiki"
        )
        codes += " articles kaltura q math C STARS * s W P S h x STO"
        assert set(codes.split()) == set(FIELD_TYPES)
