"""JMESPath carried out with a bound on the work, whatever an expression asks of a payload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jmespath
from jmespath.visitor import TreeInterpreter

from tikisync.core.expression_functions import FUNCTIONS

MAX_STEPS = 3_000_000  # a few seconds
_SIZE_OF_A_STEP = 64  # elements or characters that are gone over in the time of one visit


class TooManyStepsError(ValueError):
    """The work that an interpreter may do is used up."""


class Interpreter(TreeInterpreter):
    """Carries out expressions, all of them together in at most ``steps`` steps; raises TooManyStepsError.

    Each visit of a part of an expression is a step, and costs more where it yields a long list, object or text.
    """

    def __init__(self, steps: int = MAX_STEPS) -> None:
        super().__init__(jmespath.Options(custom_functions=FUNCTIONS))
        self._left = steps
        self._methods: dict[str, Any] = {}

    def visit(self, node: Mapping[str, Any], *values: Any) -> Any:
        """Return what a node of a parsed expression gives for a value."""
        kind = node["type"]
        method = self._methods.get(kind)
        if method is None:
            method = self._methods[kind] = getattr(self, f"visit_{kind}")
        self._left -= 1
        if self._left < 0:
            raise TooManyStepsError
        result = method(node, *values)
        if isinstance(result, list | dict | str):
            self._left -= len(result) // _SIZE_OF_A_STEP
        return result
