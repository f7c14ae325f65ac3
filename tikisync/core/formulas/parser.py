"""The syntax of Tiki's formulas: ``(round (mul price 1.2) 2)`` (Tiki: lib/core/Math/Formula/Parser.php, 24.4)."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from tikisync.core.formulas.errors import FormulaError, Unsupported

_TOKEN = re.compile(r'[()]|[^\s()"]*"[^"]*"?|[^\s()"]+', re.ASCII)
_DEEPEST = 100  # nested parentheses


@dataclass(frozen=True, slots=True)
class Text:
    """A literal between double quotes."""

    content: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function's name and its arguments as written: literals, names and numbers as ``str``, nested calls."""

    name: str
    arguments: tuple[Node, ...]

    def argument(self, place: int) -> Node | None:
        """Return an argument, None where there are not so many."""
        return self.arguments[place] if place < len(self.arguments) else None

    def part(self, name: str) -> Call | None:
        """Return the first argument that is a call of this name, such as ``(list …)`` within ``for-each``."""
        return next((each for each in self.arguments if isinstance(each, Call) and each.name == name), None)


Node: TypeAlias = Text | Call | str


@lru_cache(maxsize=256)
def parse(formula: str) -> Call:
    """Return the formula's call; raise FormulaError with Tiki's message where it is malformed."""
    tokens = deque(_TOKEN.findall(formula))
    call = _call(tokens, _DEEPEST)
    if tokens:
        raise _error("Unexpected trailing characters.", tokens)
    return call


def _call(tokens: deque[str], depth: int) -> Call:
    if not depth:
        raise Unsupported("it is nested too deeply")
    if not tokens or tokens[0] != "(":
        raise _error('Expecting "("', tokens)
    tokens.popleft()
    if tokens and tokens[0] in ("(", ")"):
        raise _error(f'Unexpected "{tokens[0]}"', tokens)
    name = tokens.popleft() if tokens else ""
    arguments: list[Node] = []
    while tokens and tokens[0] != ")":
        if tokens[0] == "(":
            call = _call(tokens, depth - 1)
            if call.name != "comment":
                arguments.append(call)
        else:
            token = tokens.popleft()
            arguments.append(Text(token.strip('"')) if token.startswith('"') else token)
    if not tokens:
        raise _error('Expecting ")"', tokens)
    tokens.popleft()
    return Call(name, tuple(arguments))


def _error(message: str, tokens: deque[str]) -> FormulaError:
    return FormulaError(f'{message} near "{" ".join(tokens)}"')
