"""Validation patterns of text fields, which Tiki gives to PHP's ``preg_match`` (lib/validators, Tiki 24.4)."""

from __future__ import annotations

import re
from functools import lru_cache

import regex

from tikisync.core import php

_SECONDS = 0.1  # PHP gives up too, after a million steps; a pattern like (a+)+ would never end
_SLASH = re.compile(r"(?<!\\)(?:\\\\)*/")
_DIFFERENT = re.compile(r"\\[pPg]\{|\\.|\{(?!\d+(?:,\d*)?\})", re.DOTALL)


class PatternError(ValueError):
    """A pattern that PHP, or the engine used here, cannot compile."""


def fits(pattern: str, text: str) -> bool:
    """Tell whether ``/pattern/`` matches and what it matches is the whole text, as PHP's ``!=`` compares.

    Like PHP without the modifier ``u``, it sees bytes: ``.`` is half an ``é``. Raises PatternError.
    """
    try:
        found = _compiled(pattern).search(text.encode(), timeout=_SECONDS)
    except TimeoutError:
        return False
    return found is not None and not php.loosely_differ(found[0].decode(errors="replace"), text)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> regex.Pattern[bytes]:
    if _SLASH.search(pattern):
        raise PatternError("it has a / without a \\ before it, which ends a pattern in PHP")
    try:
        return regex.compile(_DIFFERENT.sub(_translated, pattern).encode())
    except regex.error as error:
        raise PatternError(str(error)) from error
    except RecursionError:
        raise PatternError("it is nested too deeply") from None


def _translated(found: re.Match[str]) -> str:
    r"""In PHP a ``{`` that counts nothing is a plain one, ``\Z`` may stand before the end of the last line."""
    return {r"\Z": r"(?=\n?\Z)", r"\z": r"\Z", r"\N": r"[^\n]", "{": r"\{"}.get(found[0], found[0])
