"""Expressions of rules: JMESPath over one delivery's document, checked when the config is read.

JMESPath is https://jmespath.org/specification.html, as the ``jmespath`` package has it, with a few more functions
(``expression_functions``).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import takewhile
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathTypeError, LexerError, ParseError

from tikisync.core.expression_functions import FUNCTIONS
from tikisync.core.interpreter import Interpreter, TooManyStepsError
from tikisync.core.trackers import Json

MAX_VALUES = 100_000  # in one result
MAX_DEPTH = 100
MAX_LEVELS = 100  # of an expression, within each other or in a row: each takes a few calls within calls to evaluate

_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`((?:[^`\\]|\\.)*)`""", re.DOTALL)
_LEFT_ONLY = {"subexpression", "index_expression", "pipe", "flatten", "projection", "value_projection",
              "filter_projection"}  # fmt: skip  # the other children look at what the first one gave
_HINTS = {
    "-": """a name with a hyphen needs double quotes, as in headers."x-github-event\"""",
    "=": "write == to compare",
    "+": "JMESPath has no arithmetic: see multiply(), divide() and sum()",
}


class ExpressionError(ValueError):
    """An expression that cannot be read or evaluated, in words without any content of a payload."""

    reason = "expression_failed"


class TooCostlyError(ExpressionError):
    """An expression that takes too much work for this payload."""

    reason = "too_costly"


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; made by ``compile``, equal to another of the same text."""

    text: str
    paths: frozenset[tuple[str, ...]] = field(repr=False, compare=False)  # what it reads of the document
    _parsed: Any = field(repr=False, compare=False)

    @classmethod
    def compile(cls, text: str) -> Expression:
        """Compile ``text``; raises ExpressionError that shows the place."""
        if not text.strip():
            raise ExpressionError("the expression is empty; write '' (two single quotes) for empty text")
        for match in _QUOTED.finditer(text):
            _check_literal(text, match)
        try:
            parsed = jmespath.compile(text)
        except ParseError as error:
            raise _unreadable(text, error) from None
        except (ValueError, RecursionError, IndexError) as error:
            raise ExpressionError(f"cannot be read as JMESPath ({type(error).__name__}): {text}") from None
        _check_levels(parsed.parsed)
        _check_functions(text, parsed.parsed)
        return cls(text, frozenset(_paths(parsed.parsed)), parsed)

    @property
    def names(self) -> frozenset[str]:
        """The names that it reads at the top of the document, such as ``body``."""
        return frozenset(path[0] for path in self.paths)

    def evaluate(self, document: Mapping[str, Json], interpreter: Interpreter | None = None) -> Json:
        """Return what the expression gives for a document; raises ExpressionError.

        The work of all expressions with the same ``interpreter`` together is bounded.
        """
        try:
            result = (interpreter or Interpreter()).visit(self._parsed.parsed, document)
        except TooManyStepsError:
            raise TooCostlyError("takes too much work for a delivery like this; look at fewer of its parts") from None
        except JMESPathTypeError as error:
            expected = " or ".join(error.expected_types)
            raise ExpressionError(f"{error.function_name}() takes {expected}, got {error.actual_type}") from None
        except TypeError:
            raise ExpressionError("compares or searches values of different kinds; see to_number()") from None
        except (ValueError, ArithmeticError):
            raise ExpressionError("has no result: division by zero, an empty separator, or too large") from None
        _check_result(result)
        checked: Json = result
        return checked


def is_true(value: Json) -> bool:
    """Tell whether JMESPath takes a value for true: anything but null, false, ``''``, ``[]`` and ``{}``."""
    return not (value is None or value is False or value == "" or value == [] or value == {})


def similar(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` with the most similar known name, or ``''``."""
    lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    return f"; did you mean {lower[close[0]]}?" if close else ""


def _at(text: str, position: int, what: str) -> ExpressionError:
    return ExpressionError(f"{what}:\n  {text}\n  {' ' * position}^")


def _unreadable(text: str, error: ParseError) -> ExpressionError:
    if error.lex_position >= len(text):
        return _at(text, len(text), "the expression ends too early")
    hint = _HINTS.get(text[error.lex_position : error.lex_position + 1], "") if isinstance(error, LexerError) else ""
    return _at(text, error.lex_position, "cannot be read from here on" + (f" ({hint})" if hint else ""))


def _check_literal(text: str, quoted: re.Match[str]) -> None:
    """Backticks hold JSON; a bare word there is a deprecated spelling that newer JMESPath does not have."""
    literal = quoted[1]
    if literal is not None:
        try:
            json.loads(literal.replace("\\`", "`"), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise _at(text, quoted.start(), "backticks hold JSON; write text in single quotes, as 'text'") from None


def _no_constant(_name: str) -> None:
    raise ValueError


def _check_levels(tree: Mapping[str, Any]) -> None:
    level, depth = [tree], 0
    while level:
        if depth > MAX_LEVELS:
            raise ExpressionError(f"is nested too deeply: more than {MAX_LEVELS} levels within each other or in a row")
        level = [child for node in level for child in node["children"] if isinstance(child, dict)]
        depth += 1


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _nodes(child)


def _check_functions(text: str, tree: Mapping[str, Any]) -> None:
    for node in _nodes(tree):
        if node["type"] != "function_expression":
            continue
        name, given = node["value"], len(node["children"])
        position = max(text.find(name), 0)
        known = FUNCTIONS.FUNCTION_TABLE
        if name not in known:
            raise _at(text, position, f"there is no function {name}()" + similar(name, known))
        parameters = known[name]["signature"]
        variadic = bool(parameters and parameters[-1].get("variadic"))
        if given < len(parameters) or (given > len(parameters) and not variadic):
            least = "at least " if variadic else ""
            raise _at(text, position, f"{name}() takes {least}{len(parameters)} values, got {given}")


def _paths(node: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the chains of names that are looked up in the document itself, not in a part of it."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield (node["value"],)
    elif kind == "subexpression" and children[0]["type"] == "field":
        yield tuple(child["value"] for child in takewhile(lambda child: child["type"] == "field", children))
    elif kind in _LEFT_ONLY:
        yield from _paths(children[0])
    elif kind != "expref":
        for child in children:
            yield from _paths(child)


def _check_result(result: object) -> None:
    budget = MAX_VALUES
    level, depth = [result], 0
    while level:
        budget -= len(level)
        if budget < 0 or depth > MAX_DEPTH:
            raise ExpressionError("gives too much: more values, or more deeply nested ones, than any field can take")
        deeper: list[object] = []
        for value in level:
            if isinstance(value, list):
                deeper.extend(value)
            elif isinstance(value, dict):
                deeper.extend(value.values())
            elif not (value is None or isinstance(value, str | int | float)):
                raise ExpressionError("gives no value: & only makes sense as an argument of a function")
            elif isinstance(value, float) and not math.isfinite(value):
                raise ExpressionError("gives a number that is too large")
        level, depth = deeper, depth + 1
