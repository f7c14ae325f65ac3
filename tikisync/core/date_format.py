"""How Tiki writes dates for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo


@dataclass(frozen=True, slots=True)
class DateFormat:
    """How the acting user sees dates: preferences short_date_format and short_time_format, display time zone."""

    pattern: str = "%Y-%m-%d %H:%M"
    zone: tzinfo = UTC


DEFAULT_DATES = DateFormat()
