"""Whatever JSON arrives: every plain field type stores a text that Tiki has room for, or refuses it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fields import context, field, stored
from tikisync.core.fields import FIELD_TYPES, unwritable
from tikisync.core.fields.kind import VALUE_BYTES
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError

OPTIONS: dict[str, dict[str, Any]] = {
    "t": {"max": 50},
    "a": {"wordmax": 3},
    "b": {"currency": "EUR"},
    "d": {"options": ["a=A"]},
    "M": {"options": ["a=A", "b"]},
    "u": {"multiple": 1},
    "I": {"autoassign": 0},
    "r": {"trackerId": 1, "fieldId": 1, "selectMultipleValues": 1},
    "w": {"trackerId": 1, "listFieldIdThere": 1},
}
PLAIN = ["t", "a", "n", "b", "c", "d", "D", "R", "M", "f", "j", "m", "L", "y", "DUR", "u", "g", "I", "r", "w"]
TELLING = [
    "",
    "y",
    "a",
    "1",
    "-1",
    "0",
    "1e400",
    "owner",
    "Staff",
    "2024-01-01",
    "1,2",
    "FR",
    "x@y.z",
    "1 EUR",
    "\ud800",
    "{x}",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(TELLING)
KEYS = st.sampled_from(["amount", "currency", "hours", "minutes", "en", "fr"]) | st.text()
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)


@pytest.mark.parametrize("code", PLAIN)
@settings(max_examples=40)
@given(value=ANYTHING.filter(lambda value: value is not None))
def test_any_value_is_stored_or_refused(code: str, value: Json) -> None:
    definition = field(code, OPTIONS.get(code, {}))
    try:
        text = stored(definition, value, context(user_groups=("Sync",), default_group="Sync"))
    except FieldValueError as refusal:
        assert refusal.field == "theField"
        assert refusal.message
    else:
        assert text is not None
        assert len(text.encode()) <= VALUE_BYTES


@settings(max_examples=40)
@given(value=ANYTHING.filter(lambda value: value is not None))
def test_any_value_of_a_multilingual_text_is_stored_or_refused(value: Json) -> None:
    try:
        text = stored(field("a", {"max": 20}, is_multilingual=True), value, context(languages=("en", "fr")))
    except FieldValueError as refusal:
        assert refusal.message
    else:
        assert text is not None
        assert text.isascii()


@pytest.mark.parametrize("code", PLAIN)
def test_a_value_is_never_told_in_an_error(code: str) -> None:
    secret: Json = {"secret-key": ["secret-value"]}

    with pytest.raises(FieldValueError) as refusal:
        stored(field(code, OPTIONS.get(code, {})), secret)
    assert "secret" not in f"{refusal.value} {refusal.value.hint}"


@pytest.mark.parametrize("code", PLAIN)
def test_every_plain_type_is_writable_and_says_what_it_needs_of_tiki(code: str) -> None:
    kind = FIELD_TYPES[code]

    assert unwritable(field(code, OPTIONS.get(code, {}) if code != "R" else {})) == ""
    assert kind.label
    assert kind.accepts
    assert kind.preferences[code]


def test_a_type_that_no_rule_can_write_refuses_every_value() -> None:
    with pytest.raises(FieldValueError, match="nothing from a webhook"):
        stored(field("wiki"), "A page")


def test_the_history_shows_an_old_text_as_it_was() -> None:
    assert FIELD_TYPES["t"].logged(field("t"), "old") == "old"


def test_encrypted_and_unknown_fields_are_unwritable() -> None:
    assert "encrypted" in unwritable(field("t", encryption_key_id=1))
    assert "'?'" in unwritable(field("?"))
    assert unwritable(field("h"))
