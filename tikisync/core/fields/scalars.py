"""JSON values that stand for one piece of text."""

from __future__ import annotations

from tikisync.core import markup, php
from tikisync.core.trackers import Json


def plain(value: Json) -> str | None:
    """Return a text, a number or true/false as text, ``[]`` as ``''``; None for what is no single value.

    Control characters that Tiki's form filter drops are gone.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return php.number_text(value)
    if isinstance(value, str):
        return markup.cleaned(value)
    return "" if value == [] else None
