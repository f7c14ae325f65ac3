"""Request bodies as data: JSON, forms and XML, bounded before anything is built from them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn
from urllib.parse import parse_qsl

from tikisync.core import multipart
from tikisync.core.compression import expanded
from tikisync.core.payload_bounds import MAX_DEPTH, MAX_DIGITS, MAX_FORM_FIELDS, MAX_VALUES, too_complex
from tikisync.core.trackers import Json
from tikisync.core.xml_payload import parse_xml
from tikisync.errors import PayloadError

__all__ = ["MAX_DEPTH", "MAX_DIGITS", "MAX_FORM_FIELDS", "MAX_VALUES", "collected", "parse", "parse_json"]

_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # never backtracks
_OPENERS = {"[": 1, "{": 1, "]": -1, "}": -1}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(body: bytes, content_type: str, content_encoding: str = "") -> Json:
    """Return what a body holds; an empty one is null. The headers' texts are '' where there is none.

    JSON (RFC 8259) in UTF-8; a repeated key counts with its last value. A form
    (``application/x-www-form-urlencoded``, ``multipart/form-data``) becomes an object of texts, a repeated name a list
    of them, a file its name, type and size; one whose only field is ``payload`` and holds JSON is that JSON, as GitHub
    and Gitea send it. XML becomes what ``parse_xml`` says. Where the type says nothing (``text/plain``,
    ``application/octet-stream`` or none), what looks like a JSON object or list is read as such.

    Raises PayloadError for anything else and for what exceeds the bounds above.
    """
    kind = content_type.partition(";")[0].strip().lower()
    body = expanded(body, content_encoding)
    if not body.strip():
        return None
    if kind in ("application/xml", "text/xml") or kind.endswith("+xml"):
        return parse_xml(body)
    if kind == "multipart/form-data":
        return _form(multipart.fields(body, content_type))
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PayloadError("the body is not UTF-8 text", reason="payload_not_utf8") from None
    if not text.strip():
        return None
    if kind in ("application/json", "text/json") or kind.endswith("+json"):
        return parse_json(text)
    if kind == "application/x-www-form-urlencoded":
        return _form(_pairs(text))
    if kind in ("", "text/plain", "application/octet-stream") and text.lstrip()[0] in "[{":
        return parse_json(text)
    raise PayloadError(
        f"a body of content type {kind[:100] or 'none'} cannot be read",
        hint="set the sender to JSON (application/json), or to a form or XML",
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
        raise too_complex(f"the body holds more than {MAX_VALUES} values")
    depth = 0
    for bracket in re.findall(r"[\[{\]}]", bare):
        depth += _OPENERS[bracket]
        if depth < 0:  # not JSON, as the parser is about to say
            return
        if depth > MAX_DEPTH:
            raise too_complex(f"the body is nested more than {MAX_DEPTH} deep")


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


def _pairs(text: str) -> list[tuple[str, Json]]:
    try:
        return [*parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)]
    except UnicodeDecodeError:
        raise PayloadError("the form is not UTF-8 text", reason="payload_not_utf8") from None
    except ValueError:
        raise too_complex(f"the form has more than {MAX_FORM_FIELDS} fields") from None


def _form(pairs: Sequence[tuple[str, Json]]) -> Json:
    if len(pairs) == 1:
        name, value = pairs[0]
        if name == "payload" and isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
            return parse_json(value)
    return collected(pairs)


def collected(pairs: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    """Return name/value pairs as an object; a repeated name becomes a list of its values."""
    form: dict[str, list[Json]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}
