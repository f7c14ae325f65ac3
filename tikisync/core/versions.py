"""Versions of what a sender tells about an item, so that old news does not overwrite newer.

A version is a number, a moment or any other text that grows. Two numbers compare as numbers, two moments (ISO 8601;
without an offset: UTC) as instants, two other texts as texts. What is not of one kind says nothing about each other:
the rule has changed, or the sender its way of writing, and then the later arrival counts.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from tikisync.core.trackers import Json

MAX_LENGTH = 400  # characters; the longest JSON number written out has fewer
OLDER = "older than what is applied already"

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*")

_Comparable: TypeAlias = "tuple[str, Decimal | datetime | str]"


def version_text(value: Json) -> str:
    """Return a version as it is kept, ``''`` for null and blank text; raises ValueError where it is none."""
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        raise ValueError("a version is a number, a date or a text")
    text = value.strip() if isinstance(value, str) else format(Decimal(str(value)), "f")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a version has at most {MAX_LENGTH} characters")
    return text


def is_older(version: str, applied: str) -> bool:
    """Tell whether ``version`` is older than the one applied last; equal ones are not."""
    (kind, mine), (other_kind, theirs) = _comparable(version), _comparable(applied)
    return kind == other_kind and mine < theirs  # type: ignore[operator]  # of one kind


def _comparable(text: str) -> _Comparable:
    if _NUMBER.fullmatch(text):
        return "number", Decimal(text)
    if _MOMENT.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return "text", text
        return "moment", moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return "text", text
