"""Questions about Tiki's data are answered from its tables, as the columns' collation or PHP compares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import golden
from tikisync.core.categories import Category
from tikisync.core.questions import (
    AllCategories,
    ArticleExists,
    CategoriesOf,
    FileType,
    GroupNamed,
    GroupsIncluding,
    GroupWithId,
    ItemsListing,
    ItemsTitled,
    ItemsWithValue,
    ItemTracker,
    PageExists,
    Question,
    UserNamed,
)
from tikisync.database import Database, Transaction
from tikisync.tiki.answers import answer

NAMES = golden.fixture()["names"]["fields"]


@pytest.fixture
def tx(tiki_as_admin: Database) -> Iterator[Transaction]:
    """A Tiki with the companies and contacts of the recordings, as ``contact-partial`` found them."""
    with tiki_as_admin.transaction() as tx:
        golden.load(tx, golden.state_before("contact-partial"))
        yield tx


def ask(tx: Transaction, question: Question[Any]) -> Any:
    return answer(tx, [question])[question]


def test_no_questions_have_no_answers_and_need_no_database(tx: Transaction) -> None:
    with pytest.raises(KeyError):
        answer(tx, [])[UserNamed("hook")]


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("hook", "hook"),
        ("HOOK", "hook"),  # the only login that differs in nothing but case
        ("hóok", None),
        ("hook@example.org", "hook"),
        ("Hook@Example.org", "hook"),
        ("ana maria", "ana maria"),
        ("nobody@example.com", None),
        ("stranger", None),
        ("", None),
    ],
)
def test_a_user_is_found_by_login_or_address(tx: Transaction, text: str, login: str | None) -> None:
    assert ask(tx, UserNamed(text)) == login


def test_an_address_of_several_users_names_none(tx: Transaction) -> None:
    tx.update("users_users", {"login": "owner"}, {"email": "hook@example.org"})
    assert ask(tx, UserNamed("hook@example.org")) is None


def test_a_login_that_looks_like_an_address_comes_before_the_address(tx: Transaction) -> None:
    tx.update("users_users", {"login": "owner"}, {"login": "hook@example.org"})
    assert ask(tx, UserNamed("hook@example.org")) == "hook@example.org"


def test_a_group_is_found_by_its_exact_name(tx: Transaction) -> None:
    found = answer(tx, [GroupNamed("Staff"), GroupNamed("staff"), GroupNamed("Crew")])
    assert found[GroupNamed("Staff")] == "Staff"
    assert found[GroupNamed("staff")] is None
    assert found[GroupNamed("Crew")] is None


def test_a_group_is_found_by_its_id(tx: Transaction) -> None:
    found = answer(tx, [GroupWithId(7), GroupWithId(99)])
    assert found[GroupWithId(7)] == "Staff"
    assert found[GroupWithId(99)] is None


def test_groups_are_found_that_directly_include_one(tx: Transaction) -> None:
    asked = [GroupsIncluding(group) for group in ("Readers", "readers", "7", "99", "Leads")]
    found = answer(tx, asked)
    assert [found[each] for each in asked] == [("Staff",), (), ("Leads",), (), ()]


def test_items_are_found_by_exactly_their_title(tx: Transaction) -> None:
    title = NAMES["companyName"]
    questions = [ItemsTitled(1, title, text) for text in ("ACME Ltd", "acme ltd", "Nobody")] + [
        ItemsTitled(2, title, "ACME Ltd")
    ]
    found = answer(tx, questions)
    assert [found[each] for each in questions] == [(1,), (), (), ()]


def test_an_items_tracker_is_known(tx: Transaction) -> None:
    found = answer(tx, [ItemTracker(1), ItemTracker(5), ItemTracker(999)])
    assert [found[ItemTracker(each)] for each in (1, 5, 999)] == [1, 2, None]


def test_equal_values_are_found_as_the_collation_compares(tx: Transaction) -> None:
    code = NAMES["companyCode"]
    for item, value in ((1, "AC"), (2, "ac "), (3, "Ác"), (4, "ad")):
        tx.update("tiki_tracker_item_fields", {"itemId": item, "fieldId": code}, {"value": value})
    questions = [ItemsWithValue(code, "aC"), ItemsWithValue(code, "AD"), ItemsWithValue(code, "none")]
    found = answer(tx, questions)
    assert [found[each] for each in questions] == [(1, 2, 3), (4,), ()]


def test_values_asked_for_together_are_found_as_one_by_one_even_where_they_are_equal(tx: Transaction) -> None:
    code, name = NAMES["companyCode"], NAMES["companyName"]
    for item, value in ((1, "AC"), (2, "ac "), (3, "Ác"), (4, "ad"), (5, "🎨")):
        tx.update("tiki_tracker_item_fields", {"itemId": item, "fieldId": code}, {"value": value})
    values = ["aC", "AD", "ÁC", "🎨", "none", "it's", *map(str, range(200))]
    questions = [ItemsWithValue(field, value) for value in values for field in (code, name)]
    assert answer(tx, questions)._known == {each: ask(tx, each) for each in questions}


def test_items_that_list_a_word_are_found(tx: Transaction) -> None:
    watchers = NAMES["contactWatchers"]
    lists = {5: "hook,a_b", 6: "axb,HOOK", 7: "x,hook,y", 8: "hook", 9: "unhook,hooks", 10: "a_b!,50%"}
    tx.delete("tiki_tracker_item_fields", {"fieldId": watchers})
    tx.insert_many(
        "tiki_tracker_item_fields", [{"itemId": i, "fieldId": watchers, "value": text} for i, text in lists.items()]
    )
    words = ("hook", "a_b", "a_b!", "50%", "none")
    found = answer(tx, [ItemsListing(watchers, word) for word in words])
    assert [found[ItemsListing(watchers, word)] for word in words] == [(5, 6, 7, 8), (5,), (10,), (10,), ()]


def test_all_categories_are_known(tx: Transaction) -> None:
    found = ask(tx, AllCategories())
    assert found[4] == Category(4, "VIP", 2)
    assert len(found) == 8


def test_an_objects_categories_are_known(tx: Transaction) -> None:
    found = answer(
        tx, [CategoriesOf("trackeritem", "5"), CategoriesOf("trackeritem", "6"), CategoriesOf("tracker", "5")]
    )
    assert found[CategoriesOf("trackeritem", "5")] == {2, 4}
    assert found[CategoriesOf("trackeritem", "6")] == found[CategoriesOf("tracker", "5")] == frozenset()


def test_a_files_type_is_known(tx: Transaction) -> None:
    tx.update("tiki_files", {"fileId": 4}, {"filetype": None})
    found = answer(tx, [FileType(each) for each in (1, 4, 99)])
    assert [found[FileType(each)] for each in (1, 4, 99)] == ["application/pdf", "", None]


def test_articles_are_known(tx: Transaction) -> None:
    tx.run("CREATE TEMPORARY TABLE tiki_articles (articleId int PRIMARY KEY)")
    tx.insert("tiki_articles", {"articleId": 7})
    found = answer(tx, [ArticleExists(7), ArticleExists(8)])
    assert found[ArticleExists(7)]
    assert not found[ArticleExists(8)]


def test_pages_are_found_as_the_collation_compares(tx: Transaction) -> None:
    names = ("Ada Page", "ada page", "Nowhere")
    found = answer(tx, [PageExists(name) for name in names])
    assert [found[PageExists(name)] for name in names] == [True, True, False]


def test_questions_of_one_kind_are_looked_up_together(tx: Transaction) -> None:
    asked: list[str] = []
    look_up = tx.all

    def counting(sql: str, **parameters: Any) -> Any:
        asked.append(sql)
        return look_up(sql, **parameters)

    tx.all = counting  # type: ignore[method-assign]
    answer(tx, [ItemTracker(each) for each in range(50)] + [PageExists(str(each)) for each in range(50)])
    assert len(asked) == 2
