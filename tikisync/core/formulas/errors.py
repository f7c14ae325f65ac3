"""Why a formula has no result: it has one that says what is wrong, or tikisync leaves it to Tiki."""

from __future__ import annotations


class FormulaError(Exception):
    """What Tiki calls an error of the formula, and stores as its result: the message."""


class Unsupported(Exception):  # noqa: N818  not an error: the result is Tiki's to find
    """What tikisync leaves to Tiki; the message completes "it is left to Tiki, because …"."""
