"""Dates: date and time (``f``), date picker (``j``) (Tiki: Field/DateTime.php, JsCalendar.php, 24.4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from tikisync.core import php
from tikisync.core.date_format import DEFAULT_DATES, DateFormat
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.trackers import Field, Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY, _MINUTE = 86_400, 60
_MILLISECONDS_FROM = 10**11  # as seconds: the year 5138
_DIGITS = re.compile(r"-?\d{9,}", re.ASCII)


class DateTimeType(FieldType):
    """Stored as UNIX seconds of the instant, without its seconds as Tiki's form has none.

    With the option ``datetime=d`` it is the calendar date as written, stored as 00:00 UTC whatever the offset.
    """

    codes: ClassVar[tuple[str, ...]] = ("f",)
    label = "Date and Time"
    preferences: ClassVar = {"f": ("trackerfield_datetime",)}
    accepts = "a date or a date and time as in ISO 8601 (UTC where no offset is given), or a UNIX time"
    precision: ClassVar[int] = _MINUTE

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return the UNIX time; numbers of 12 digits and more are milliseconds."""
        if value == "" or value == []:
            return Stored("")
        written = moment(value)
        if written is None:
            raise self.refuse(definition, value)
        if _is_date(definition):
            return Stored(_seconds(written.replace(tzinfo=UTC), _DAY))
        return Stored(_seconds(written, self.precision))

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return now, which a new item's form shows, or nothing where the field's default is blank."""
        if not context.creating:
            return None
        return Stored("") if self.starts_blank(definition) else Stored(self._now(definition, context))

    def starts_blank(self, definition: Field) -> bool:
        """Tell whether a new item's form shows no date."""
        return definition.text("blankdate") == "blank"

    def logged(self, definition: Field, old: str, dates: DateFormat = DEFAULT_DATES) -> str | None:  # noqa: ARG002
        """Return the old date as the acting user sees dates."""
        return php.format_date(dates.pattern, php.integer(old), dates.zone) if old not in ("", "0") else old

    def _now(self, definition: Field, context: Context) -> str:
        now = _EPOCH + timedelta(seconds=context.now)
        if _is_date(definition):
            return _seconds(now.astimezone(context.dates.zone).replace(tzinfo=UTC), _DAY)
        return _seconds(now, self.precision)


class DatePickerType(DateTimeType):
    """As date and time, but to the second."""

    codes = ("j",)
    label = "Date and Time (Date Picker)"
    preferences: ClassVar = {"j": ("trackerfield_jscalendar",)}
    precision = 1

    def starts_blank(self, definition: Field) -> bool:
        """Tell whether a new item's form shows no date."""
        return not definition.number("useNow")


def moment(value: Json) -> datetime | None:
    """Return the instant, with the offset it was written with, or None where the value names none."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        value = int(value) if len(value) < 30 else None
    if isinstance(value, str):
        try:
            written = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        return written if written.tzinfo else written.replace(tzinfo=UTC)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _EPOCH + timedelta(seconds=value / 1000 if abs(value) >= _MILLISECONDS_FROM else value)
    except (OverflowError, ValueError):
        return None


def _is_date(definition: Field) -> bool:
    return definition.text("datetime") == "d"


def _seconds(instant: datetime, precision: int) -> str:
    seconds = (instant - _EPOCH) // timedelta(seconds=1)
    return str(seconds - seconds % precision)


TYPES: tuple[FieldType, ...] = (DateTimeType(), DatePickerType())
