"""The functions that expressions have beyond JMESPath's own; all of them hand null on instead of failing on it.

Names and argument order follow the JMESPath Community specification where it has the function.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from jmespath.functions import Functions, signature

MAX_TEXT = 4 << 20  # characters that one function may make
_MAX_DIGITS = 40  # of a calculated number, before the decimal point

_TEXT: Any = {"types": ["string", "null"]}
_PLAIN_TEXT: Any = {"types": ["string"]}
_TEXTS: Any = {"types": ["array-string"]}
_NUMBER: Any = {"types": ["number", "null"]}


class ExpressionFunctions(Functions):
    """JMESPath's functions and ours; raises ValueError or ArithmeticError where a result would be out of bounds."""

    @signature(_TEXT)
    def _func_lower(self, text: str | None) -> str | None:
        return text if text is None else text.lower()

    @signature(_TEXT)
    def _func_upper(self, text: str | None) -> str | None:
        return text if text is None else text.upper()

    @signature(_TEXT)
    def _func_trim(self, text: str | None) -> str | None:
        return text if text is None else text.strip()

    @signature(_TEXT, _PLAIN_TEXT)
    def _func_split(self, text: str | None, separator: str) -> list[str] | None:
        return text if text is None else text.split(separator)

    @signature(_TEXT, _PLAIN_TEXT, _PLAIN_TEXT)
    def _func_replace(self, text: str | None, old: str, new: str) -> str | None:
        if text is None:
            return None
        _bound(len(text) + text.count(old) * (len(new) - len(old)))
        return text.replace(old, new)

    @signature(_PLAIN_TEXT, _TEXTS)
    def _func_join(self, separator: str, texts: list[str]) -> str:
        _bound(sum(map(len, texts)) + len(separator) * len(texts))
        return separator.join(texts)

    @signature(_NUMBER, _NUMBER)
    def _func_multiply(self, left: float | None, right: float | None) -> float | None:
        return None if left is None or right is None else _number(_decimal(left) * _decimal(right))

    @signature(_NUMBER, _NUMBER)
    def _func_divide(self, left: float | None, right: float | None) -> float | None:
        return None if left is None or right is None else _number(_decimal(left) / _decimal(right))


FUNCTIONS = ExpressionFunctions()


def _bound(length: int) -> None:
    if length > MAX_TEXT:
        raise ValueError


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))  # as it is written, so that 3 * 19.99 is 59.97


def _number(result: Decimal) -> float:
    if result.adjusted() >= _MAX_DIGITS:
        raise OverflowError
    return int(result) if result == result.to_integral_value() else float(result)
