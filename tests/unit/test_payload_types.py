"""XML, multipart forms and compressed bodies become data; hostile ones are refused, quickly."""

from __future__ import annotations

import gzip
import json
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.payload import MAX_DEPTH, MAX_FORM_FIELDS, MAX_VALUES, parse
from tikisync.core.payload_bounds import MAX_EXPANDED
from tikisync.core.trackers import Json
from tikisync.errors import PayloadError

XML = "application/xml"
MULTIPART = "multipart/form-data; boundary=----x"

names = st.text(st.sampled_from("abcXYZ_"), min_size=1, max_size=5)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
trees = st.recursive(
    texts.map(str.strip),
    lambda inner: st.dictionaries(
        names, inner | st.lists(inner, min_size=2, max_size=3), min_size=1, max_size=3
    ),
    max_leaves=10,
)  # fmt: skip


def written(name: str, value: Json) -> str:
    if isinstance(value, list):
        return "".join(written(name, each) for each in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(written(each, inner) for each, inner in value.items())}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


def multipart(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(b"------x\r\n%b\r\n\r\n%b\r\n" % (head.encode(), body) for head, body in parts) + b"------x--\r\n"


def part(name: str, value: bytes, more: str = "") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"{more}', value


@given(names, trees)
def test_xml_of_elements_and_texts_comes_back(name: str, tree: Json) -> None:
    assert parse(written(name, tree).encode(), XML) == {name: tree}


@given(names, names, texts)
def test_attributes_stand_beside_elements(name: str, attribute: str, value: str) -> None:
    body = f"<{name} {attribute}={quoteattr(value)}/>"
    assert parse(body.encode(), "application/soap+xml; charset=utf-8") == {name: {f"@{attribute}": value}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<?xml version="1.0"?><o id="7">\n <line>a</line> <line/> b </o>',
         {"o": {"@id": "7", "line": ["a", ""], "#text": "b"}}),
        ('<s:E xmlns:s="urn:x" xmlns="urn:y" s:v="1"><s:B>t</s:B></s:E>', {"E": {"@v": "1", "B": "t"}}),
        ("<a>1 &lt; 2 &#x41;<![CDATA[<b>]]></a>", {"a": "1 < 2 A<b>"}),
        ("<a><!-- no --><?no no?></a>", {"a": ""}),
    ],
)  # fmt: skip
def test_xml_has_a_plain_shape(body: str, expected: Json) -> None:
    assert parse(body.encode(), "text/xml") == expected


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "windows-1252"])
def test_xml_is_read_in_the_encoding_it_declares(encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?><a>Grüße</a>'.encode(encoding)
    assert parse(body, XML) == {"a": "Grüße"}


ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f'<!DOCTYPE a [<!ENTITY e0 "x">{ENTITIES}]><a>&e8;</a>', "xml_dtd"),
        ('<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>', "xml_dtd"),
        ('<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>', "xml_dtd"),
        ("<a>&f;</a>", "payload_unreadable"),
        ("<a>", "payload_unreadable"),
        ("no xml", "payload_unreadable"),
        ('<?xml version="1.0" encoding="utf-7"?><a/>', "payload_unreadable"),
        ('<?xml version="1.0" encoding="no-such"?><a/>', "payload_unreadable"),
        ("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1), "payload_too_complex"),
        (f"<a>{'<b/>' * MAX_VALUES}</a>", "payload_too_complex"),
    ],
)
@pytest.mark.timeout(10)
def test_xml_that_cannot_be_used_is_refused_with_the_reason(body: str, reason: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse(body.encode(), XML)
    assert caught.value.reason == reason
    assert "passwd" not in str(caught.value)


def test_xml_may_be_as_deep_as_json() -> None:
    body = "<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH
    assert parse(body.encode(), XML)


def test_a_multipart_form_becomes_fields_with_files_by_name_type_and_size() -> None:
    body = multipart(
        part("title", "Grüße\r\n--".encode()),
        part("tag", b"a"),
        part("tag", b""),
        part('a%22b\\"', b"1"),
        ('content-disposition: form-data; name=plain; filename="b.png"\r\nContent-Type: image/png', b"\x89PNG\r\n\xff"),
        part("raw", b"\xff", '; filename=""'),
    )
    assert parse(body, MULTIPART) == {
        "title": "Grüße\r\n--",
        "tag": ["a", ""],
        'a"b"': "1",
        "plain": {"name": "b.png", "type": "image/png", "size": 7},
        "raw": {"name": "", "type": "application/octet-stream", "size": 1},
    }


def test_a_multipart_form_that_holds_a_json_payload_is_that_payload() -> None:
    assert parse(multipart(part("payload", b'{"a": 1}')), 'Multipart/Form-Data; x=y; boundary="----x"') == {"a": 1}
    assert parse(multipart(part("payload", b"{}", '; filename="p"')), MULTIPART) == {
        "payload": {"name": "p", "type": "application/octet-stream", "size": 2}
    }


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (multipart(part("a", b"1")), "multipart/form-data", "names no boundary"),
        (multipart(part("a", b"1"))[:-6], MULTIPART, "ends too early"),
        (b"nothing of it", MULTIPART, "ends too early"),
        (b"------x\r\nno blank line\r\n------x--", MULTIPART, "a part has no headers"),
        (b"------xy\r\n\r\n------x--", MULTIPART, "a part has no headers"),
        (multipart(("x: " + "y" * 5000, b"")), MULTIPART, "too long ones"),
        (multipart(("Content-Disposition: form-data", b"1")), MULTIPART, "a part has no name"),
        (multipart(part("a", b"\xff")), MULTIPART, "not UTF-8"),
        (multipart(*[part("a", b"")] * (MAX_FORM_FIELDS + 1)), MULTIPART, "more than 10000 fields"),
    ],
)
def test_a_multipart_form_that_cannot_be_read_is_refused(body: bytes, content_type: str, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        parse(body, content_type)


@given(st.dictionaries(names, texts.filter(lambda text: "------x" not in text), min_size=2))
def test_multipart_fields_come_back(fields: dict[str, str]) -> None:
    assert parse(multipart(*(part(name, value.encode()) for name, value in fields.items())), MULTIPART) == fields


@given(st.dictionaries(names, st.integers()), st.dictionaries(names, st.integers()))
def test_a_compressed_body_is_expanded(first: dict[str, int], second: dict[str, int]) -> None:
    text = json.dumps([first, second]).encode()
    members = gzip.compress(text[:5]) + gzip.compress(text[5:])
    assert parse(members, "application/json", " GZIP ") == [first, second]
    assert parse(text, "application/json", "identity") == [first, second]


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (b"{}", "gzip", "not gzip"),
        (gzip.compress(b"{}" * 100)[:-9], "gzip", "ends too early"),
        (gzip.compress(b"{}") + b"rest", "x-gzip", "not gzip"),
        (gzip.compress(bytes(MAX_EXPANDED + 1)), "gzip", "expands to more"),
        (gzip.compress(bytes(MAX_EXPANDED)) + gzip.compress(b"1"), "gzip", "expands to more"),
        (b"{}", "br", "content encoding br cannot be read"),
    ],
)
def test_a_compressed_body_that_cannot_be_expanded_is_refused(body: bytes, encoding: str, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        parse(body, "application/json", encoding)
