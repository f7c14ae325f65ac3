"""Categories, relations and tags: what fields store, what else they cause, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.field_values import CREATE, UPDATE, field, stored
from tikisync.core.categories import Category, named, offered, permitted
from tikisync.core.effects import Categorize, Effect, Relate, Tag
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.fields.kind import Stored
from tikisync.core.fields.tags import escaped, parse
from tikisync.core.questions import (
    AllCategories,
    Answers,
    CategoriesOf,
    ItemTracker,
)
from tikisync.core.trackers import Field, Json
from tikisync.errors import FieldValueError, NotPermittedError

TREE = {
    1: Category(1, "Segments"), 2: Category(2, "Retail", 1), 3: Category(3, "Wholesale", 1), 4: Category(4, "VIP", 2),
    5: Category(5, "Sectors"), 6: Category(6, "Food", 5), 7: Category(7, "VIP", 6), 8: Category(8, "2", 1),
}  # fmt: skip


def categories_known(tracker: frozenset[int] = frozenset()) -> dict[Any, Any]:
    return {AllCategories(): TREE, CategoriesOf("tracker", "2"): tracker}


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
        assert text == "3,2"
        assert effect.wanted == {2, 3}
        assert effect.inherited == {2}
        definition = field("e", parentId="1", doNotInheritCategories=1)
        assert categorized(definition, [3], tracker=frozenset({2}))[0] == "3"

    def test_an_untouched_field_of_a_new_item_holds_the_trackers_categories(self) -> None:
        kind, definition = FIELD_TYPES["e"], field("e", parentId="1")
        known = Answers(categories_known(frozenset({2})))
        assert kind.untouched(definition, replace(UPDATE, answers=known)) is None
        result = kind.untouched(definition, replace(CREATE, answers=known, default_category=3))
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
        assert offered(circle, 9, deep=True) == {}
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
        assert carried(current=frozenset({4})) == [effect, other]
        with pytest.raises(NotPermittedError, match="user hook may not add the item to category 2"):
            carried(2)
        twin = replace(effect, wanted=frozenset({4}), managed=frozenset({4}))
        both = permitted(
            [twin, effect], frozenset({4}), may_add=lambda each: True, may_remove=lambda each: each != 4, user="hook"
        )
        assert list(both) == [twin, effect]  # one field wants what the other could hold too
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
