"""Expressions: what they read, what they give, and what they say when they cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.expressions import MAX_DEPTH, MAX_LEVELS, MAX_VALUES, Expression, ExpressionError, is_true, similar
from tikisync.core.trackers import Json

DOCUMENT: dict[str, Json] = {
    "body": {
        "id": 7,
        "name": " Ann Lee ",
        "tags": "a, b",
        "amount": 1999,
        "price": 19.99,
        "nothing": None,
        "n": [3, 1],
    },
    "headers": {"x-event": "Paid"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("body.id", 7),
        ("body.missing.deeper", None),
        ('headers."x-event" == \'Paid\' && \'c\' || \'o\'', "c"),
        ("lower(headers.\"x-event\")", "paid"),
        ("upper(body.tags)", "A, B"),
        ("trim(body.name)", "Ann Lee"),
        ("split(body.tags, ', ')", ["a", "b"]),
        ("split(trim(body.name), ' ')[-1]", "Lee"),
        ("replace(body.tags, ', ', ';')", "a;b"),
        ("join(' ', ['a', body.tags])", "a a, b"),
        ("divide(body.amount, `100`)", 19.99),
        ("divide(`2000`, `100`)", 20),
        ("divide(`1`, `3`)", 1 / 3),
        ("multiply(body.price, `3`)", 59.97),
        ("multiply(`0.5`, `2`)", 1),
        ("sort(body.n)", [1, 3]),
        ("{amount: body.amount, currency: 'EUR'}", {"amount": 1999, "currency": "EUR"}),
    ],
)  # fmt: skip
def test_expressions_give_values(text: str, expected: Json) -> None:
    result = Expression.compile(text).evaluate(DOCUMENT)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("text", ["a || " * 3000 + "a", "a | " * 3000 + "a", "a" + "[]" * 5000])
def test_an_expression_nested_or_chained_without_end_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match="nested too deeply"):
        Expression.compile(text)


def test_an_expression_of_many_levels_is_evaluated_however_deep_the_caller_is() -> None:
    text = "(" * 20 + "body.missing" + " || body.missing" * (MAX_LEVELS - 25) + ")" * 20 + " || body.id"

    def deep(levels: int) -> Json:
        return deep(levels - 1) if levels else Expression.compile(text).evaluate(DOCUMENT)

    assert deep(300) == 7


@pytest.mark.parametrize(
    "call",
    ["lower(@)", "upper(@)", "trim(@)", "split(@, 'x')", "replace(@, 'a', 'b')", "multiply(@, `2`)", "multiply(`2`, @)",
     "divide(@, `2`)", "divide(`2`, @)"],
)  # fmt: skip
def test_our_functions_hand_null_on(call: str) -> None:
    assert Expression.compile(f"body.nothing | {call}").evaluate(DOCUMENT) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the expression is empty"),
        ("  ", "the expression is empty"),
        ("body.", "the expression ends too early:\n  body.\n       ^"),
        ("f(", "the expression ends too early:\n  f(\n    ^"),
        ("headers.x-event", "headers.\"x-github-event\"):\n  headers.x-event\n           ^"),
        ("topic = 'a'", "(write == to compare):\n  topic = 'a'\n        ^"),
        ("a +1", "JMESPath has no arithmetic"),
        ("a b", "cannot be read from here on:\n  a b\n    ^"),
        ("'open", "cannot be read from here on:\n  'open\n  ^"),
        ("a || `open`", "backticks hold JSON; write text in single quotes, as 'text':\n  a || `open`\n       ^"),
        ("`NaN`", "backticks hold JSON"),
        ("zzz(a)", "there is no function zzz():\n  zzz(a)\n  ^"),
        ("a || lowr(b)", "there is no function lowr(); did you mean lower?:\n  a || lowr(b)\n       ^"),
        ("lower()", "lower() takes 1 values, got 0"),
        ("lower(a, b)", "lower() takes 1 values, got 2"),
        ("not_null()", "not_null() takes at least 1 values, got 0"),
        ("a[" + "1" * 5000 + "]", "cannot be read as JMESPath (ValueError)"),
        ("(" * 5000, "cannot be read as JMESPath (RecursionError)"),
    ],
)  # fmt: skip
def test_a_broken_expression_is_shown_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.compile(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sort(body.name)", "sort() takes array-string or array-number, got string"),
        ("lower(body.id)", "lower() takes string or null, got number"),
        ("body.name < body.id", "compares or searches values of different kinds; see to_number()"),
        ("contains(body.name, body.id)", "compares or searches values of different kinds"),
        ("divide(body.id, `0`)", "has no result"),
        ("split(body.name, '')", "has no result"),
        ("multiply(multiply(`1e300`, `1e300`), `1e300`)", "has no result"),
        ("multiply(`1e38`, `100`)", "has no result"),
        ("sum([`1e308`, `1e308`])", "gives a number that is too large"),
        ("to_number('1e999')", "gives a number that is too large"),
        ("&body", "gives no value"),
    ],
)
def test_a_failing_expression_says_why_without_the_payload(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.compile(text).evaluate(DOCUMENT)
    assert message in str(caught.value)
    assert "Ann" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_texts_cannot_be_blown_up() -> None:
    long: dict[str, Json] = {"t": "a" * 100_000, "l": ["", ""] * 1000}
    for text in ("replace(t, 'a', t)", "join(t, l)"):
        with pytest.raises(ExpressionError, match="has no result"):
            Expression.compile(text).evaluate(long)


def test_results_are_bounded() -> None:
    with pytest.raises(ExpressionError, match="gives too much"):
        Expression.compile("a").evaluate({"a": [0] * MAX_VALUES})
    deep: Json = 1
    for _ in range(MAX_DEPTH + 1):
        deep = {"d": deep}
    with pytest.raises(ExpressionError, match="gives too much"):
        Expression.compile("a").evaluate({"a": deep})


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("body.a.b", {("body", "a", "b")}),
        ("body.a[0].b", {("body",)}),
        ("body.a[].b", {("body", "a")}),
        ("body.a[?b == c].d", {("body", "a")}),
        ("body.*.x", {("body",)}),
        ("body | a", {("body",)}),
        ("a || b && !c", {("a",), ("b",), ("c",)}),
        ("[a, {x: b}]", {("a",), ("b",)}),
        ("sort_by(body.l, &x)[0]", {("body", "l")}),
        ("body.a[1:2]", {("body",)}),
        ("@.a", set()),
        ("'text' == `1`", set()),
        ("lower(headers.\"X-A\")", {("headers", "X-A")}),
    ],
)  # fmt: skip
def test_it_is_known_what_an_expression_reads(text: str, paths: set[tuple[str, ...]]) -> None:
    assert Expression.compile(text).paths == paths


def test_equal_texts_are_equal_expressions() -> None:
    assert Expression.compile("a.b") == Expression.compile("a.b") != Expression.compile("a.c")
    assert repr(Expression.compile("a.b")) == "Expression(text='a.b')"


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_empty_values_are_false(value: Json) -> None:
    assert not is_true(value)


@pytest.mark.parametrize("value", [0, 0.0, True, " ", [None], {"a": None}])
def test_other_values_are_true_also_zero(value: Json) -> None:
    assert is_true(value)


def test_similar_names_are_suggested() -> None:
    assert similar("Trackr", ["tracker", "topic"]) == "; did you mean tracker?"
    assert similar("zzz", ["tracker"]) == ""


@given(st.one_of(st.text(max_size=40), st.text(st.sampled_from("ab.[]*?&|!'\"`\\(){}:,<>=-@ 019"), max_size=40)))
def test_any_text_compiles_or_raises_an_expression_error(text: str) -> None:
    try:
        expression = Expression.compile(text)
    except ExpressionError:
        return
    try:
        expression.evaluate({"a": [{"b": "x"}, 1], "b": "text"})
    except ExpressionError:
        return
