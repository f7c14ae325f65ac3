"""Bodies become data, documents and PHP's serialized arrays too; whatever is sent, nothing but a refusal happens."""

from __future__ import annotations

import json
import shutil
import subprocess
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tikisync.core.document import NAMES, document, iso_utc
from tikisync.core.payload import MAX_DEPTH, MAX_DIGITS, MAX_FORM_FIELDS, MAX_VALUES, parse
from tikisync.core.php_serialize import serialize, unserialize
from tikisync.core.trackers import Json
from tikisync.errors import PayloadError

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_json_is_read_as_it_was_written(value: Json) -> None:
    assert parse(json.dumps(value).encode(), JSON) == value
    assert (
        parse(b"\xef\xbb\xbf" + json.dumps(value, ensure_ascii=False).encode(), "application/vnd.x+json; v=1") == value
    )


@given(
    st.binary(max_size=200),
    st.sampled_from([JSON, FORM, "", "text/plain", "x", "text/xml", "multipart/form-data; boundary=0"]) | st.text(),
    st.sampled_from(["", "gzip"]) | st.text(),
)
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str, content_encoding: str) -> None:
    try:
        parse(body, content_type, content_encoding)
    except PayloadError:
        return


@pytest.mark.parametrize("content_type", [JSON, FORM, "", "text/xml"])
def test_an_empty_body_is_null(content_type: str) -> None:
    assert parse(b"", content_type) is None
    assert parse(b" \r\n", content_type) is None
    assert content_type == "text/xml" or parse(b"\xef\xbb\xbf", content_type) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[1e2, 1.50, 12345678901234567890]", [100.0, 1.5, 12345678901234567890]),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'["cut \\ud83d", {"\\ude00": 1, "b": null}]', ["cut \ufffd", {"\ufffd": 1, "b": None}]),
        (b'"\\\\ud83d"', "\\ud83d"),
        (b'"' + b"[" * (MAX_DEPTH + 1) + b'"', "[" * (MAX_DEPTH + 1)),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    ],
)
def test_json_of_all_kinds_is_read(body: bytes, expected: Json) -> None:
    assert parse(body, "Application/JSON; charset=utf-8") == expected or expected is None


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        (b"{", "payload_unreadable", "not JSON: Expecting property name enclosed in double quotes at character 1"),
        (b'{"a": "x', "payload_unreadable", "not JSON: Unterminated string starting at character 6"),
        (b"[NaN]", "payload_unreadable", "holds NaN, which JSON does not have"),
        (b"-Infinity", "payload_unreadable", "holds -Infinity"),
        (b"1e999", "number_out_of_range", "a number that is too large"),
        (b"9" * (MAX_DIGITS + 1), "number_out_of_range", "more than 100 digits"),
        (b"]" * 1000, "payload_unreadable", "not JSON"),
        (b"[" * (MAX_DEPTH + 1), "payload_too_complex", "nested more than 100 deep"),
        (b"[" + b"1," * MAX_VALUES + b"1]", "payload_too_complex", "more than 250000 values"),
        (b'["\xff"]', "payload_not_utf8", "not UTF-8"),
        (b'"a\\', "payload_unreadable", "not JSON"),
    ],
)
def test_json_that_cannot_be_used_is_refused_with_the_reason(body: bytes, reason: str, message: str) -> None:
    with pytest.raises(PayloadError, match=message) as caught:
        parse(body, JSON)
    assert caught.value.reason == reason


@pytest.mark.parametrize("attack", [b"[" * 1_000_000, b'{"a":' * 200_000, b'["' + b'\\"' * 500_000, b"[]," * 330_000])
@pytest.mark.timeout(5)
def test_hostile_json_is_refused_quickly(attack: bytes) -> None:
    with pytest.raises(PayloadError):
        parse(attack, JSON)


@given(
    st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.lists(st.text(), min_size=2, max_size=3)), min_size=2)
)
def test_forms_become_objects(fields: dict[str, str | list[str]]) -> None:
    assert parse(urlencode(fields, doseq=True).encode(), FORM) == fields


def test_the_form_that_holds_a_json_payload_is_that_payload() -> None:
    assert parse(urlencode({"payload": '{"a": [1]}'}).encode(), FORM) == {"a": [1]}
    assert parse(urlencode({"payload": "text"}).encode(), FORM) == {"payload": "text"}
    assert parse(urlencode({"payload": "{}", "b": ""}).encode(), FORM) == {"payload": "{}", "b": ""}
    with pytest.raises(PayloadError):
        parse(b"payload=%7B", FORM)


def test_forms_out_of_bounds_are_refused() -> None:
    with pytest.raises(PayloadError, match="more than 10000 fields"):
        parse(b"a&" * (MAX_FORM_FIELDS + 1), FORM)
    with pytest.raises(PayloadError, match="not UTF-8"):
        parse(b"a=%ff", FORM)


