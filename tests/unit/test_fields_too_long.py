"""A value that its column has no room for is refused by the name of its field, whatever the type."""

from __future__ import annotations

import pytest

from tests.fields import context, field
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError


@pytest.mark.parametrize(
    ("code", "value", "told"),
    [
        ("t", "x" * 65_536, "65535 bytes"),
        ("t", "é" * 32_768, "65535 bytes"),
        ("F", ["tag"] * 20_000, "65535 bytes"),
        ("kaltura", ["entry"] * 20_000, "65535 bytes"),
        ("GF", {"type": "Feature", "geometry": "x" * 65_536}, "65535 bytes"),
        ("REL", [f"user:{number}" for number in range(10_000)], "65535 bytes"),
        ("icon", "x" * 256, "255 characters"),
    ],
)
def test_what_has_no_room_is_refused_by_name(code: str, value: Json, told: str) -> None:
    with pytest.raises(FieldValueError, match=told) as refused:
        FIELD_TYPES[code].encode(field(code), value, context())

    assert refused.value.field == field(code).perm_name
