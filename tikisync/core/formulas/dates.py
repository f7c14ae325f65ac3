"""Functions of Tiki's formulas on dates (The PHP Manual: date, DateTimeInterface::format, strtotime)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tikisync.core.formulas import values as php
from tikisync.core.formulas.errors import FormulaError, Unsupported
from tikisync.core.formulas.evaluation import Clock, Evaluation, Function
from tikisync.core.formulas.parser import Call
from tikisync.core.formulas.values import Value

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June",
           "July", "August", "September", "October", "November", "December")  # fmt: skip
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,6})?)?)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?", re.ASCII
)
_STEP = re.compile(r" *([+-]?)(\d{1,9}) *(sec|second|min|minute|hour|day|week|fortnight)s?(?= |$|[+-])", re.ASCII)
_SECONDS = {"sec": 1, "second": 1, "min": 60, "minute": 60, "hour": 3600}
_DAY_STEPS = {"day": 1, "week": 7, "fortnight": 14}

_FORMATS: Mapping[str, Callable[[datetime], str]] = {
    "d": lambda t: f"{t.day:02}",
    "D": lambda t: _DAYS[t.weekday()][:3],
    "j": lambda t: str(t.day),
    "l": lambda t: _DAYS[t.weekday()],
    "N": lambda t: str(t.isoweekday()),
    "S": lambda t: "th" if 10 < t.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(t.day % 10, "th"),
    "w": lambda t: str(t.isoweekday() % 7),
    "z": lambda t: str(t.timetuple().tm_yday - 1),
    "W": lambda t: f"{t.isocalendar().week:02}",
    "o": lambda t: str(t.isocalendar().year),
    "F": lambda t: _MONTHS[t.month - 1],
    "M": lambda t: _MONTHS[t.month - 1][:3],
    "m": lambda t: f"{t.month:02}",
    "n": lambda t: str(t.month),
    "t": lambda t: str(((t.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day),
    "L": lambda t: str(int(t.year % 4 == 0 and (t.year % 100 != 0 or t.year % 400 == 0))),
    "Y": lambda t: f"{t.year:04}",
    "y": lambda t: f"{t.year % 100:02}",
    "a": lambda t: "am" if t.hour < 12 else "pm",
    "A": lambda t: "AM" if t.hour < 12 else "PM",
    "g": lambda t: str(t.hour % 12 or 12),
    "G": lambda t: str(t.hour),
    "h": lambda t: f"{t.hour % 12 or 12:02}",
    "H": lambda t: f"{t.hour:02}",
    "i": lambda t: f"{t.minute:02}",
    "s": lambda t: f"{t.second:02}",
    "u": lambda t: "000000",  # noqa: ARG005  whole seconds have no fraction
    "v": lambda t: "000",  # noqa: ARG005
    "e": lambda t: str(t.tzinfo),
    "I": lambda t: str(int(bool(t.dst()))),
    "O": lambda t: t.strftime("%z"),
    "P": lambda t: _offset(t),
    "p": lambda t: "Z" if str(t.tzinfo) == "UTC" else _offset(t),
    "Z": lambda t: str(int((t.utcoffset() or timedelta()).total_seconds())),
    "c": lambda t: written(t, "Y-m-d\\TH:i:sP"),
    "r": lambda t: written(t, "D, d M Y H:i:s O"),
    "U": lambda t: str(int(t.timestamp())),
}
_UNWRITTEN = frozenset("BTxX")  # zone abbreviations and rarities


def date(run: Evaluation, call: Call) -> Value:
    """Return a moment (UNIX seconds; now, if 0 or not given) in a format of PHP's (UNIX seconds)."""
    if len(call.arguments) > 2:
        raise FormulaError("Too many arguments on date.")
    given, moment = ([*run.values(call), None, None])[:2]
    layout = "U" if php.is_empty(given) else php.text_parameter(given)
    seconds = php.to_int(moment)
    if not seconds and layout != "U":
        seconds = _clock(run).now
    if layout == "U":
        return str(seconds or _clock(run).now)
    return written(_local(run, seconds), layout)


