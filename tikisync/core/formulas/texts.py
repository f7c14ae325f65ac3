"""Functions of Tiki's formulas on text (Tiki: lib/core/Math/Formula/Function/*.php, 24.4)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from tikisync.core import php_numbers
from tikisync.core.formulas import values as php
from tikisync.core.formulas.errors import FormulaError, Unsupported
from tikisync.core.formulas.evaluation import Evaluation, Function
from tikisync.core.formulas.parser import Call, Node, Text
from tikisync.core.formulas.values import Money, Value

_PAD_HELP = ' string $input , int $pad_length [, string $pad_string = " " [, string $pad_type = right|left|both ]]'

_MOST_DECIMALS = 100
_LONGEST = 65_535  # what a tracker field holds; nothing a formula makes needs to be longer


def literal(run: Evaluation, call: Call) -> Value:
    """Return the words as they stand, with spaces between; calls among them are evaluated."""
    return " ".join(
        each.replace("~nl~", "\n") if isinstance(each, str) else php.to_text(run.value(each)) for each in call.arguments
    )


def concat(run: Evaluation, call: Call) -> Value:
    """Return all values joined without anything between."""
    parts = (list(each.values()) if isinstance(each, dict) else [each] for each in run.values(call))
    return "".join(php.to_text(each) for part in parts for each in part)


def spaced(run: Evaluation, call: Call) -> Value:
    """Return all values with spaces between."""
    return " ".join(php.to_text(each) for each in run.values(call))


def lower(run: Evaluation, call: Call) -> Value:
    """Return the values joined, A to Z as small letters."""
    return "".join(_ascii(php.text_parameter(run.value(each)), str.lower) for each in call.arguments)


def upper(run: Evaluation, call: Call) -> Value:
    """Return the values joined, a to z as capital letters."""
    return "".join(_ascii(php.text_parameter(run.value(each)), str.upper) for each in call.arguments)


def clean(run: Evaluation, call: Call) -> Value:
    """Return the values joined, with ``_`` for anything but letters, digits and ``_``."""
    text = [php.text_parameter(each) for each in run.values(call)]
    if not all(each.isascii() for each in text):
        raise Unsupported("clean takes off accents by a table of Tiki's")
    return "".join(re.sub(r"\W+", "_", each, flags=re.ASCII) for each in text)


def substring(run: Evaluation, call: Call) -> Value:
    """Return a part of a text, from a byte on, of some bytes; both may count from the end."""
    values = run.values(call)
    if len(values) < 2:
        raise FormulaError("Not enough arguments")
    if len(values) > 3:
        raise Unsupported("substring has too many arguments, and Tiki breaks off there")
    content = php.text_parameter(values[0]).encode()
    start = _clamped(php.int_parameter(values[1]), len(content))
    end = len(content)
    if len(values) == 3 and values[2] is not None:
        length = php.int_parameter(values[2])
        end = min(start + length, end) if length >= 0 else max(end + length, start)
    return _decoded(content[start:end])


def replace(run: Evaluation, call: Call) -> Value:
    """Return the third text with the second in place of the first."""
    if len(call.arguments) != 3:
        raise FormulaError("Str-replace needs exactly 3 arguments: search, replace and subject.")
    search, new, subject = (php.text_parameter(each) for each in run.values(call))
    if not search:
        return subject
    _bounded(len(subject) + subject.count(search) * (len(new) - len(search)))
    return subject.replace(search, new)


def pad(run: Evaluation, call: Call) -> Value:
    """Return a text filled up to some bytes at its right, left or both ends."""
    if not 2 <= len(call.arguments) <= 4:
        raise FormulaError(f"Too {'many' if len(call.arguments) > 4 else 'few'} arguments for pad.{_PAD_HELP}")
    values = [*run.values(call), None, None]
    content, length = php.text_parameter(values[0]).encode(), php.to_int(values[1])
    filling = b" " if values[2] is None else php.text_parameter(values[2]).encode()
    _bounded(length)
    missing = length - len(content)
    if missing <= 0:
        return content.decode()
    if not filling:
        raise Unsupported("pad fills with nothing, and Tiki breaks off there")
    side = values[3]
    left = missing if side == "left" else missing // 2 if side == "both" else 0
    return _decoded(_repeated(filling, left) + content + _repeated(filling, missing - left))


def contains(run: Evaluation, call: Call) -> Value:
    """Tell whether a text has another in it; the other stands there as it is."""
    content = php.text_parameter(run.value(call.argument(0)))
    return word(call.argument(1)) in content


def number_format(run: Evaluation, call: Call) -> Value:
    """Return a number with decimals (0), decimal point and thousands separator; other values as they are."""
    if not call.arguments:
        raise FormulaError("Not enough arguments")
    value, *options = run.values(call)
    number = php.to_float(value)
    if php.to_text(number) != php.to_text(value):
        return value
    decimals = php.int_parameter(options[0]) if options else 0
    if decimals > _MOST_DECIMALS:
        raise Unsupported("number-format has too many decimals")
    separators = [*options[1:3], None] if len(options) > 1 else [None, None]
    point, thousands = (None if each is None else php.text_parameter(each) for each in separators[:2])
    return php_numbers.formatted(
        number, decimals, "." if point is None else point, "," if thousands is None else thousands
    )


def sha1(run: Evaluation, call: Call) -> Value:
    """Return the SHA-1 digest of all values with slashes between, as hexadecimal text."""
    parts = php.merged({} if each is None else each for each in run.values(call))
    if any(isinstance(each, Money) for each in parts):
        raise Unsupported("it takes the hash of money")
    return hashlib.sha1("/".join(php.to_text(each) for each in parts).encode(), usedforsecurity=False).hexdigest()


def word(node: Node | None) -> str:
    """Return an argument that Tiki takes as it is written."""
    if isinstance(node, Text | Call):
        raise Unsupported("a quoted text or a call stands where Tiki wants a plain word, and breaks off")
    return node or ""


def _ascii(text: str, change: Callable[[str], str]) -> str:
    return "".join(change(letter) if letter.isascii() else letter for letter in text)


def _clamped(place: int, length: int) -> int:
    return min(place, length) if place >= 0 else max(length + place, 0)


def _bounded(length: int) -> None:
    if length > _LONGEST:
        raise Unsupported("its text is longer than a field can hold")


def _repeated(filling: bytes, length: int) -> bytes:
    return (filling * (length // len(filling) + 1))[:length]


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unsupported("it cuts a letter in two") from error


FUNCTIONS: Mapping[str, Function] = {
    "Str": literal,
    "Concat": concat,
    "Eval": spaced,
    "Lower": lower,
    "Upper": upper,
    "Clean": clean,
    "Substring": substring,
    "StrReplace": replace,
    "Pad": pad,
    "Contains": contains,
    "NumberFormat": number_format,
    "Hash": sha1,
}
