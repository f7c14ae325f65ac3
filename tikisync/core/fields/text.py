"""Text fields (``t``) and text areas (``a``), in one language or several (Tiki: Field/Text.php, TextArea.php, 24.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import ClassVar

from tikisync.core import markup, patterns, php, wiki_links
from tikisync.core.effects import Effect, LinkPages
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.fields.scalars import plain
from tikisync.core.trackers import Field, Json
from tikisync.errors import FieldValueError

_ELSEWHERE = ("captcha", "passcode", "password", "remotelock", "smarty", "uniqueemail", "username", "pagename")


class TextType(FieldType):
    """Stored as given, cut to the option ``max``; Tiki escapes it wherever it shows it.

    In several languages it is one JSON object. A text means the same text in all of them; an object
    ``{"en": …, "fr": …}`` leaves the languages it does not name as they are.
    """

    codes: ClassVar[tuple[str, ...]] = ("t",)
    label = "Text Field"
    preferences: ClassVar = {"t": ("trackerfield_text",)}
    accepts = "text or a number, in a multilingual field also an object of texts by language"

    def problem(self, definition: Field) -> str:
        """Refuse fields with a validation that only a visitor's browser session or Tiki itself can pass."""
        if definition.validation in _ELSEWHERE:
            return f"its validation {definition.validation!r} can only be carried out by Tiki"
        return ""

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the text, or PHP's JSON of the texts in all of Tiki's available languages."""
        if definition.is_multilingual and context.languages:
            text = self._in_languages(definition, value, context)
        else:
            text = self._in_one(definition, value, context)
        return self.store(definition, text, *self.effects(definition, text, context))

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return nothing, or nothing in each language."""
        return self.encode(definition, "", context) if context.creating else None

    def effects(self, definition: Field, text: str, context: Context) -> tuple[Effect, ...]:  # noqa: ARG002
        """Return the rows elsewhere that the stored text causes."""
        return ()

    def literal(self, definition: Field, text: str, context: Context) -> str:  # noqa: ARG002
        """Return the text as Tiki has to store it so that it reads as it is."""
        return markup.as_escaped(text)

    def check(self, definition: Field, text: str) -> None:
        """Raise FieldValueError where the field's validation pattern does not fit the text."""
        if definition.validation != "regex":
            return
        try:
            fits = patterns.fits(definition.validation_param, text)
        except patterns.PatternError as error:
            message = f"its validation pattern cannot be checked outside Tiki: {error}"
            raise FieldValueError(definition.perm_name, message, reason="pattern_unsupported") from error
        if not fits:
            message = definition.validation_message or "the text does not fit the field's validation pattern"
            raise FieldValueError(definition.perm_name, message, reason="pattern")

    def _in_languages(self, definition: Field, value: Json, context: Context) -> str:
        texts: Mapping[str, Json] = value if isinstance(value, dict) else dict.fromkeys(context.languages, value)
        if set(texts) - set(context.languages):
            available = f"Tiki's available languages are {', '.join(context.languages)}"
            raise self.refuse(definition, value, "with another language", available)
        old = by_language(context.old) or dict.fromkeys(context.languages, context.old)
        kept = {language: old.get(language, "") for language in context.languages}
        given = {lang: self._in_one(definition, text, context) for lang, text in texts.items() if text is not None}
        return php.json_encode({**kept, **given})

    def _in_one(self, definition: Field, value: Json, context: Context) -> str:
        text = plain(value)
        if text is None:
            raise self.refuse(definition, value)
        if text not in ("", "0"):  # both are empty to PHP, and empty text is not validated
            self.check(definition, text)
        limit = definition.number("max")
        text = text[:limit] if limit > 0 else text
        written = self._written(definition, text, context)
        while 0 < limit < len(written) and text:  # Tiki cuts at the next save in its form: not within our marks
            text = text[: -max(1, (len(written) - limit) // 20)]
            written = self._written(definition, text, context)
        return written

    def _written(self, definition: Field, text: str, context: Context) -> str:
        if context.trust:
            return text
        open_to_tags = definition.perm_name in context.calculated_with
        return self.literal(definition, markup.without_tags(text) if open_to_tags else text, context)


class TextAreaType(TextType):
    """As a text field, but Tiki parses it as wiki text (or HTML) and runs plugins with the viewer's rights.

    So what a stranger sent is written to be shown as plain text, unless the rule trusts it (``trust``).
    """

    codes = ("a",)
    label = "Text Area"
    preferences: ClassVar = {"a": ("trackerfield_textarea",)}

    def effects(self, definition: Field, text: str, context: Context) -> tuple[Effect, ...]:
        """Return the pages that a trusted text links and includes; any other text has none."""
        pages = wiki_links.linked(text) if context.trust else ()
        includes = wiki_links.included(text) if context.trust else ()
        needed = pages or includes or not context.creating  # a new item has no old links to be removed
        return (LinkPages(definition.field_id, pages, includes),) if needed else ()

    def literal(self, definition: Field, text: str, context: Context) -> str:
        """Return the text with its wiki syntax switched off, for the kind of text the field holds."""
        is_html = context.wysiwyg_is_html and definition.text("wysiwyg") == "y"
        return markup.as_wysiwyg(text) if is_html else markup.as_wiki(text)

    def check(self, definition: Field, text: str) -> None:
        """Raise FieldValueError also where there are more words than the option ``wordmax`` allows."""
        limit = definition.number("wordmax")
        if 0 < limit < len(re.split(r"\s+", text.strip(" \t\n\r\v\0"), flags=re.ASCII)):
            raise FieldValueError(definition.perm_name, f"the text has more than {limit} words", reason="wordmax")
        super().check(definition, text)


def by_language(stored: str) -> Mapping[str, str] | None:
    """Return a stored text in each of its languages; None: it is a text without languages, shown for all of them."""
    try:
        texts = json.loads(stored) if stored.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return {language: str(text) for language, text in texts.items()} if texts else None


TYPES: tuple[FieldType, ...] = (TextType(), TextAreaType())
