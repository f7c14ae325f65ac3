"""Request bodies as data: JSON and forms, bounded before anything is built from them."""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn
from urllib.parse import parse_qsl

from tikisync.core.trackers import Json
from tikisync.errors import PayloadError

MAX_DEPTH = 100
MAX_VALUES = 250_000  # in one body: numbers, texts, lists, objects
MAX_DIGITS = 100  # of a whole number
MAX_FORM_FIELDS = 10_000

_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # never backtracks
_OPENERS = {"[": 1, "{": 1, "]": -1, "}": -1}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(body: bytes, content_type: str) -> Json:
    """Return what a body holds; an empty one is null. ``content_type`` is the header's text, '' where there is none.

    JSON (RFC 8259) in UTF-8; a repeated key counts with its last value. A form
    (``application/x-www-form-urlencoded``) becomes an object of texts, a repeated name a list of them; one whose only
    field is ``payload`` and holds JSON is that JSON, as GitHub and Gitea send it. Where the type says nothing
    (``text/plain``, ``application/octet-stream`` or none), what looks like a JSON object or list is read as such.

    Raises PayloadError for anything else and for what exceeds the bounds above.
    """
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PayloadError("the body is not UTF-8 text", reason="payload_not_utf8") from None
    if not text.strip():
        return None
    if kind in ("application/json", "text/json") or kind.endswith("+json"):
        return parse_json(text)
    if kind == "application/x-www-form-urlencoded":
        return _form(text)
    if kind in ("", "text/plain", "application/octet-stream") and text.lstrip()[0] in "[{":
        return parse_json(text)
    raise PayloadError(
        f"a body of content type {kind[:100] or 'none'} cannot be read",
        hint="set the sender to JSON (application/json) or a form (application/x-www-form-urlencoded)",
        reason="content_type",
    )


def parse_json(text: str) -> Json:
    """Return the value of a JSON text; raises PayloadError where it is not JSON or exceeds the bounds."""
    _check_bounds(text)
    try:
        value: Json = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise PayloadError(f"the body is not JSON: {error.msg.removesuffix(' at')} at character {error.pos}") from None
    return _without_lone_surrogates(value) if "\\ud" in text.lower() else value


def _check_bounds(text: str) -> None:
    bare = _JSON_STRING.sub("", text)
    if bare.count(",") + bare.count("[") + bare.count("{") >= MAX_VALUES:
        raise PayloadError(f"the body holds more than {MAX_VALUES} values", reason="payload_too_complex")
    depth = 0
    for bracket in re.findall(r"[\[{\]}]", bare):
        depth += _OPENERS[bracket]
        if depth < 0:  # not JSON, as the parser is about to say
            return
        if depth > MAX_DEPTH:
            raise PayloadError(f"the body is nested more than {MAX_DEPTH} deep", reason="payload_too_complex")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise PayloadError(f"the body holds a number of more than {MAX_DIGITS} digits", reason="number_out_of_range")
    return int(digits)


def _real(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise PayloadError("the body holds a number that is too large", reason="number_out_of_range")
    return number


def _constant(name: str) -> NoReturn:
    raise PayloadError(f"the body is not JSON: it holds {name}, which JSON does not have")


def _without_lone_surrogates(value: Json) -> Json:
    """Replace halves of surrogate pairs (an emoji cut in two), which no database can store, by U+FFFD."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_LONE_SURROGATE.sub("\ufffd", name): _without_lone_surrogates(each) for name, each in value.items()}
    return value


def _form(text: str) -> Json:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except UnicodeDecodeError:
        raise PayloadError("the form is not UTF-8 text", reason="payload_not_utf8") from None
    except ValueError:
        raise PayloadError(f"the form has more than {MAX_FORM_FIELDS} fields", reason="payload_too_complex") from None
    if len(pairs) == 1 and pairs[0][0] == "payload" and pairs[0][1].lstrip()[:1] in ("[", "{"):
        return parse_json(pairs[0][1])
    return collected(pairs)


def collected(pairs: list[tuple[str, str]]) -> dict[str, Json]:
    """Return name/value pairs as an object; a repeated name becomes a list of its values."""
    form: dict[str, list[Json]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}
