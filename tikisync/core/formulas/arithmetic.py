"""Functions of Tiki's formulas that calculate and compare (Tiki: lib/core/Math/Formula/Function/*.php, 24.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from tikisync.core import php_numbers
from tikisync.core.formulas import values as php
from tikisync.core.formulas.errors import FormulaError, Unsupported
from tikisync.core.formulas.evaluation import Evaluation, Function
from tikisync.core.formulas.parser import Call
from tikisync.core.formulas.values import Money, Value

_EPSILON = 0.000000001  # amounts closer than this are equal
_INTEGERS_END = 2.0**63


def add(run: Evaluation, call: Call) -> Value:
    """Return the sum of all values; of none, 0."""
    values = run.flat_values(call)
    return _reduced(values, _sum) if values else 0


def average(run: Evaluation, call: Call) -> Value:
    """Return the mean of all values; of none, 0."""
    values = run.flat_values(call)
    if not values:
        return 0
    total = _reduced(values, _sum)
    return (
        total.with_amount(total.number / len(values)) if isinstance(total, Money) else php.divided(total, len(values))
    )


def multiply(run: Evaluation, call: Call) -> Value:
    """Return the product of all values; of none, 1."""
    values = run.flat_values(call)
    return _reduced(values, _product) if values else 1


def subtract(run: Evaluation, call: Call) -> Value:
    """Return the first value less all others; others that are no numbers do not count."""
    result, *others = _as_money(run.values(call)) or [None]
    for other in others:
        if isinstance(result, Money):
            result = result.with_amount(result.number - result.other(other))
        elif php.is_numeric(other):
            result = php.minus(result, other)
    return result


def divide(run: Evaluation, call: Call) -> Value:
    """Return the first value divided by all others; empty ones count as 0."""
    given = [0 if php.is_empty(value) else value for value in run.values(call)]
    result, *others = _as_money(given) or [None]
    for other in others:
        if isinstance(result, Money):
            result = result.with_amount(result.number / _divisor(result, other))
        elif php.is_empty(other) or not php.is_numeric(result) or not php.is_numeric(other):
            raise FormulaError(f'Divide by zero on "{",".join(php.to_text(each) for each in others)}"')
        else:
            result = php.divided(result, other)
    return result


def round_off(run: Evaluation, call: Call) -> Value:
    """Return a number rounded to decimals (0)."""
    value, decimals = ([*_at_most(2, "round", run, call), None, None])[:2]
    places = php.to_int(decimals)
    return _applied(value, lambda number: php_numbers.rounded(number, places))


def floor(run: Evaluation, call: Call) -> Value:
    """Return the whole number at or below."""
    return _applied(([*_at_most(1, "floor", run, call), None])[0], php_numbers.floor)


def ceiling(run: Evaluation, call: Call) -> Value:
    """Return the whole number at or above."""
    return _applied(([*_at_most(1, "ceil", run, call), None])[0], php_numbers.ceiling)


def minimum(run: Evaluation, call: Call) -> Value:
    """Return the lowest value, the first of equals."""
    result = run.value(call.argument(0))
    for each in call.arguments:
        value = run.value(each)
        if _order(value, result) < 0:
            result = value
    return result


def maximum(run: Evaluation, call: Call) -> Value:
    """Return the highest value, of money and of equals as Tiki and PHP choose."""
    result = run.value(call.argument(0))
    for each in call.arguments:
        value = run.value(each)
        if _order(value, result) > 0:
            result = value
    return result


def equals(run: Evaluation, call: Call) -> Value:
    """Tell whether all values are equal."""
    reference = run.value(call.argument(0))
    return all(_equal(reference, run.value(each)) for each in call.arguments)


def not_equals(run: Evaluation, call: Call) -> Value:
    """Tell whether no other value equals the first."""
    reference = run.value(call.argument(0))
    same = 0
    for each in call.arguments:
        same += php.compare(run.value(each), reference) == 0
        if same > 1:
            return False
    return True


def less_than(run: Evaluation, call: Call) -> Value:
    """Tell whether the first value is at most the second, whatever the name says."""
    return _order(*_pair("less than", run, call)) <= 0


def more_than(run: Evaluation, call: Call) -> Value:
    """Tell whether the first value is at least the second."""
    return _order(*_pair("more than", run, call)) >= 0


def _pair(name: str, run: Evaluation, call: Call) -> tuple[Value, Value]:
    if len(call.arguments) > 2:
        raise FormulaError(f"Too many arguments on {name}.")
    return run.value(call.argument(0)), run.value(call.argument(1))


def _at_most(count: int, name: str, run: Evaluation, call: Call) -> list[Value]:
    if len(call.arguments) > count:
        raise FormulaError(f"Too many arguments on {name}.")
    return run.values(call)


def _reduced(values: list[Value], operation: Callable[[Value, Value], Value]) -> Value:
    """Start with the first money there is, else with the first value."""
    start = next((place for place, value in enumerate(values) if isinstance(value, Money)), 0)
    return reduce(operation, values[:start] + values[start + 1 :], values[start])


def _sum(total: Value, value: Value) -> Value:
    return total.with_amount(total.number + total.other(value)) if isinstance(total, Money) else php.plus(total, value)


def _product(total: Value, value: Value) -> Value:
    if isinstance(total, Money):
        return total.with_amount(total.number * total.other(value))
    return php.times(_whole_if_equal(total), _whole_if_equal(value))


def _whole_if_equal(value: Value) -> int | float:
    number = php_numbers.leading_number(value) if isinstance(value, str) else value
    if isinstance(number, float) and abs(number) >= _INTEGERS_END:
        return number
    whole = php.to_int(value)
    return whole if php.compare(value, whole) == 0 else php.to_float(value)


def _as_money(values: list[Value]) -> list[Value]:
    """Where any value is money, the first one is an amount in its currency."""
    money = next((value for value in values if isinstance(value, Money)), None)
    if money is None or isinstance(values[0], Money):
        return values
    first = values[0]
    return [money.with_amount(first if isinstance(first, str | int | float) else php.to_text(first)), *values[1:]]


def _applied(value: Value, operation: Callable[[float], float]) -> Value:
    if isinstance(value, Money):
        return value.with_amount(operation(float(php.parameter(value.amount))))
    return operation(float(php.parameter(value)))


def _divisor(money: Money, value: Value) -> float:
    divisor = money.other(value)
    if not divisor and isinstance(value, Money) and not php.is_numeric(value.amount):
        raise Unsupported("it divides by no amount, and Tiki breaks off there")
    if not divisor:
        raise FormulaError(f"Division by zero with currency calculation: {money}")
    return divisor


def _order(a: Value, b: Value) -> int:
    if isinstance(a, Money):
        return (a.number > a.other(b)) - (a.number < a.other(b))
    return -_order(b, a) if isinstance(b, Money) else php.compare(a, b)


def _equal(a: Value, b: Value) -> bool:
    if isinstance(a, Money):
        return abs(a.number - a.other(b)) < _EPSILON
    return _equal(b, a) if isinstance(b, Money) else php.compare(a, b) == 0


FUNCTIONS: Mapping[str, Function] = {
    "Add": add,
    "Avg": average,
    "Mul": multiply,
    "Sub": subtract,
    "Div": divide,
    "Round": round_off,
    "Floor": floor,
    "Ceil": ceiling,
    "Min": minimum,
    "Max": maximum,
    "Equals": equals,
    "NotEquals": not_equals,
    "LessThan": less_than,
    "MoreThan": more_than,
}
