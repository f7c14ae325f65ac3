"""Categories and tags of an item, and how it is named among Tiki's objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests import golden
from tests.item_effects import FIELDS, carried_out, option, preference, value_of
from tikisync.core.effects import Categorize, Tag
from tikisync.core.permissions import Rights
from tikisync.database import Database, Transaction
from tikisync.tiki import items, permissions, preferences, trackers, users
from tikisync.tiki.categories import RightsOn


@pytest.fixture
def tx(tiki_as_admin: Database) -> Iterator[Transaction]:
    """A Tiki as the recordings left it before the first deletion, with several companies and contacts."""
    with tiki_as_admin.transaction() as tx:
        golden.load(tx, golden.state_before("order-delete"))
        yield tx


def test_an_item_without_any_category_gets_the_default_one(tx: Transaction) -> None:
    segment = FIELDS["contactSegment"]
    effect = Categorize(segment, frozenset(), frozenset({2, 3, 4}), fallback=3)
    carried_out(tx, 16, effect, values={"contactSegment": ""})
    assert golden.joined(tx, 16)["categories"] == [3]
    assert value_of(tx, 16, "contactSegment") == ",3"
    outside = Categorize(segment, frozenset(), frozenset({2, 4}), fallback=3)
    carried_out(tx, 7, outside, values={"contactSegment": ""})
    assert golden.joined(tx, 7)["categories"] == []


def test_other_category_fields_show_what_changed_among_their_categories(tx: Transaction) -> None:
    tx.update("tiki_tracker_fields", {"fieldId": FIELDS["contactPhone"]}, {"type": "e", "options": '{"parentId":"2"}'})
    tx.update("tiki_tracker_item_fields", {"itemId": 16, "fieldId": FIELDS["contactPhone"]}, {"value": ""})
    segment = FIELDS["contactSegment"]
    carried_out(tx, 16, Categorize(segment, frozenset({3, 4}), frozenset({2, 3, 4})))
    assert value_of(tx, 16, "contactPhone") == ",4"
    tx.update("tiki_tracker_item_fields", {"itemId": 16, "fieldId": FIELDS["contactPhone"]}, {"value": "4"})
    carried_out(tx, 16, Categorize(segment, frozenset({3}), frozenset({2, 3, 4}), fallback=2))
    assert value_of(tx, 16, "contactPhone") == ""
    tx.update("tiki_tracker_item_fields", {"itemId": 16, "fieldId": FIELDS["contactPhone"]}, {"value": "4"})
    carried_out(tx, 16, Categorize(segment, frozenset(), frozenset({2, 3, 4}), fallback=2))
    assert golden.joined(tx, 16)["categories"] == []  # the other field names a category: no default is needed


def test_linked_items_follow_where_their_field_and_the_users_rights_say_so(tx: Transaction) -> None:
    option(tx, "invoiceCompany", '{"trackerId":"1","fieldId":"1","cascade":1}')
    for invoice in (17, 18):
        tx.update("tiki_tracker_item_fields", {"itemId": invoice, "fieldId": FIELDS["invoiceCompany"]}, {"value": "3"})
    effect = Categorize(FIELDS["companySector"], frozenset({6}), frozenset({6, 7, 8}))
    assert carried_out(tx, 3, effect) == []
    assert golden.joined(tx, 17)["categories"] == []
    assert carried_out(tx, 3, effect, rights_on=rights_of(tx, {17: "hook", 18: "reader"})) == [
        ("trackeritem", "17"),
        ("trackeritem", "18"),
    ]
    assert golden.joined(tx, 17)["categories"] == [6]
    assert golden.joined(tx, 18)["categories"] == []
    assert tx.value("SELECT name FROM tiki_objects WHERE itemId = '17'") == "INV-1"
    none = Categorize(FIELDS["companySector"], frozenset(), frozenset({6, 7, 8}))
    carried_out(tx, 3, none, rights_on=rights_of(tx, {17: "reader", 18: "reader"}))
    assert golden.joined(tx, 17)["categories"] == [6]
    carried_out(tx, 3, none, rights_on=rights_of(tx, {17: "hook", 18: "hook"}))
    assert golden.joined(tx, 17)["categories"] == []


def rights_of(tx: Transaction, users_on: Mapping[int, str]) -> RightsOn:
    """Let another user's rights decide for each item."""

    def rights_on(item_id: int) -> Rights:
        item, user = items.load(tx, item_id), users.find(tx, users_on[item_id])
        assert item is not None
        assert user is not None
        tracker = trackers.load(tx, str(item.tracker_id))
        rights = permissions.load(tx, user, tracker, item, preferences.load(tx, {}))
        return permissions.with_categories(tx, rights, {6, 7, 8})

    return rights_on


def test_each_field_shows_the_categories_that_another_gave_the_item(tx: Transaction) -> None:
    tx.update("tiki_tracker_fields", {"fieldId": FIELDS["contactPhone"]}, {"type": "e", "options": '{"parentId":"1"}'})
    managed = frozenset({2, 3})
    both = [
        Categorize(FIELDS[name], ids, managed)
        for name, ids in (("contactSegment", managed), ("contactPhone", frozenset({2})))
    ]
    carried_out(tx, 16, *both, values={"contactSegment": "3,2", "contactPhone": "2"})
    assert golden.joined(tx, 16)["categories"] == [2, 3]
    assert value_of(tx, 16, "contactPhone") == "2,3"
    tx.update("tiki_tracker_item_fields", {"itemId": 16, "fieldId": FIELDS["contactPhone"]}, {"value": ""})
    tx.run("DELETE FROM tiki_category_objects")
    carried_out(tx, 16, both[0], values={"contactSegment": "3,2", "contactPhone": ""})
    assert value_of(tx, 16, "contactPhone") == ",3,2"  # in the order in which they were given


