"""Values that name several things: a list, text that lists them, or a single thing."""

from __future__ import annotations

from tikisync.core.trackers import Json


def entries(value: Json, separator: str | None = ",") -> list[Json]:
    """Return the members of a list, of text with separators, or the one thing itself; blanks and nulls are left out."""
    if isinstance(value, str):
        value = list(value.split(separator))
    if not isinstance(value, list):
        value = [value]
    trimmed = [each.strip() if isinstance(each, str) else each for each in value]
    return [each for each in trimmed if each is not None and each != ""]


def identifier(entry: Json) -> int | None:
    """Return an entry as the id it is (a positive whole number, or its digits), None where it is none."""
    if isinstance(entry, str) and entry.isascii() and entry.isdecimal() and len(entry) < 16:
        entry = int(entry)
    if isinstance(entry, float) and entry.is_integer():
        entry = int(entry)
    return entry if isinstance(entry, int) and not isinstance(entry, bool) and 0 < entry < 2**31 else None
