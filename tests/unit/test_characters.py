"""Characters beyond the reach of MySQL's older character sets become spaces, and only those."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.changes import ItemChange
from tikisync.core.characters import is_wide, narrowed
from tikisync.core.contacts import ContactChange
from tikisync.core.trackers import Json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.text())
def test_a_text_keeps_its_length_and_every_other_character(text: str) -> None:
    assert narrowed(text) == "".join(" " if ord(letter) > 0xFFFF else letter for letter in text)
    assert is_wide(text) == (narrowed(text) != text)


@given(JSON)
def test_a_json_value_keeps_its_shape(value: Json) -> None:
    assert not is_wide(json.dumps(narrowed(value), ensure_ascii=False))
    assert narrowed(narrowed(value)) == narrowed(value)
    if not is_wide(json.dumps(value, ensure_ascii=False)):
        assert narrowed(value) == value


def test_a_change_is_narrowed_in_what_tiki_stores_and_not_in_what_it_is_called() -> None:
    change = ItemChange("🐙", "Squid 🦑", key={"name": "a🐙"}, fields={"tags": ["b🐙", {"x🐙": 1}]})

    assert change.narrowed() == ItemChange("🐙", "Squid 🦑", key={"name": "a "}, fields={"tags": ["b ", {"x ": 1}]})


def test_a_contact_is_narrowed_and_what_it_leaves_alone_stays_so() -> None:
    change = ContactChange("c", "a🐙@x", first_name="🐙", extra={"City": "Ny🐙"}, groups=("🐙",))

    assert change.narrowed() == ContactChange("c", "a @x", first_name=" ", extra={"City": "Ny "}, groups=("🐙",))
