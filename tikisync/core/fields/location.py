"""Fields of geography and pictures on it: location (``G``), geographic feature (``GF``), icon.

Tiki: lib/core/Tracker/Field/Location.php, GeographicFeature.php, Icon.php, 24.4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import ClassVar

from tikisync.core import php_numbers
from tikisync.core.effects import SetAttributes
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.trackers import Field, Json

_COORDINATES = re.compile(r"(-?\d*(?:\.\d+)?),(-?\d*(?:\.\d+)?)(?:,(\d+))?", re.ASCII)  # geolib parse_coordinates
_DEFAULT_ICON = "img/icons/plugin.png"
_LONGEST_ATTRIBUTE = 255  # tiki_object_attributes.value
_FURTHEST = {"lon": 180, "lat": 90, "zoom": 30}


class LocationType(FieldType):
    """Stored as ``lon,lat,zoom``; the zoom may be missing, the comma before it not."""

    codes = ("G",)
    label = "Location"
    preferences: ClassVar = {"G": ("trackerfield_location",)}
    accepts = "an object with lon, lat and, if known, zoom, or text 'lon,lat,zoom'"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return the coordinates as PHP writes the numbers; 0,0 empties the field, as in Tiki."""
        numbers = self._numbers(definition, value)
        if not numbers:
            return Stored("")
        lon, lat, zoom = (php_numbers.text(numbers[name]) if name in numbers else "" for name in ("lon", "lat", "zoom"))
        text = f"{lon},{lat},{zoom}"
        if "0,0," in text:  # what Tiki takes for no place at all, wherever in the text it stands
            if numbers["lon"] or numbers["lat"]:
                raise self.refuse(definition, value, "on a line of the map that Tiki takes for no place")
            return Stored("")
        return Stored(
            text, _position(definition, text) if definition.text("use_as_item_location") in ("1", "y") else ()
        )

    def _numbers(self, definition: Field, value: Json) -> dict[str, float]:
        given: Mapping[str, Json]
        if isinstance(value, str):
            given = dict(zip(_FURTHEST, (part.strip() for part in value.split(",")), strict=False))
            if value.count(",") > 2:
                raise self.refuse(definition, value, "with more than three numbers")
        elif isinstance(value, dict) and value.keys() <= _FURTHEST.keys():
            given = value
        else:
            raise self.refuse(definition, value)
        numbers: dict[str, float] = {}
        for name, each in given.items():
            if each is None or each == "":
                continue
            number = (
                None if isinstance(each, bool) else php_numbers.number(each if isinstance(each, str) else str(each))
            )
            if number is None or not abs(number) <= _FURTHEST[name]:
                raise self.refuse(
                    definition, value, f"whose {name} is no number from -{_FURTHEST[name]} to {_FURTHEST[name]}"
                )
            numbers[name] = float(number)
        if numbers and not {"lon", "lat"} <= numbers.keys():
            raise self.refuse(definition, value, "without both lon and lat")
        return numbers


class GeographicFeatureType(FieldType):
    """Stored as the text of one GeoJSON feature; Tiki neither shows nor edits it in forms."""

    codes = ("GF",)
    label = "Geographic Feature"
    preferences: ClassVar = {"GF": ("trackerfield_geographicfeature",)}
    accepts = "a GeoJSON feature, as an object or as its text"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return the feature's text as given, or an object written out."""
        if value == "":
            return Stored("")
        try:
            feature = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            feature = None
        if not isinstance(feature, dict) or feature.get("type") != "Feature" or "geometry" not in feature:
            raise self.refuse(definition, value, "that is no GeoJSON feature")
        return self.store(definition, value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))


class IconType(FieldType):
    """Stored as the image's address, relative to the site; the item's attribute ``tiki.icon.src`` follows it."""

    codes = ("icon",)
    label = "Icon"
    preferences: ClassVar = {"icon": ("trackerfield_icon", "feature_file_galleries", "feature_search")}
    accepts = "the address of an image, such as 'img/icons/plugin.png'"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return the address as given, for an empty one the field's default."""
        if not isinstance(value, str) or not re.fullmatch(r"(?:https?://)?[^\s\"'<>:\\]*", value):
            raise self.refuse(definition, value)
        if len(value) > _LONGEST_ATTRIBUTE:
            raise self.refuse(definition, value, f"with more than {_LONGEST_ATTRIBUTE} characters")
        icon = value or definition.text("default") or _DEFAULT_ICON
        return Stored(icon, (SetAttributes(definition.field_id, (("tiki.icon.src", icon),)),))

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return the field's default for a new item."""
        return self.encode(definition, "", context) if context.creating else None


def _position(definition: Field, text: str) -> tuple[SetAttributes, ...]:
    parts = _COORDINATES.fullmatch(text)
    if parts is None:
        return ()
    names = {"tiki.geo.lat": parts[2], "tiki.geo.lon": parts[1], "tiki.geo.google.zoom": parts[3]}
    present = tuple((name, part) for name, part in names.items() if part is not None)
    return (SetAttributes(definition.field_id, present),)


TYPES: tuple[FieldType, ...] = (LocationType(), GeographicFeatureType(), IconType())
