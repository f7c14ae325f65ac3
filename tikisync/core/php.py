"""What PHP does with text, numbers and dates, where Tiki's stored rows depend on it (PHP 8.2, 64 bit)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from math import isinf
from typing import Any

_SPACE = " \t\n\r\v\f"
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"([+-]?)0*(\d*)", re.ASCII)
_CSV_FIELD = re.compile(r'[ \t]*"((?:\\.|""|[^"\\])*\\?)"?([^,]*)|([^,]*)', re.DOTALL)


def is_numeric(text: str) -> bool:
    """Tell whether PHP's ``is_numeric`` accepts the text: ``8``, `` 8 ``, ``007``, ``1.5e3``; not ``1,5``, ``0x1A``."""
    return _NUMBER.fullmatch(text.strip(_SPACE)) is not None


def integer(text: str) -> int:
    """Return PHP's ``(int)`` of a text: the number it starts with, cut to what 64 bits hold; else 0."""
    number = _NUMBER.match(text.lstrip(_SPACE))
    if number is None:
        return 0
    if _fits(number[0]):
        return int(number[0])
    value = float(number[0])
    if isinf(value):
        return 0
    return max(-(2**63), min(2**63 - 1, int(value)))


def loosely_differ(old: str | None, new: str | None) -> bool:
    """Tell whether PHP's ``!=`` holds between two stored values, so that Tiki logs a change (None is SQL NULL).

    Texts that are both numeric compare as numbers: ``1``, ``1.0``, ``01`` and ``1e0`` are equal.
    """
    old, new = old or "", new or ""
    if old == new or not (is_numeric(old) and is_numeric(new)):
        return old != new
    fit = (_fits(old), _fits(new))
    if False in fit:
        return True  # integers beyond 64 bits compare as text
    return int(old) != int(new) if fit == (True, True) else float(old) != float(new) or isinf(float(old))


def _fits(text: str) -> bool | None:
    """Tell whether an integer fits 64 bits; None: the text is no integer."""
    integer = _INTEGER.fullmatch(text.strip(_SPACE))
    if integer is None:
        return None
    digits = integer[2] or "0"
    return len(digits) < 20 and int(digits) < 2**63 + (integer[1] == "-")


def csv_line(fields: Iterable[str]) -> str:
    """Return fields as one line, as ``fputcsv`` writes it, without space around (Tiki's ``str_putcsv``)."""
    return ",".join(_quoted(field) if re.search(r'[,"\\ \t\n\r]', field) else field for field in fields).strip(
        " \t\n\r\v\0"
    )


def _quoted(field: str) -> str:
    return '"' + re.sub(r'(?<!\\)"', '""', field) + '"'


def csv_fields(line: str) -> list[str]:
    """Return the fields of a line, as ``str_getcsv`` reads it."""
    fields: list[str] = []
    position = 0
    while position <= len(line) and (field := _CSV_FIELD.match(line, position)):
        fields.append(field[3] if field[1] is None else field[1].replace('""', '"') + field[2])
        position = field.end() + 1
    return fields


def json_encode(value: Mapping[str, Any]) -> str:
    r"""Return JSON as ``json_encode`` writes it: no spaces, ``\uXXXX`` for what is not ASCII, ``/`` as ``\/``.

    An array without entries is a list to PHP.
    """
    text = json.dumps(value or [], ensure_ascii=False, separators=(",", ":")).replace("/", r"\/")
    return re.sub("[^\0-\x7f]+", lambda found: json.dumps(found[0])[1:-1], text)


def number_text(number: int | float) -> str:
    """Return a finite JSON number as a person types it: ``10.0`` as ``10``, no exponent."""
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_date(pattern: str, timestamp: int, zone: tzinfo = UTC) -> str:
    """Return a time as Tiki's date preferences write it, in English (lib/tikidate.php, Tiki 24.4).

    ``pattern`` has strftime's letters with the meaning Tiki gives them (``%T`` has twelve hours). A time that Python
    has no calendar for gives the number itself.
    """
    try:
        moment = datetime.fromtimestamp(timestamp, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return str(timestamp)
    return re.sub("%[a-zA-Z]", lambda code: _date_part(code[0], moment), pattern)


def _date_part(code: str, moment: datetime) -> str:
    part = _DATE_PARTS.get(code)
    return part(moment) if part else code


def _strftime(pattern: str) -> Callable[[datetime], str]:
    return lambda moment: moment.strftime(pattern)


_DATE_PARTS: Mapping[str, Callable[[datetime], str]] = {
    **{
        code: _strftime(code)
        for code in ("%a", "%A", "%b", "%B", "%d", "%H", "%I", "%m", "%M", "%p", "%S", "%u", "%V", "%w")
    },
    **{code: _strftime(code) for code in ("%y", "%Y", "%z", "%Z")},
    "%c": _strftime("%a, %d %b %Y %H:%M:%S %z"),
    "%D": _strftime("%m/%d/%y"),
    "%e": lambda moment: str(moment.day),
    "%F": lambda moment: moment.isoformat(timespec="seconds"),
    "%g": _strftime("%y"),
    "%G": _strftime("%Y"),
    "%h": _strftime("%b"),
    "%i": _strftime("%I"),
    "%j": lambda moment: str(moment.timetuple().tm_yday - 1),
    "%k": lambda moment: str(moment.hour),
    "%l": lambda moment: str(moment.hour % 12 or 12),
    "%n": lambda _: "\n",
    "%P": lambda moment: moment.strftime("%p").lower(),
    "%r": _strftime("%I:%M:%S %p"),
    "%R": _strftime("%I:%M"),
    "%s": _strftime("%S"),
    "%t": lambda _: "\t",
    "%T": _strftime("%I:%M:%S"),
    "%U": _strftime("%V"),
    "%W": _strftime("%V"),
}
