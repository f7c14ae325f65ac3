"""Characters that MySQL's older character sets have no room for: those of four bytes in UTF-8, such as emoji.

Tiki stores a space for each of them (24.4: lib/core/TikiDb/Table.php, SanitizeEncoding.php).
"""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

V = TypeVar("V")

_WIDE = re.compile("[\U00010000-\U0010ffff]")


def is_wide(text: str) -> bool:
    """Tell whether a text has such a character."""
    return not text.isascii() and _WIDE.search(text) is not None


def narrowed(value: V) -> V:
    """Return a text, or a JSON value with its texts and names, with a space for each of them."""
    result: Any = value
    if isinstance(value, str):
        result = _WIDE.sub(" ", value) if is_wide(value) else value
    elif isinstance(value, list):
        result = [narrowed(each) for each in value]
    elif isinstance(value, dict):
        result = {narrowed(name): narrowed(each) for name, each in value.items()}
    return cast("V", result)
