"""Rows in other tables that values cause: as recorded from a real Tiki, and the same however often carried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests import golden
from tests.item_effects import FIELDS, NOW, carried_out, carry_out, option, plan_of, preference, value_of
from tikisync.core.effects import Attach, Categorize, LinkPages, Relate, SetAttributes, SetLanguage, Tag
from tikisync.core.items import ItemPlan
from tikisync.core.trackers import Item, Tracker
from tikisync.database import Database, Transaction
from tikisync.tiki import effects, preferences

SIDE_TABLES = {
    *("tiki_objects", "tiki_categorized_objects", "tiki_category_objects", "tiki_freetags", "tiki_freetagged_objects"),
    *("tiki_object_relations", "tiki_object_attributes", "tiki_links"),
}
RECORDED = [
    *(
        "company-acme",
        "company-sector-change",
        "company-sector-remove",
        "contact-full",
        "contact-partial",
        "area-wikilink",
    ),
    *(
        "area-empty",
        "category-two",
        "category-remove-one",
        "tags-set",
        "tags-remove",
        "relation-add",
        "relation-remove",
    ),
    *("files-limit", "location-ordinary", "text-multilingual", "invoice-a", "invoice-b"),
]


@pytest.fixture
def tx(tiki_as_admin: Database) -> Iterator[Transaction]:
    """A Tiki as the recordings left it before the first deletion, with several companies and contacts."""
    with tiki_as_admin.transaction() as tx:
        golden.load(tx, golden.state_before("order-delete"))
        yield tx


def side_rows(changes: list[Any]) -> list[Any]:
    return [change for change in changes if change[1] in SIDE_TABLES]


@pytest.mark.parametrize("name", RECORDED)
def test_side_rows_are_those_that_tiki_wrote_and_a_repeat_changes_nothing(tiki_as_admin: Database, name: str) -> None:
    case = golden.case(name)
    item_id = case["result"]["itemId"]
    with tiki_as_admin.transaction() as tx:
        golden.place(tx, case)
        before = golden.snapshot(tx)
        plan = plan_of(tx, case)
        carry_out(tx, plan, item_id, case["user"])
        after = golden.snapshot(tx)
        written = golden.mask(side_rows(golden.difference(before, after)), now=NOW)
        assert golden.lines(written) == golden.lines(side_rows(golden.expected(case)))
        if "joined" in case:
            assert golden.joined(tx, item_id) == case["joined"]
        carry_out(tx, plan, item_id, case["user"])
        again = [c for c in golden.difference(after, golden.snapshot(tx)) if c[1] != "tiki_freetags"]
        assert [change for change in again if change[1] != "tiki_freetagged_objects"] == []


@pytest.mark.parametrize("name", ["contact-full", "contact-partial", "category-remove-one", "invoice-b"])
def test_the_demos_database_gets_the_same_rows(sqlite_tiki: Database, name: str) -> None:
    case = golden.case(name)
    with sqlite_tiki.transaction() as tx:
        golden.place(tx, case)
        before = golden.snapshot(tx)
        carry_out(tx, plan_of(tx, case), case["result"]["itemId"], case["user"])
        written = golden.mask(side_rows(golden.difference(before, golden.snapshot(tx))), now=NOW)
        assert golden.lines(written) == golden.lines(side_rows(golden.expected(case)))


def test_a_relation_appears_in_the_other_items_field(tx: Transaction) -> None:
    assert value_of(tx, 17, "invoiceLinkedFrom") == "\ntrackeritem:18"
    relation = Relate(FIELDS["invoiceLinked"], "crm.invoice.follows", (("trackeritem", "1"),))
    assert set(carried_out(tx, 18, relation)) == {("trackeritem", "17"), ("trackeritem", "1")}
    assert value_of(tx, 17, "invoiceLinkedFrom") == ""


def test_an_inverse_field_writes_the_relation_the_other_way_round(tx: Transaction) -> None:
    relation = Relate(FIELDS["invoiceLinkedFrom"], "crm.invoice.follows.invert", (("trackeritem", "17"),))
    carried_out(tx, 18, relation)
    row = tx.first("SELECT * FROM tiki_object_relations WHERE source_itemId = '17' AND target_itemId = '18'")
    assert row is not None
    assert row["relation"] == "crm.invoice.follows"
    assert value_of(tx, 17, "invoiceLinked") == "trackeritem:1\ntrackeritem:18"


def test_a_field_that_includes_inverse_relations_removes_those_too(tx: Transaction) -> None:
    carried_out(tx, 17, Relate(FIELDS["invoiceLinked"], "crm.invoice.follows", (), invert=True))
    left = tx.all("SELECT * FROM tiki_object_relations WHERE relation = 'crm.invoice.follows'")
    assert not left
    assert value_of(tx, 18, "invoiceLinked") == ""


def test_relations_are_not_mirrored_while_relation_fields_are_off(tx: Transaction) -> None:
    preference(tx, "trackerfield_relation", "n")
    carried_out(tx, 18, Relate(FIELDS["invoiceLinked"], "CRM.Invoice.Follows!", ()))
    assert value_of(tx, 17, "invoiceLinkedFrom") == "\ntrackeritem:18"
    assert tx.value("SELECT COUNT(*) FROM tiki_object_relations WHERE source_itemId = '18'") == 0


def test_unreadable_field_options_mirror_nothing(tx: Transaction) -> None:
    option(tx, "invoiceLinked", "{")
    option(tx, "invoiceLinkedFrom", "[]")
    carried_out(tx, 18, Relate(FIELDS["invoiceLinked"], "crm.invoice.follows", (("user", "hook"),)))
    assert value_of(tx, 17, "invoiceLinkedFrom") == "\ntrackeritem:18"


def test_files_are_related_and_noted_once_each(tx: Transaction) -> None:
    attach = Attach(FIELDS["contactFiles"], "tiki.file.attach", "file", (3, 4), (2,))
    assert set(carried_out(tx, 5, attach)) == {("file", "3"), ("file", "4"), ("file", "2")}
    links = tx.all(
        "SELECT b.fileId FROM tiki_file_backlinks b JOIN tiki_objects o ON o.objectId = b.objectId "
        "WHERE o.itemId = '5' ORDER BY b.fileId"
    )
    assert [row["fileId"] for row in links] == [1, 3, 4]


def test_files_that_a_text_shows_are_noted_and_make_the_item_an_object(tx: Transaction) -> None:
    text = "see {img fileId=3} and [dl4|this]"
    assert not tx.first("SELECT 1 FROM tiki_objects WHERE itemId = '16'")
    carried_out(tx, 16, LinkPages(FIELDS["contactNotes"]), values={"contactNotes": text})
    row = tx.first("SELECT * FROM tiki_objects WHERE itemId = '16'")
    assert row is not None
    assert (row["name"], row["href"]) == ("Raw", "tiki-view_tracker_item.php?itemId=16&trackerId=2")
    assert tx.value("SELECT COUNT(*) FROM tiki_file_backlinks WHERE objectId = :o", o=row["objectId"]) == 2
    carried_out(tx, 16, LinkPages(FIELDS["contactNotes"]), values={"contactNotes": "see {nothing}"})
    assert tx.value("SELECT COUNT(*) FROM tiki_file_backlinks WHERE objectId = :o", o=row["objectId"]) == 0


def test_a_text_that_refers_to_nothing_leaves_no_trace(tx: Transaction) -> None:
    before = golden.snapshot(tx)
    carried_out(tx, 16, LinkPages(FIELDS["contactNotes"]), values={"contactNotes": "a {word} [in brackets]"})
    assert golden.difference(before, golden.snapshot(tx)) == []


def test_included_and_linked_pages_follow_the_text(tx: Transaction) -> None:
    notes, origin = FIELDS["contactNotes"], {"origin": f"objectlink:trackeritemfield:16:{FIELDS['contactNotes']}"}
    carried_out(tx, 16, LinkPages(notes, ("é" * 100, "Home"), ("Ada Page", "Home")))
    pages = tx.all("SELECT toPage FROM tiki_links WHERE fromPage = :origin ORDER BY toPage", **origin)
    assert [row["toPage"] for row in pages] == ["é" * 79, "Home"]
    tx.update("tiki_tracker_item_fields", {"itemId": 16, "fieldId": notes}, {"value": "((Home)) {include page=Home}"})
    carried_out(tx, 16, LinkPages(notes, ("Home",), ("Home",)))
    carried_out(tx, 16, LinkPages(notes, ("Home",), ("Home",)))
    included = tx.all("SELECT * FROM tiki_object_relations WHERE relation = 'tiki.wiki.include'")
    assert [(row["source_itemId"], row["target_itemId"]) for row in included] == [(f"16:{notes}", "Home")]
    carried_out(tx, 16, LinkPages(notes))
    assert not tx.all("SELECT * FROM tiki_links WHERE fromPage = :origin", **origin)
    assert not tx.all("SELECT * FROM tiki_object_relations WHERE relation = 'tiki.wiki.include'")


def test_attributes_are_set_and_removed(tx: Transaction) -> None:
    icon = FIELDS["contactPosition"]
    carried_out(tx, 16, SetAttributes(icon, (("tiki.icon.src", "img/a.png"), ("tiki.geo.lat", "1"))))
    carried_out(tx, 16, SetAttributes(icon, (("tiki.icon.src", "img/b.png"), ("tiki.geo.lat", ""))))
    rows = tx.all("SELECT attribute, value FROM tiki_object_attributes WHERE itemId = '16'")
    assert [(row["attribute"], row["value"]) for row in rows] == [("tiki.icon.src", "img/b.png")]


def test_a_language_is_noted_in_a_set_of_translations_unless_it_is_taken(tx: Transaction) -> None:
    language = FIELDS["contactLanguage"]
    carried_out(tx, 16, SetLanguage(language, "fr"))  # without the table there is nothing to note
    tx.run("CREATE TABLE tiki_translated_objects (traId int, type varchar(50), objId varchar(255), lang char(5))")
    tx.insert_many(
        "tiki_translated_objects",
        [{"traId": 1, "type": "trackeritem", "objId": item, "lang": "en"} for item in ("16", "7")],
    )
    carried_out(tx, 16, SetLanguage(language, "fr"))
    carried_out(tx, 7, SetLanguage(language, "fr"))
    languages = tx.all("SELECT objId, lang FROM tiki_translated_objects ORDER BY objId")
    tx.run("DROP TABLE tiki_translated_objects")
    assert [(row["objId"], row["lang"]) for row in languages] == [("16", "fr"), ("7", "en")]


def test_what_a_site_has_switched_off_has_no_rows(tx: Transaction) -> None:
    for name in ("feature_categories", "feature_freetags", "feature_file_galleries"):
        preference(tx, name, "n")
    before = golden.snapshot(tx)
    carried_out(
        tx,
        16,
        Categorize(FIELDS["contactSegment"], frozenset({2}), frozenset({2})),
        Tag(FIELDS["contactTags"], ("x",)),
        Tag(FIELDS["contactPhone"], ("a second tag field counts for nothing",)),
        Attach(FIELDS["contactFiles"], "tiki.file.attach", "file", ()),
    )
    assert golden.difference(before, golden.snapshot(tx)) == []


class _KilledError(Exception):
    pass


class _Dying:
    """A transaction whose process is killed before its nth statement that writes."""

    def __init__(self, tx: Transaction, statements: int) -> None:
        self._tx, self.left = tx, statements

    def __getattr__(self, name: str) -> Any:
        if name in ("insert", "insert_many", "upsert_many", "update", "delete", "run"):
            if self.left == 0:
                raise _KilledError
            self.left -= 1
        return getattr(self._tx, name)


def test_a_repeat_after_a_kill_at_any_statement_ends_in_the_same_rows(tiki_myisam_as_admin: Database) -> None:
    case = golden.case("contact-full")
    item_id = case["result"]["itemId"]
    with tiki_myisam_as_admin.transaction() as tx:
        golden.place(tx, case)
        plan = plan_of(tx, case)
        start = golden.snapshot(tx)
        carry_out(tx, plan, item_id)
        expected = golden.lines(golden.mask(golden.difference(start, golden.snapshot(tx)), now=NOW))
        for statements in range(1, 100):
            golden.load(tx, start)
            dying = _Dying(tx, statements)
            try:
                carry_out(cast("Transaction", dying), plan, item_id)
            except _KilledError:
                carry_out(tx, plan, item_id)
                written = golden.mask(golden.difference(start, golden.snapshot(tx)), now=NOW)
                assert golden.lines(written) == expected
            else:
                break
    assert statements > 10


def test_a_plan_without_effects_asks_nothing() -> None:
    plan = ItemPlan(Tracker(1, "x"), Item(1, 1, "o"), "o", NOW, ())
    nothing = cast("Transaction", None)
    assert effects.carry_out(nothing, plan, 1, "hook", NOW, preferences.Preferences(preferences.DEFAULTS)) == []
