"""Choices: checkbox (``c``), dropdown (``d``, ``D``), radio buttons (``R``), multiselect (``M``).

Tiki: Field/Checkbox.php, Dropdown.php, 24.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

from tikisync.core import markup
from tikisync.core.fields.entries import entries
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.fields.scalars import plain
from tikisync.core.trackers import MOST_KNOWN, Field, Json

_TICKED = {"y", "yes", "on", "true", "1"}
_UNTICKED = {"", "n", "no", "off", "false", "0"}


class CheckboxType(FieldType):
    """Stored as ``y`` or ``n``."""

    codes = ("c",)
    label = "Checkbox"
    preferences: ClassVar = {"c": ("trackerfield_checkbox",)}
    accepts = "true or false, also as 'y' or 'n', 'on' or 'off', 1 or 0"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return ``y`` or ``n``."""
        text = plain(value)
        if text is None or text.lower() not in _TICKED | _UNTICKED:
            raise self.refuse(definition, value)
        return Stored("y" if text.lower() in _TICKED else "n")

    def untouched(self, definition: Field, context: Context) -> Stored | None:  # noqa: ARG002
        """Return ``n``."""
        return Stored("n") if context.creating else None


class DropdownType(FieldType):
    """Stored as the value of an option; Tiki shows its label.

    Tiki would store any text, and shows one that is no option without escaping it; it is refused.
    """

    codes: ClassVar[tuple[str, ...]] = ("d",)
    label = "Dropdown"
    preferences: ClassVar = {"d": ("trackerfield_dropdown",)}
    accepts = "one of its options, by value or label"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the option's value."""
        text = plain(value)
        if text is None:
            raise self.refuse(definition, value)
        return self.store(definition, self.chosen(definition, text, context) if text else "")

    def chosen(self, definition: Field, text: str, context: Context) -> str:  # noqa: ARG002
        """Return the value of the option with this value, or else with this label."""
        option = _find(definition, text)
        if option is None:
            values = ", ".join(value for value, _ in options(definition))
            raise self.refuse(
                definition, text, "that is none of them", f"its options are {values}", reason="unknown_option"
            )
        return option

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return the default, which is an option that is listed twice in a row."""
        listed = definition.choices("options")
        defaults = [_parts(one)[0] for one, next_one in pairwise(listed) if one == next_one]
        return Stored(",".join(defaults)) if context.creating else None


class DropdownOtherType(DropdownType):
    """As a dropdown, or else any text; Tiki shows that without escaping it, so it is stored as HTML that reads so."""

    codes = ("D",)
    label = 'Dropdown selector with "Other" field'
    preferences: ClassVar = {"D": ("trackerfield_dropdownother",)}
    accepts = "one of its options, by value or label, or other text"

    def chosen(self, definition: Field, text: str, context: Context) -> str:
        """Return the option's value, or the text."""
        option = _find(definition, text)
        if option is not None and option != "other":  # that one only names the choice of another text
            return option
        return text if context.trust == "html" else markup.as_html(text)


class RadioType(DropdownType):
    """As a dropdown."""

    codes = ("R",)
    label = "Radio Buttons"
    preferences: ClassVar = {"R": ("trackerfield_radio",)}


class MultiselectType(DropdownType):
    """Stored as the options' values with commas between them, in the order given."""

    codes = ("M",)
    label = "Multiselect"
    preferences: ClassVar = {"M": ("trackerfield_multiselect",)}
    accepts = "a list of its options, by value or label"

    def problem(self, definition: Field) -> str:
        """Refuse options that Tiki itself could not tell apart once stored."""
        odd = [value for value, _ in options(definition) if "," in value]
        return f"its option {odd[0]!r} has a comma, which separates the options chosen" if odd else ""

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the values, each once; text is an option, or several with commas between them."""
        whole = isinstance(value, str) and _find(definition, value) is not None
        texts = [plain(each) for each in ([value] if whole else entries(value))]
        if isinstance(value, dict) or None in texts:
            raise self.refuse(definition, value)
        values = dict.fromkeys(self.chosen(definition, text, context) for text in texts if text)
        return self.store(definition, ",".join(values))


@lru_cache(MOST_KNOWN)
def options(definition: Field) -> Sequence[tuple[str, str]]:
    """Return value and label of each option, written ``value`` or ``value=Label``, either in double quotes."""
    return [_parts(option) for option in definition.choices("options")]


def _parts(option: str) -> tuple[str, str]:
    value, separator, label = option.partition("=")
    return _unquoted(value), _unquoted(label if separator else value)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return (text[1:-1] if quoted else text).strip(" \t\n\r\v\0")


def _find(definition: Field, text: str) -> str | None:
    known = options(definition)
    return next((value for value, _ in known if value == text), None) or next(
        (value for value, label in known if label == text), None
    )


TYPES: tuple[FieldType, ...] = (CheckboxType(), DropdownType(), DropdownOtherType(), RadioType(), MultiselectType())
