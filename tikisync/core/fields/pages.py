"""Fields that name wiki pages: the page selector (``k``), and the wiki page field, which no rule can write.

Tiki: lib/core/Tracker/Field/PageSelector.php, Wiki.php, trackerlib replace_item, 24.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.questions import PageExists, Question
from tikisync.core.trackers import Field, Json

_LONGEST = 158  # bytes of a page's name that Tiki's links keep (tikilib replace_link)


class PageSelectorType(FieldType):
    """Stored as the page's name; empty, the field has no row, and Tiki never empties it."""

    codes = ("k",)
    label = "Page Selector"
    preferences: ClassVar = {"k": ("trackerfield_pageselector", "feature_wiki")}
    accepts = "the name of a wiki page"

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask whether there is such a page."""
        return [PageExists(value)] if isinstance(value, str) and value else []

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the name as given, for ``''`` the old one; a missing page passes unless Tiki would create it."""
        if not isinstance(value, str):
            raise self.refuse(definition, value)
        if not value:
            return Stored(context.old)
        if context.answers[PageExists(value)]:
            return Stored(value)
        if len(value.encode()) > _LONGEST or any(letter in value for letter in "<>&\"'\n|()"):
            raise self.refuse(definition, value, "that no page of the wiki has as its name")
        if definition.options:  # with any option set, Tiki takes it that the page is to be created (24.4)
            raise self.refuse(definition, value, "naming a page that is missing", "create the page in Tiki first")
        return Stored(value)

    def untouched(self, definition: Field, context: Context) -> Stored | None:  # noqa: ARG002
        """Return no row."""
        return None


class WikiPageType(FieldType):
    """The item's own wiki page: its text is kept in the wiki, with a history of its own."""

    codes = ("wiki",)
    label = "Wiki Page"
    preferences: ClassVar = {"wiki": ("trackerfield_wiki",)}
    accepts = "nothing from a webhook"

    def problem(self, definition: Field) -> str:  # noqa: ARG002
        """Refuse always."""
        return "its text is a wiki page, which only Tiki can save; use a text area"


TYPES: tuple[FieldType, ...] = (PageSelectorType(), WikiPageType())