def string_to_time(run: Evaluation, call: Call) -> Value:
    """Return the UNIX seconds that a text means: ISO dates, ``@seconds``, now, today, steps such as ``+3 days``."""
    if len(call.arguments) != 1 and len(call.arguments) != 2:
        raise FormulaError(f"Too {'many' if call.arguments else 'few'} arguments on strtotime.")
    text, base = ([*run.values(call), None])[:2]
    return _moment(run, php.text_parameter(text).strip(" \t\n\r\v\f\0"), php.to_int(base))


def written(moment: datetime, layout: str) -> str:
    """Return a moment in a format of PHP's ``date``; a backslash takes the next letter as it is."""
    parts: list[str] = []
    letters = iter(layout)
    for letter in letters:
        if letter in _UNWRITTEN or layout.endswith("\\"):
            raise Unsupported(f"only Tiki's server knows what it writes for the date format {layout}")
        if letter == "\\":
            parts.append(next(letters))
        else:
            parts.append(_FORMATS[letter](moment) if letter in _FORMATS else letter)
    return "".join(parts)


def _moment(run: Evaluation, text: str, base: int) -> int:
    if re.fullmatch(r"@-?\d{1,15}", text, re.ASCII):
        return int(text[1:])
    iso = _ISO.match(text)
    if iso:
        moment, rest = _from_iso(run, iso), text[iso.end() :]
    else:
        word = re.match(r"(?i)now|today|midnight|tomorrow|yesterday|noon|", text)
        name = word[0].lower() if word else ""
        start = _local(run, base or _clock(run).now)
        if name not in ("", "now"):
            start = start.replace(hour=12 if name == "noon" else 0, minute=0, second=0)
        moment = start + timedelta(days={"tomorrow": 1, "yesterday": -1}.get(name, 0))
        rest = text[len(name) :]
        if not text:
            raise Unsupported("the text of a date is empty")
    return _stepped(moment, rest)


def _stepped(moment: datetime, rest: str) -> int:
    seconds = 0
    while rest:
        step = _STEP.match(rest)
        if step is None:
            raise Unsupported("it reads a date written in a way that only Tiki's server knows")
        amount = int(step[1] + step[2])
        if step[3] in _SECONDS:
            seconds += amount * _SECONDS[step[3]]
        else:
            moment += timedelta(days=amount * _DAY_STEPS[step[3]])
        rest = rest[step.end() :]
    return int(moment.timestamp()) + seconds


def _from_iso(run: Evaluation, iso: re.Match[str]) -> datetime:
    numbers = [int(part or 0) for part in iso.groups()[:6]]
    zone = iso[7]
    try:
        if zone:
            offset = "+00:00" if zone in ("Z", "UTC", "GMT") else f"{zone[:3]}:{zone[-2:]}"
            return datetime.fromisoformat("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*numbers) + offset)
        return datetime(*numbers, tzinfo=_zone(_clock(run).time_zone))  # type: ignore[arg-type,misc]
    except ValueError as error:
        raise Unsupported("it reads a date that the calendar lacks") from error


def _clock(run: Evaluation) -> Clock:
    if run.clock is None:
        raise Unsupported("it depends on the time")
    return run.clock


def _local(run: Evaluation, seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(_zone(_clock(run).time_zone))
    except (ValueError, OverflowError, OSError) as error:
        raise Unsupported("a date is beyond the calendar") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Unsupported(f"the time zone {name} is not known here") from error


def _offset(moment: datetime) -> str:
    digits = moment.strftime("%z")
    return f"{digits[:3]}:{digits[3:5]}"


FUNCTIONS: Mapping[str, Function] = {
    "Date": date,
    "StrToTime": string_to_time,
}
