"""Categories and tags of an item, and how it is named among Tiki's objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import golden
from tests.item_effects import FIELDS, carried_out, option, preference, value_of
from tikisync.core.effects import Categorize, Tag
from tikisync.database import Database, Transaction


@pytest.fixture
def tx(tiki: Database) -> Iterator[Transaction]:
    """A Tiki as the recordings left it before the first deletion, with several companies and contacts."""
    with tiki.transaction() as tx:
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
    assert carried_out(tx, 3, effect, may_categorize=lambda item: item == 17) == [("trackeritem", "17")]
    assert golden.joined(tx, 17)["categories"] == [6]
    assert golden.joined(tx, 18)["categories"] == []
    assert tx.value("SELECT name FROM tiki_objects WHERE itemId = '17'") == "INV-1"


@pytest.mark.parametrize(
    ("main", "value", "name"),
    [
        ("contactCompany", "1", "ACME Ltd"),
        ("contactCompany", "0", ""),
        ("contactCompanies", "1,2,99", "ACME Ltd, Žluťoučký 🐎 & Söhne, "),
        ("contactSegment", "2,99,4", "Retail<br/>\nVIP"),
        ("contactSegment", "", ""),
        ("contactPhone", '{"fr":"Bonjour","en":"Hello"}', "Hello"),
        ("contactPhone", '{"fr":"Bonjour"}', "Bonjour"),
        ("contactPhone", "{}", ""),
        ("contactPhone", "{not json", "{not json"),
        ("contactPhone", "x" * 300, "x" * 200),
    ],
)
def test_an_object_is_named_as_tiki_names_items(tx: Transaction, main: str, value: str, name: str) -> None:
    tx.update("tiki_tracker_fields", {"trackerId": 2}, {"isMain": "n"})
    tx.update("tiki_tracker_fields", {"fieldId": FIELDS[main]}, {"isMain": "y"})
    option(tx, "contactCompanies", '{"trackerId":"1","fieldId":"1","selectMultipleValues":1}')
    carried_out(tx, 16, Tag(FIELDS["contactTags"], ("new",)), values={main: value})
    assert tx.value("SELECT name FROM tiki_objects WHERE itemId = '16'") == name


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
