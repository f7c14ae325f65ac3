"""Trackers, their fields and items, as Tiki defines them (tables ``tiki_trackers``, ``tiki_tracker_fields``, …)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

OPEN, PENDING, CLOSED = "o", "p", "c"
STATUSES: Mapping[str, str] = {OPEN: "open", PENDING: "pending", CLOSED: "closed"}

MOST_KNOWN = 256  # trackers or fields of which something is kept that was once found out


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One row of ``tiki_tracker_fields``, its options parsed (Tiki: lib/core/Tracker/Options.php).

    Equal to nothing but itself, as a tracker is: so what follows from one can be kept (``lru_cache``) at no cost.
    """

    field_id: int
    tracker_id: int
    perm_name: str
    type: str
    name: str = ""
    position: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    is_main: bool = False
    is_mandatory: bool = False
    is_multilingual: bool = False
    is_hidden: str = "n"  # n, y, r, p, a, i, c: who may see or change it (permissions)
    visible_by: frozenset[str] = frozenset()  # groups; empty: everybody
    editable_by: frozenset[str] = frozenset()
    validation: str = ""
    validation_param: str = ""
    validation_message: str = ""
    encryption_key_id: int = 0

    def text(self, option: str, default: str = "") -> str:
        """Return an option as text; an unset one is the default, a stored ``""`` is used as it is."""
        value = self.options.get(option)
        return default if value is None else str(value)

    def number(self, option: str, default: int = 0) -> int:
        """Return an option as an integer; text that is no number counts as 0, as in PHP's cast."""
        value = self.options.get(option)
        if value is None:
            return default
        try:
            return int(float(str(value) or "0"))
        except (ValueError, OverflowError):
            return 0

    def choices(self, option: str) -> tuple[str, ...]:
        """Return a list option; a single value counts as a list of one."""
        value = self.options.get(option)
        if value is None or value == "":
            return ()
        return tuple(str(entry) for entry in value) if isinstance(value, list) else (str(value),)


@dataclass(frozen=True, slots=True, eq=False)
class Tracker:
    """A tracker with its fields by position and its options (``tiki_tracker_options``)."""

    tracker_id: int
    name: str
    fields: tuple[Field, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def field_named(self, perm_name: str) -> Field | None:
        """Return the field with exactly this permanent name."""
        return _by_name(self).get(perm_name)

    @property
    def title_field(self) -> Field | None:
        """The first field marked as part of the title, by position."""
        return next((each for each in self.fields if each.is_main), None)

    def is_on(self, option: str) -> bool:
        """Tell whether an option is exactly ``y``, the only text that Tiki takes for yes."""
        return self.options.get(option) == "y"


@lru_cache(MOST_KNOWN)
def _by_name(tracker: Tracker) -> Mapping[str, Field]:
    return {each.perm_name: each for each in reversed(tracker.fields)}  # of several the first


@dataclass(frozen=True, slots=True)
class Item:
    """A tracker item as stored: status and values by field id (a missing row, NULL and ``''`` are all empty)."""

    item_id: int
    tracker_id: int
    status: str
    values: Mapping[int, str | None] = field(default_factory=dict)
    created_by: str | None = None
    created: int = 0
    last_modified: int = 0

    def value(self, field_id: int) -> str:
        """Return a field's stored value, empty where there is none."""
        return self.values.get(field_id) or ""
