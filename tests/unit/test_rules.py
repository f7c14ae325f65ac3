"""Rules: which changes a delivery makes, in which order, and why none."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.changes import ItemChange
from tikisync.core.contacts import ContactChange
from tikisync.core.expressions import Expression
from tikisync.core.rules import IGNORE, MAX_CHANGES, Evaluation, PassedOver, Rule, changes_of, status_code
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError, RuleError

DOCUMENT: dict[str, Json] = {
    "body": {
        "id": "A7",
        "n": 12,
        "lines": [{"sku": "x"}, {"sku": "y"}],
        "none": None,
        "blank": " ",
        "e": "a@b.example",
    },
    "topic": "order",
}


def _rule(name: str = "r", **parts: Any) -> Rule:
    """Return a rule for handler Shop that writes Orders; expressions are given as text."""
    for part in ("when", "each", "item", "status", "version"):
        if part in parts:
            parts[part] = Expression.compile(parts[part])
    for part in ("fields", "contact"):
        parts[part] = {key: Expression.compile(text) for key, text in parts.get(part, {}).items()}
    return Rule(**{"name": name, "handlers": ("Shop",), "tracker": "Orders", **parts})


def _evaluate(*rules: Rule, **body: Json) -> Evaluation:
    return changes_of(rules, "Shop", {**DOCUMENT, "body": body} if body else DOCUMENT)


def test_a_rule_makes_the_change_it_describes() -> None:
    rule = _rule(key=("ref",), fields={"ref": "body.id", "left": "body.none", "emptied": "''"}, status="'closed'",
                 trust={"ref": "html"})  # fmt: skip
    assert _evaluate(rule).changes == (
        ItemChange(rule="r", tracker="Orders", key={"ref": "A7"}, fields={"ref": "A7", "emptied": ""}, status="c",
                   trust={"ref": "html"}),)  # fmt: skip


def test_all_rules_of_the_handler_count_in_order() -> None:
    rules = [
        _rule("a", fields={"f": "topic"}),
        _rule("b", handlers=("Other",), fields={"f": "topic"}),
        _rule("c", handlers=("Other", "Shop"), tracker="2", fields={"f": "topic"}, action="close", item="body.n"),
    ]
    changes = _evaluate(*rules).changes
    assert [change.rule for change in changes] == ["a", "c"]
    assert changes[1] == ItemChange("c", "2", item_id=12, fields={"f": "order"}, action="close")


def test_a_rule_whose_condition_does_not_hold_is_passed_over() -> None:
    evaluation = _evaluate(
        _rule("a", when="topic == 'other'"), _rule("b", when="body.none"), _rule("c", handlers=("X",))
    )
    assert evaluation.changes == ()
    assert evaluation.passed_over == (
        PassedOver("a", "its condition does not hold (topic == 'other')"),
        PassedOver("b", "its condition does not hold (body.none)"),
    )
    assert evaluation.why_nothing == (
        "rule a: its condition does not hold (topic == 'other'); rule b: its condition does not hold (body.none)"
    )


def test_without_any_rule_the_reason_names_the_handler() -> None:
    assert changes_of([_rule()], "Other", DOCUMENT).why_nothing == "no rule is for handler Other"


def test_there_is_no_reason_where_there_are_changes() -> None:
    assert _evaluate(_rule(), _rule(when="body.none")).why_nothing == ""


def test_each_makes_one_change_of_every_element() -> None:
    rule = _rule(each="body.lines", key=("k",), fields={"k": "each.sku", "order": "body.id", "i": "index"})
    assert [change.fields for change in _evaluate(rule).changes if isinstance(change, ItemChange)] == [
        {"k": "x", "order": "A7", "i": 0}, {"k": "y", "order": "A7", "i": 1}]  # fmt: skip


def test_a_condition_may_look_at_each_element() -> None:
    rule = _rule(each="body.lines", when="each.sku == 'y' && index == `1`", fields={"k": "each.sku"})
    (change,) = _evaluate(rule).changes
    assert isinstance(change, ItemChange) and change.fields == {"k": "y"}
    none = _rule(each="body.lines", when="each.sku == 'z'")
    assert _evaluate(none).why_nothing == "rule r: its condition holds for none of 2 elements (each.sku == 'z')"


def test_a_condition_that_does_not_hold_is_judged_before_each() -> None:
    assert "condition" in _evaluate(_rule(when="topic == 'other'", each="body.id")).why_nothing


@pytest.mark.parametrize("each", ["body.none", "body.lines[?sku == 'z']"])
def test_each_over_nothing_passes_the_rule_over(each: str) -> None:
    assert _evaluate(_rule(each=each)).why_nothing == f"rule r: each gives nothing ({each})"


def test_each_over_something_else_is_the_rules_fault() -> None:
    with pytest.raises(RuleError, match="each gives something that is no list"):
        _evaluate(_rule(each="body.id"))


def test_one_delivery_makes_a_bounded_number_of_changes() -> None:
    rules = _rule("a", each="body.l"), _rule("b")
    assert len(_evaluate(*rules, l=[1] * (MAX_CHANGES - 1)).changes) == MAX_CHANGES
    with pytest.raises(RuleError, match="rule b: one delivery would make more than 1000 changes"):
        _evaluate(*rules, l=[1] * MAX_CHANGES)


def test_ignore_ends_the_evaluation_where_it_holds() -> None:
    ignore = _rule("stop", tracker="", action=IGNORE, when="topic == 'order'")
    evaluation = _evaluate(_rule("before", when="body.none"), ignore, _rule("after"))
    assert evaluation.changes == ()
    assert evaluation.why_nothing.endswith("rule stop: it says to ignore such deliveries")
    passing = _rule("stop", tracker="", action=IGNORE, when="topic == 'x'")
    assert [change.rule for change in _evaluate(passing, _rule("after")).changes] == ["after"]
    assert [change.rule for change in _evaluate(_rule("before"), ignore).changes] == ["before"]


@pytest.mark.parametrize("value", ["body.none", "body.missing", "body.blank", "''"])
def test_an_empty_key_is_refused_by_name(value: str) -> None:
    with pytest.raises(RuleError, match="rule r: key ref is empty in this delivery") as caught:
        _evaluate(_rule(key=("ref",), fields={"ref": value}))
    assert caught.value.reason == "key_empty"


@pytest.mark.parametrize("value", ["body.lines", "body"])
def test_a_key_is_one_value(value: str) -> None:
    with pytest.raises(RuleError, match="key ref is a list or an object"):
        _evaluate(_rule(key=("ref",), fields={"ref": value}))


@pytest.mark.parametrize("value", [0, False])
def test_zero_and_false_are_values_for_a_key(value: Json) -> None:
    (change,) = _evaluate(_rule(key=("ref",), fields={"ref": "body.v"}), v=value).changes
    assert isinstance(change, ItemChange) and change.key == {"ref": value}


@pytest.mark.parametrize(("value", "item_id"), [(5, 5), ("5", 5), (" 12 ", 12), (2**31 - 1, 2**31 - 1)])
def test_an_item_is_addressed_by_its_id(value: Json, item_id: int) -> None:
    (change,) = _evaluate(_rule(item="body.v"), v=value).changes
    assert isinstance(change, ItemChange) and change.item_id == item_id


@pytest.mark.parametrize("value", [None, "", "x", 0, -1, 1.5, True, [1], {}, 2**31, "9" * 5000, "\N{SUPERSCRIPT TWO}"])
def test_what_is_no_id_of_an_item_is_refused(value: Json) -> None:
    with pytest.raises(RuleError, match="item gives no id") as caught:
        _evaluate(_rule(item="body.v"), v=value)
    assert caught.value.reason == "item_no_id"


@pytest.mark.parametrize(("value", "code"), [("o", "o"), ("Pending", "p"), (" closed ", "c"), (None, None)])
def test_a_status_is_a_code_or_a_word(value: Json, code: str | None) -> None:
    (change,) = _evaluate(_rule(status="body.v"), v=value).changes
    assert isinstance(change, ItemChange) and change.status == code


@pytest.mark.parametrize("value", ["shipped", "", 1, True, ["o"]])
def test_another_status_is_refused_without_showing_it(value: Json) -> None:
    with pytest.raises(RuleError, match=r"status gives none: a status is o, p or c") as caught:
        _evaluate(_rule(status="body.v"), v=value)
    assert "shipped" not in str(caught.value)
    with pytest.raises(ValueError, match="o, p or c"):
        status_code(value)


@pytest.mark.parametrize(
    ("parts", "where"),
    [
        ({"when": "lower(body.n)"}, "when: lower"),
        ({"each": "body.lines", "when": "each.sku < index"}, "when: compares"),
        ({"each": "keys(topic)"}, "each: keys"),
        ({"fields": {"f": "lower(body.n)"}}, "field.f: lower"),
        ({"item": "lower(body.n)"}, "item: lower"),
        ({"status": "lower(body.n)"}, "status: lower"),
        ({"contact": {"email": "lower(body.n)"}}, "contact.email: lower"),
    ],
)
def test_a_failing_expression_is_named(parts: dict[str, Any], where: str) -> None:
    with pytest.raises(RuleError, match=f"^rule r: {where}") as caught:
        _evaluate(_rule(**parts))
    assert caught.value.reason == "expression_failed"


def test_a_rule_may_write_a_contact_too_or_only() -> None:
    contact = {"email": "body.e", "firstName": "body.id", "lastName": "body.none", "groups": "['Editors']"}
    both = _evaluate(_rule(contact=contact, fields={"f": "topic"})).changes
    assert [type(change) for change in both] == [ItemChange, ContactChange]
    (change,) = _evaluate(_rule(tracker="", contact=contact)).changes
    assert change == ContactChange("r", email="a@b.example", first_name="A7", groups=("Editors",))


def test_order_keys_are_those_of_the_items_touched() -> None:
    rules = [
        _rule("a", key=("ref",), fields={"ref": "body.id"}),
        _rule("b", key=("ref",), fields={"ref": "body.id", "more": "topic"}),
        _rule("c", fields={"f": "topic"}),
        _rule("d", tracker="", contact={"email": "body.e"}),
    ]
    evaluation = _evaluate(*rules)
    assert evaluation.order_keys == (evaluation.changes[0].order_key(), evaluation.changes[3].order_key())
    assert changes_of(rules, "Other", DOCUMENT).order_keys == ()


def test_a_contact_without_an_address_is_refused() -> None:
    with pytest.raises(FieldValueError):
        _evaluate(_rule("b", contact={"email": "body.lines"}))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


@given(st.fixed_dictionaries({"a": values, "b": values, "c": values, "d": values}))
def test_no_payload_makes_more_than_changes_or_a_refusal(body: dict[str, Json]) -> None:
    rule = _rule(when="body.a", each="body.b", key=("k",), fields={"k": "each", "f": "body.c"}, status="body.d")
    document: dict[str, Json] = {"body": body}
    with suppress(RuleError):
        evaluation = changes_of([rule], "Shop", document)
        assert set(evaluation.order_keys) == {change.order_key() for change in evaluation.changes}


def test_a_change_carries_the_version_its_rule_names() -> None:
    fields = {"ref": "body.id"}
    versions = [
        getattr(_evaluate(_rule(key=("ref",), fields=fields, version=version)).changes[0], "version")  # noqa: B009
        for version in ("body.n", "body.none", "'2026-11-24'")
    ]
    assert versions == ["12", "", "2026-11-24"]
    assert isinstance(_evaluate(_rule(key=("ref",), fields=fields)).changes[0], ItemChange)


def test_a_version_that_is_none_is_refused_by_the_rule_s_name() -> None:
    with pytest.raises(
        RuleError, match="rule r: version gives none: a version is a number, a date or a text"
    ) as caught:
        _evaluate(_rule(key=("ref",), fields={"ref": "body.id"}, version="body.lines"))
    assert caught.value.reason == "version_unusable"


BUSY: dict[str, Json] = {
    "rows": [{"id": number} for number in range(30_000)],
    "ids": list(range(40_000, 100_000)),
    "text": "a" * 500_000,
}


@pytest.mark.parametrize(
    "parts",
    [
        {"each": "body.rows", "when": "contains(body.ids, each.id)"},  # each row looks through all ids
        {"each": "body.rows[:900]", "fields": {"f": "replace(body.text, 'a', 'aaaaaaaa')"}},
    ],
)
def test_a_payload_that_makes_a_rule_work_without_end_is_refused(parts: dict[str, Any]) -> None:
    costly = _rule(**parts)
    with pytest.raises(RuleError, match="takes too much work") as caught:
        _evaluate(costly, **BUSY)
    assert caught.value.reason == "too_costly"


def test_the_rules_of_one_delivery_share_the_work_they_may_do() -> None:
    rules = [_rule(str(number), fields={"f": "replace(body.text, 'a', 'aaaaaaaa')"}) for number in range(100)]
    assert len(_evaluate(*rules[:10], **BUSY).changes) == 10
    with pytest.raises(RuleError, match="takes too much work"):
        _evaluate(*rules, **BUSY)