@pytest.mark.parametrize(
    ("main", "value", "name"),
    [
        ("contactCompany", "1", "ACME Ltd"),
        ("contactCompany", "0", None),
        ("contactCompany", "99", "99"),
        ("contactCompanies", "1,2,99", "ACME Ltd, Žluťoučký 🐎 & Söhne, "),
        ("contactSegment", "2,99,4", ""),
        ("contactSegment", "", ""),
        ("contactPhone", '{"fr":"Bonjour","en":"Hello"}', "Hello"),
        ("contactPhone", '{"fr":"Bonjour"}', "Bonjour"),
        ("contactPhone", None, None),
        ("contactPhone", "{}", ""),
        ("contactPhone", "{not json", "{not json"),
        ("contactPhone", "x" * 300, "x" * 200),
    ],
)
def test_an_object_is_named_as_tiki_names_items(
    tx: Transaction, main: str, value: str | None, name: str | None
) -> None:
    tx.update("tiki_tracker_fields", {"trackerId": 2}, {"isMain": "n"})
    tx.update("tiki_tracker_fields", {"fieldId": FIELDS[main]}, {"isMain": "y"})
    option(tx, "contactCompanies", '{"trackerId":"1","fieldId":"1","selectMultipleValues":1}')
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ("new",)), values={main: value})
    assert tx.value("SELECT name FROM tiki_objects WHERE itemId = '16'") == name


def test_an_object_named_by_its_categories_has_the_names_of_those_its_tracker_is_in(tx: Transaction) -> None:
    tx.update("tiki_tracker_fields", {"trackerId": 2}, {"isMain": "n"})
    tx.update("tiki_tracker_fields", {"fieldId": FIELDS["contactSegment"]}, {"isMain": "y"})
    tx.insert("tiki_objects", {"objectId": 900, "type": "tracker", "itemId": "2", "name": "Contacts"})
    tx.insert_many("tiki_category_objects", [{"catObjectId": 900, "categId": each} for each in (2, 3, 6)])
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ("new",)), values={"contactSegment": "4,3,2"})
    assert tx.value("SELECT name FROM tiki_objects WHERE itemId = '16'") == "Retail<br/>\nWholesale"
    tx.delete("tiki_objects", {"itemId": "16"})
    option(tx, "contactSegment", '{"parentId":"1","doNotInheritCategories":1}')
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ("new",)), values={"contactSegment": "4,3,2"})
    assert tx.value("SELECT name FROM tiki_objects WHERE itemId = '16'") == ""


def test_a_tag_in_use_elsewhere_stays_and_is_reused_in_any_spelling(tx: Transaction) -> None:
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ("VIP", "it's")))
    tags = golden.joined(tx, 16)["tags"]
    assert tags == [["it\\'s", "hook"], ["vip", "hook"]]
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ()), user="second")
    assert golden.joined(tx, 16)["tags"] == []
    assert tx.value("SELECT COUNT(*) FROM tiki_freetags WHERE raw_tag = 'vip'") == 1
    assert tx.value("SELECT COUNT(*) FROM tiki_freetags WHERE raw_tag LIKE 'it%'") == 0


def test_tags_of_the_site_can_have_a_language_and_few_characters(tx: Transaction) -> None:
    preference(tx, "freetags_multilingual", "y")
    preference(tx, "freetags_normalized_valid_chars", "a-zA-Z0-9")
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ("Café 9",)), values={"contactLanguage": "fr"})
    row = tx.first("SELECT * FROM tiki_freetags WHERE raw_tag = 'Café 9'")
    assert row is not None
    assert (row["tag"], row["lang"]) == ("caf9", "fr")
    preference(tx, "freetags_normalized_valid_chars", "z-a")
    preference(tx, "freetags_lowercase_only", "n")
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ("Café 9", "New")), values={"contactLanguage": "fr"})
    assert tx.value("SELECT tag FROM tiki_freetags WHERE raw_tag = 'New'") == "New"


def test_tags_that_are_translated_outlive_their_use(tx: Transaction) -> None:
    tx.run(
        "CREATE TEMPORARY TABLE tiki_translated_objects (traId int, type varchar(50), objId varchar(255), lang char(5))"
    )
    tx.columns = lambda table: ["traId"] if table == "tiki_translated_objects" else []  # type: ignore[method-assign]
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ("kept", "lost")))
    kept = tx.value("SELECT tagId FROM tiki_freetags WHERE tag = 'kept'")
    tx.insert("tiki_translated_objects", {"traId": 1, "type": "freetag", "objId": str(kept), "lang": "en"})
    tx.insert("tiki_freetagged_objects", {"tagId": kept, "objectId": 987, "user": "", "created": 1})  # of a lost object
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ()))
    assert tx.value("SELECT COUNT(*) FROM tiki_freetags WHERE tag = 'kept'") == 1
    assert tx.value("SELECT COUNT(*) FROM tiki_freetags WHERE tag = 'lost'") == 0
    assert tx.value("SELECT COUNT(*) FROM tiki_freetagged_objects WHERE objectId = 987") == 0
