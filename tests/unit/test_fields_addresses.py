"""E-mail, web and IP addresses."""

from __future__ import annotations

import pytest

from tests.fields import context, field, stored, untouched
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError

SHOWN, HIDDEN = {"autoassign": 0}, {"autoassign": 1}


@pytest.mark.parametrize("value", ["ada@example.org", "o'brien@example.org", "not-an-email", "Grace@Example.ORG", ""])
def test_an_email_address_is_stored_as_given(value: str) -> None:
    assert stored(field("m"), value) == value


@pytest.mark.parametrize(
    "value", ['"Ada" <ada@example.org>', '"onmouseover=alert(1) x="@x', "&lt;b&gt;@x", "a\nb", ["a@b"], {}]
)
def test_what_could_be_markup_is_no_email_address(value: Json) -> None:
    with pytest.raises(FieldValueError, match="Email takes an e-mail address"):
        stored(field("m"), value)


@pytest.mark.parametrize("value", ["https://example.org/?a=1&b=2", "mailto:a@b.c", "example.org/it's", "ftp://x", ""])
def test_a_web_address_is_stored_as_given(value: str) -> None:
    assert stored(field("L"), value) == value


def test_what_no_web_address_may_hold_is_percent_encoded() -> None:
    assert stored(field("L"), 'https://x/"><script>') == "https://x/%22%3E%3Cscript%3E"


@pytest.mark.parametrize(
    ("value", "kept"), [("https://x/?a=1&copy=2", "https://x/?a=1&amp;copy=2"), ("https://x/?a&b", "https://x/?a&b")]
)
def test_a_web_address_that_is_shown_as_text_reads_as_it_is(value: str, kept: str) -> None:
    assert stored(field("L", {"linkToURL": 1}), value) == kept
    assert stored(field("L", {"linkToURL": 4}), value) == value


@pytest.mark.parametrize(
    "value",
    [
        *("javascript:alert(1)", " JavaScript:alert(1)", "java\tscript:alert(1)", "\x01javascript\n:alert(1)"),
        *("data:text/html,<b>", "vbscript:x", ["https://x"], {}),
    ],
)
def test_a_web_address_that_runs_code_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="URL takes a web address"):
        stored(field("L"), value)


@pytest.mark.parametrize("value", ["192.0.2.1", "2001:db8::1", ""])
def test_an_ip_address_is_stored_as_given(value: str) -> None:
    assert stored(field("I", SHOWN), value) == value


@pytest.mark.parametrize("value", ["not.an.ip", "192.0.2.256", "fe80::1%<script>", 3_221_225_985, ["192.0.2.1"], True])
def test_what_is_no_ip_address_is_refused(value: Json) -> None:
    with pytest.raises(FieldValueError, match="IP Selector takes"):
        stored(field("I", SHOWN), value)


def test_the_senders_address_fills_an_empty_field_that_the_form_shows() -> None:
    admin = context(administers_tracker=True, creating=False)

    assert untouched(field("I", SHOWN)) == "192.0.2.10"
    assert untouched(field("I", HIDDEN)) == ""
    assert untouched(field("I")) == ""
    assert untouched(field("I", HIDDEN), admin) == "192.0.2.10"
    assert untouched(field("I", SHOWN), context(creating=False, old="192.0.2.1")) is None
    assert untouched(field("I", HIDDEN), context(creating=False)) is None
