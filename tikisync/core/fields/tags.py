"""Tag fields (``F``): Tiki's free tags on the item (Tiki: lib/core/Tracker/Field/Freetags.php, 24.4)."""

from __future__ import annotations

import re
from typing import ClassVar

from tikisync.core import markup
from tikisync.core.effects import Tag
from tikisync.core.fields.entries import entries
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.trackers import Field, Json

_LONGEST = 127  # longer tags are left out by Tiki (freetaglib safe_tag), counted in bytes and with its backslashes


def parse(text: str) -> tuple[str, ...]:
    """Return the tags of a field's text: words, and whole phrases between double quotes (freetaglib _parse_tag)."""
    tags: list[str] = []
    for place, part in enumerate(text.split('"')):
        tags += [part] if place % 2 and part else re.findall(r"\S+", part, re.ASCII)
    return tuple(tag for tag in (tag.strip(" \t\n\r\0\x0b") for tag in tags) if tag)


def escaped(tag: str) -> str:
    r"""Return a tag as ``tiki_freetags.raw_tag`` has it: quotes and backslashes behind a backslash, NUL as ``\0``."""
    return re.sub(r"(['\"\\])", r"\\\1", tag).replace("\0", "\\0")


class TagsType(FieldType):
    """Stored as the tags separated by spaces, those of several words between double quotes."""

    codes = ("F",)
    label = "Tags"
    preferences: ClassVar = {"F": ("trackerfield_freetags", "feature_freetags")}
    accepts = "tags, a list or text with spaces between them"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return a list joined as Tiki's form has it, and text as it is; refuse tags that Tiki would leave out."""
        text = value if isinstance(value, str) else " ".join(self._quoted(definition, each) for each in entries(value))
        if definition.perm_name in context.calculated_with and not context.trust:
            text = markup.without_tags(text)
        tags = parse(text)
        if any(len(escaped(tag).encode()) > _LONGEST for tag in tags):
            raise self.refuse(definition, value, f"with a tag of more than {_LONGEST} bytes")
        return self.store(definition, text, Tag(definition.field_id, tags))

    def _quoted(self, definition: Field, entry: Json) -> str:
        if isinstance(entry, bool | list | dict):
            raise self.refuse(definition, entry, "as a tag")
        tag = str(entry)
        if '"' in tag:
            raise self.refuse(definition, entry, "with a double quote in a tag, which Tiki cannot hold")
        return f'"{tag}"' if re.search(r"\s", tag, re.ASCII) else tag


TYPES: tuple[FieldType, ...] = (TagsType(),)
