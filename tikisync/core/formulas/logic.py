"""Functions of Tiki's formulas on truth and lists (Tiki: lib/core/Math/Formula/Function/*.php, 24.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tikisync.core.formulas import values as php
from tikisync.core.formulas.errors import FormulaError, Unsupported
from tikisync.core.formulas.evaluation import Evaluation, Function
from tikisync.core.formulas.parser import Call
from tikisync.core.formulas.texts import word
from tikisync.core.formulas.values import Money, Value


def choose(run: Evaluation, call: Call) -> Value:
    """Return the second value if the first is true, else the third (0)."""
    other = call.argument(2)
    return run.value(call.argument(1) if _true(run.value(call.argument(0))) else "0" if other in (None, "0") else other)


def every(run: Evaluation, call: Call) -> Value:
    """Return 1 if all values are true and there are any, else 0."""
    return int(bool(call.arguments) and all(_true(run.value(each)) for each in call.arguments))


def some(run: Evaluation, call: Call) -> Value:
    """Return 1 if any value is true, else 0."""
    return int(any(_true(run.value(each)) for each in call.arguments))


def negate(run: Evaluation, call: Call) -> Value:
    """Tell whether the value is not true."""
    return not _true(run.value(call.argument(0)))


def is_empty(run: Evaluation, call: Call) -> Value:
    """Tell whether all values are empty or one is unknown; money alone decides by its amount."""
    for each in call.arguments:
        try:
            value = run.value(each)
        except FormulaError:
            return True
        if isinstance(value, Money):
            return php.is_empty(value.amount)
        if not php.is_empty(value):
            return False
    return True


def coalesce(run: Evaluation, call: Call) -> Value:
    """Return the first value that is not empty, of lists the first such member, else 0."""
    for each in call.arguments:
        value = run.value(each)
        members: Iterable[Value] = value.values() if isinstance(value, dict) else ()
        for candidate in [*members, value]:
            if not php.is_empty(candidate):
                return candidate
    return 0


def count(run: Evaluation, call: Call) -> Value:
    """Return how many values there are, those of lists one by one."""
    return len(run.flat_values(call))


def mapping(run: Evaluation, call: Call) -> Value:
    """Return values by the names they are given with, as in ``(map (price 3))``."""
    pairs = [each for each in call.arguments if isinstance(each, Call)]
    if len(pairs) < len(call.arguments):
        raise Unsupported("map has an argument without a name, and Tiki breaks off there")
    return {each.name: run.value(each.argument(0)) for each in pairs}


def for_each(run: Evaluation, call: Call) -> Value:
    """Return the formula's value for each member of a list, which it knows as ``$1`` or by its own names."""
    _only(call, "list", "formula")
    members, formula = call.part("list"), call.part("formula")
    if members is None or len(members.arguments) != 1:
        raise FormulaError("Field must be provided and contain one argument: list")
    found = run.value(members.arguments[0])
    if formula is None or len(formula.arguments) != 1:
        raise FormulaError("Field must be provided and contain a function.")
    entries = found.values() if isinstance(found, dict) else ()
    return php.numbered(
        run.within({str(key): value for key, value in each.items()} if isinstance(each, dict) else {"$1": each}).value(
            formula.arguments[0]
        )
        for each in entries
    )


def split_list(run: Evaluation, call: Call) -> Value:
    """Return the parts of texts: each under one key, or each line's parts under several."""
    _only(call, "content", "separator", "keys", "key")
    content, separator = call.part("content"), call.part("separator")
    if content is None or not content.arguments:
        raise FormulaError("Content required.")
    if separator is None or len(separator.arguments) != 1:
        raise FormulaError("Field must be provided and contain one argument: separator")
    key, keys = call.part("key"), call.part("keys")
    if key is None and keys is None:
        raise FormulaError("Field must be provided and contain one or more values: key or keys")
    by = word(separator.arguments[0])
    texts = [php.text_parameter(each) for each in run.values(content)]
    if key is not None:
        name = word(key.argument(0))
        return php.numbered({name: part} for text in texts for part in text.split(by))
    names = [word(each) for each in keys.arguments] if keys else []
    rows = [line.split(by, max(len(names) - 1, 0)) for text in texts for line in text.split("\n")]
    return php.numbered(dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names))


def _only(call: Call, *names: str) -> None:
    extra = [
        f"({each.name} ...)" if isinstance(each, Call) else word(each)
        for each in call.arguments
        if not isinstance(each, Call) or each.name not in names
    ]
    if extra:
        raise FormulaError(f"Unexpected values: {', '.join(extra)}")


def _true(value: Value) -> bool:
    return not php.is_empty(value)


FUNCTIONS: Mapping[str, Function] = {
    "If": choose,
    "And": every,
    "Or": some,
    "Not": negate,
    "IsEmpty": is_empty,
    "Coalesce": coalesce,
    "Count": count,
    "Map": mapping,
    "ForEach": for_each,
    "SplitList": split_list,
}