def test_what_looks_like_json_is_read_where_the_type_says_nothing() -> None:
    for content_type in ("", "text/plain; charset=utf-8", "application/octet-stream"):
        assert parse(b' {"a": 1}', content_type) == {"a": 1}


@pytest.mark.parametrize("content_type", ["text/html", "multipart/mixed; boundary=x", "text/plain", ""])
def test_other_content_types_are_refused_by_name(content_type: str) -> None:
    with pytest.raises(PayloadError, match=f"content type {content_type.partition(';')[0] or 'none'} ") as caught:
        parse(b"<a/>", content_type)
    assert caught.value.reason == "content_type"


def _document(body: Json = None, headers: dict[str, str] | None = None, topic_place: str = "") -> dict[str, Json]:
    return document(
        body=body, headers=headers or {}, query="a=1&b=%C3%A9&b=2&c=", handler="Shop", received_at=1_700_000_000_123,
        topic_place=topic_place)  # fmt: skip


def test_a_document_has_all_names_and_no_credentials() -> None:
    made = _document({"x": 1}, {"x-a": "b", "authorization": "Basic x", "cookie": "c=d"})
    assert tuple(made) == NAMES
    assert made == {
        "body": {"x": 1}, "headers": {"x-a": "b"}, "query": {"a": "1", "b": ["é", "2"], "c": ""}, "topic": "",
        "handler": "Shop", "received_at": "2023-11-14T22:13:20.123Z"}  # fmt: skip


def test_times_are_written_to_the_millisecond() -> None:
    assert iso_utc(0) == "1970-01-01T00:00:00.000Z"
    assert iso_utc(253_402_300_799_999) == "9999-12-31T23:59:59.999Z"


@pytest.mark.parametrize(
    ("body", "headers", "topic_place", "topic"),
    [
        ({"type": "b"}, {"x-shopify-topic": "orders/create"}, "", "orders/create"),
        (None, {"x-github-event": "push", "x-gitea-event": "push_tag"}, "", "push_tag"),
        ({"event": "b", "type": {}}, {"x-github-event": ""}, "", "b"),
        ({"type": "a", "event": "b"}, {}, "", "a"),
        ({"eventType": "c"}, {}, "", "c"),
        ([{"type": "a"}], {}, "", ""),
        ({"type": 1}, {}, "", ""),
        ({"type": "a"}, {"x-mine": "m", "x-github-event": "push"}, "headers.x-mine", "m"),
        ({"type": "a"}, {"x-github-event": "push"}, "headers.x-mine", ""),
        ({"type": "a", "event": {"type": "b"}}, {}, "body.event.type", "b"),
        ([{"type": "a"}, {"type": "b"}], {}, "body.1.type", "b"),
        ({"type": "a", "event": {"type": 1}}, {}, "body.event.type", ""),
        ({"type": "a"}, {}, "query.a", "1"),
        ({"type": "a"}, {}, "query.b", ""),
    ],
)
def test_the_topic_is_found(body: Json, headers: dict[str, str], topic_place: str, topic: str) -> None:
    assert _document(body, headers, topic_place)["topic"] == topic


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_serialized_lists_come_back(texts: list[str]) -> None:
    assert unserialize(serialize(texts)) == texts


@given(st.one_of(st.text(), st.text(st.sampled_from('a:isdbN{}";01-+.E'), max_size=30)))
def test_any_text_is_unserialized_or_refused(text: str) -> None:
    try:
        unserialize(text)
    except ValueError:
        return


@pytest.mark.parametrize(
    "text",
    ["", "x", "i:1", "i:1;i:2;", 's:2:"é', 's:1:"é";', 'a:1:{i:0;i:1;', "a:1:{b:1;i:1;}", "a:1:{N;i:1;}", 'O:1:"A":{}',
     "d:x;", "a:1:{i:0;" * 60],
)  # fmt: skip
def test_broken_serialized_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        unserialize(text)


@pytest.mark.skipif(shutil.which("php") is None, reason="php, the judge, is not installed")
@settings(max_examples=10)
@given(st.lists(json_values, min_size=20, max_size=20))
def test_php_serializes_what_is_read_here(values: list[Json]) -> None:
    judge = "foreach (json_decode(stream_get_contents(STDIN), true) as $v) $o[] = serialize($v); echo json_encode($o);"
    run = subprocess.run(["php", "-n", "-r", judge], input=json.dumps(values).encode(), capture_output=True, check=True)
    for value, text in zip(values, json.loads(run.stdout), strict=True):
        assert unserialize(text) == _as_php(value)


def _as_php(value: Json) -> Json:
    """Return what PHP makes of JSON: big numbers are floats, an object is an array, with numbers as its keys."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return float(value)
    if isinstance(value, dict):
        value = {key: _as_php(each) for key, each in value.items()}
        return list(value.values()) if list(value) == [str(index) for index in range(len(value))] else value
    return [_as_php(each) for each in value] if isinstance(value, list) else value
