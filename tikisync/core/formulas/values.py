"""PHP's values and operators as Tiki's formulas use them (The PHP Manual: Operators, Type juggling; PHP 8).

PHP's null, booleans, numbers and strings are Python's; its arrays are dicts, whatever their keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from tikisync.core import php_numbers
from tikisync.core.formulas.errors import FormulaError, Unsupported

Key: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (Tiki: Math_Formula_Currency); what it meets must be in the same, or a number."""

    amount: str | float
    currency: str

    def __str__(self) -> str:
        return to_text(self.amount) + self.currency

    def other(self, value: Value) -> float:
        """Return the number that another value is in this currency."""
        if isinstance(value, Money):
            if value.currency != self.currency and value.number:
                raise Unsupported("it converts currencies, at rates that Tiki keeps")
            return to_float(value.amount)
        if is_numeric(value) or is_empty(value):
            return to_float(value)
        raise FormulaError(f"Currency calculation tried with unknown entity: {to_text(value)}")

    @property
    def number(self) -> float:
        """The amount as a number."""
        return to_float(self.amount)

    def with_amount(self, amount: str | float) -> Money:
        """Return another amount in the same currency."""
        return Money(amount, self.currency)


Array: TypeAlias = "dict[Key, Value]"
Value: TypeAlias = "bool | int | float | str | Money | Array | None"


def money_from_field(value: str) -> Money:
    """Return a currency field's value (Tiki: Field/Currency.php getFieldData)."""
    parts = re.fullmatch(r"([-\d.]*)([A-Za-z]*)\n?", value, re.ASCII)
    return Money(parts[1], parts[2]) if parts else Money(value, "")


def money_from_text(value: str) -> Value:
    """Return text such as ``12.5EUR`` as money, other text as it is (Tiki: Math_Formula_Currency::tryFromString)."""
    parts = re.fullmatch(r"(-?\d+(?:\.\d+)?)([A-Z]{3})\n?", value, re.ASCII | re.IGNORECASE)
    return Money(parts[1], parts[2]) if parts else value


def is_empty(value: Value) -> bool:
    """PHP's ``empty``: also ``"0"``; money never is."""
    return not isinstance(value, Money) and value in (None, False, 0, "", "0", {})


def is_numeric(value: Value) -> bool:
    """PHP's ``is_numeric``."""
    if isinstance(value, str):
        return php_numbers.number(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_text(value: Value) -> str:
    """PHP's string cast."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, dict):
        return "Array"
    return php_numbers.text(value) if isinstance(value, int | float) else str(value)


def to_float(value: Value) -> float:
    """PHP's float cast: text counts by the number it begins with."""
    if isinstance(value, str):
        return float(php_numbers.leading_number(value) or 0)
    if isinstance(value, Money):
        raise Unsupported("it takes money for a plain number")
    return float(bool(value)) if isinstance(value, dict) else float(value or 0)


def to_int(value: Value) -> int:
    """PHP's integer cast: text counts by the number it begins with, fractions are cut off."""
    number = php_numbers.leading_number(value) or 0 if isinstance(value, str) else value
    if isinstance(number, int):
        return int(number)
    number = to_float(number)
    if not -(2.0**63) <= number < 2.0**63:
        raise Unsupported("a number is too large for an integer")
    return int(number)


def operand(value: Value) -> int | float:
    """Return what an arithmetic operator makes of a value; on other text than numbers PHP 8 breaks off."""
    number = php_numbers.leading_number(value) if isinstance(value, str) else value
    if isinstance(number, Money | dict) or (number is None and isinstance(value, str)):
        raise Unsupported("an operand is no number, and Tiki breaks off there")
    return int(number or 0) if number is None or isinstance(number, bool) else number


def parameter(value: Value) -> int | float:
    """Return what a PHP function that takes a number makes of a value; text must be numeric as a whole."""
    if isinstance(value, str) and php_numbers.number(value) is None:
        raise Unsupported("an argument is no number, and Tiki breaks off there")
    return operand(value)


def int_parameter(value: Value) -> int:
    """Return what a PHP function that takes an integer makes of a value."""
    number = parameter(value)
    if not -(2**63) <= number < 2**63:
        raise Unsupported("an argument is too large, and Tiki breaks off there")
    return int(number)


def text_parameter(value: Value) -> str:
    """Return what a PHP function that takes text makes of a value; an array breaks off."""
    if isinstance(value, dict):
        raise Unsupported("an argument is a list, and Tiki breaks off there")
    return to_text(value)


def plus(a: Value, b: Value) -> int | float:
    """PHP's ``+``."""
    return _within(operand(a) + operand(b))


def minus(a: Value, b: Value) -> int | float:
    """PHP's ``-``."""
    return _within(operand(a) - operand(b))


def times(a: Value, b: Value) -> int | float:
    """PHP's ``*``."""
    return _within(operand(a) * operand(b))


def divided(a: Value, b: Value) -> int | float:
    """PHP's ``/``: a whole number where integers divide without rest."""
    dividend, divisor = operand(a), operand(b)
    if not divisor:
        raise Unsupported("it divides by zero, and Tiki breaks off there")
    if isinstance(dividend, int) and isinstance(divisor, int) and dividend % divisor == 0:
        return _within(dividend // divisor)
    return dividend / divisor


def compare(a: Value, b: Value) -> int:
    """PHP's ``<=>``: below, at or above zero."""
    if isinstance(a, dict) or isinstance(b, dict):
        raise Unsupported("it compares lists")
    if isinstance(a, Money) or isinstance(b, Money):
        if not isinstance(a, Money | str) or not isinstance(b, Money | str):
            raise Unsupported("it compares money with a plain value")
        a, b = str(a), str(b)
    if (a is None and isinstance(b, str)) or (b is None and isinstance(a, str)):
        a, b = a or "", b or ""
        return (a > b) - (a < b)
    if isinstance(a, bool | None) or isinstance(b, bool | None):
        return (not is_empty(a)) - (not is_empty(b))
    left = php_numbers.number(a) if isinstance(a, str) else a
    right = php_numbers.number(b) if isinstance(b, str) else b
    if left is not None and right is not None:
        return (left > right) - (left < right)
    first, second = to_text(a).encode(), to_text(b).encode()
    return (first > second) - (first < second)


def merged(values: Iterable[Value]) -> list[Value]:
    """Return all values, those of arrays one by one, as ``array_merge`` strings them together."""
    together: Array = {}
    for value in values:
        entries = value if isinstance(value, dict) else {0: value}
        for key, entry in entries.items():
            together[key if isinstance(key, str) else _next(together)] = entry
    return list(together.values())


def numbered(values: Iterable[Value]) -> Array:
    """Return a PHP list."""
    return dict(enumerate(values))


def _next(array: Array) -> int:
    return sum(isinstance(key, int) for key in array)


def _within(number: int | float) -> int | float:
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        return float(number)
    if math.isnan(number):
        raise Unsupported("a number is beyond all bounds")
    return number
