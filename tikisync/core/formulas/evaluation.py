"""What a formula yields: names and literals, and the functions on them (Tiki: Math/Formula/Runner.php, 24.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeAlias

from tikisync.core import php_numbers
from tikisync.core.formulas.errors import FormulaError, Unsupported
from tikisync.core.formulas.parser import Call, Node, Text
from tikisync.core.formulas.values import Value, merged


@dataclass(frozen=True, slots=True)
class Clock:
    """The time a formula may ask for: UNIX seconds, and the user's time zone as an IANA name."""

    now: int
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a formula can use: variables by name, functions, the clock."""

    variables: Mapping[str, Value]
    functions: Mapping[str, Function]  # by the name of Tiki's class, such as 'LessThan'
    clock: Clock | None = None

    def value(self, node: Node | None) -> Value:
        """Return the value of an argument; None is one that is missing."""
        if isinstance(node, Text):
            return node.content
        if isinstance(node, Call):
            function = self.functions.get(camel_case(node.name))
            if function is None:
                raise FormulaError(f'Unknown operation "{node.name}".')
            return function(self, node)
        name = node or ""
        number = php_numbers.number(name)
        return self._variable(name) if number is None else float(number)

    def values(self, call: Call) -> list[Value]:
        """Return the values of all arguments."""
        return [self.value(each) for each in call.arguments]

    def flat_values(self, call: Call) -> list[Value]:
        """Return the values of all arguments, those of lists one by one."""
        return merged(self.value(each) for each in call.arguments)

    def within(self, variables: Mapping[str, Value]) -> Evaluation:
        """Return an evaluation that knows more names."""
        return replace(self, variables={**self.variables, **variables})

    def _variable(self, name: str) -> Value:
        if (whole := self.variables.get(name)) is not None:
            return whole
        head, *path = name.split(".")
        value = self.variables.get(head)
        for step in path:
            if isinstance(value, str) and php_numbers.number(step) is not None:
                raise Unsupported(f"it takes a single letter of a text, {name}")
            value = value.get(step) if isinstance(value, dict) else None
        if value is None or value is False:
            raise FormulaError(f'Variable not found "{name}".')
        return value


@lru_cache(256)
def camel_case(name: str) -> str:
    """Return the name of the class that Tiki looks for: ``less-than`` is LessThan."""
    return re.sub(r"-(\S)", lambda dash: dash[1].upper(), name[:1].upper() + name[1:])


Function: TypeAlias = Callable[[Evaluation, Call], Value]
