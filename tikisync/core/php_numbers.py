"""Numbers as PHP 8 reads, rounds and writes them (The PHP Manual: Numeric strings, round, number_format, precision)."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[ \t\n\r\v\f]*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+")
_PRECISION = 14  # significant digits of a float written as text: PHP's setting ``precision``, never changed by Tiki


def number(text: str) -> int | float | None:
    """Return what a numeric string stands for, None where ``is_numeric`` says no."""
    found = _NUMBER.match(text)
    return _value(found[1]) if found and not text[found.end() :].strip(" \t\n\r\v\f") else None


def leading_number(text: str) -> int | float | None:
    """Return the number a text begins with, None where it begins with none."""
    found = _NUMBER.match(text)
    return _value(found[1]) if found else None


def text(value: float) -> str:
    """Return a number as PHP's string cast writes it: ``36.0`` is ``36``, ``0.1 + 0.2`` is ``0.3``."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return str(value).upper()
    mantissa, _, exponent = f"{value:.{_PRECISION - 1}e}".partition("e")
    sign, digits, power = "-" * mantissa.startswith("-"), re.sub(r"\D", "", mantissa).rstrip("0") or "0", int(exponent)
    if not -5 < power < _PRECISION + 1 or power == _PRECISION:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power:+d}"
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    whole, fraction = digits[: power + 1].ljust(power + 1, "0"), digits[power + 1 :]
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def rounded(value: float, places: int = 0) -> float:
    """Return a number rounded half away from zero as PHP up to 8.3 does: first to the 15 digits that can be trusted."""
    if value == 0 or not math.isfinite(value):
        return float(value)
    trusted = 14 - math.floor(math.log10(abs(value)))
    if trusted > places > trusted - 15:
        first = max(trusted, -60)
        scaled = _shifted(_half_up(_shifted(value, first)), max(places - first, -60))
    else:
        scaled = _shifted(value, places)
        if abs(scaled) >= 1e15:
            return float(value)
    if not math.isfinite(scaled):
        return float(value)
    scaled = _half_up(scaled)
    return _shifted(scaled, -places) if abs(places) < 23 else float(f"{scaled:f}e{-places}")


def floor(value: float) -> float:
    """Return the whole number at or below, as a float, which keeps the sign of a zero."""
    return math.copysign(math.floor(value), value) if math.isfinite(value) else value


def ceiling(value: float) -> float:
    """Return the whole number at or above, as a float, which keeps the sign of a zero."""
    return math.copysign(math.ceil(value), value) if math.isfinite(value) else value


def formatted(value: float, decimals: int = 0, point: str = ".", thousands: str = ",") -> str:
    """Return a number with grouped thousands, as ``number_format`` writes it; negative decimals count as none."""
    decimals = max(decimals, 0)
    value = rounded(value, decimals)
    whole, _, fraction = f"{abs(value):.{decimals}f}".partition(".")
    grouped = f"{int(whole):,}".replace(",", thousands)
    sign = "-" if value < 0 and (grouped + fraction).strip("0" + thousands) else ""
    return sign + grouped + (point + fraction if fraction else "")


def _value(digits: str) -> int | float:
    if _INTEGER.fullmatch(digits) and -(2**63) <= int(digits) < 2**63:
        return int(digits)
    return float(digits)


def _half_up(value: float) -> float:
    return floor(value + 0.5) if value >= 0 else ceiling(value - 0.5)


def _shifted(value: float, places: int) -> float:
    factor = 10.0 ** abs(places) if abs(places) < 309 else math.inf
    return value * factor if places >= 0 else value / factor
