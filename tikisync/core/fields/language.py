"""Language fields (``LANG``): the language of the item (Tiki: lib/core/Tracker/Field/Language.php, 24.4)."""

from __future__ import annotations

from typing import ClassVar

from tikisync.core.effects import SetLanguage
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.trackers import Field, Json

# The folders of Tiki's lang/ that hold a translation (24.4); a site may restrict them to its available languages.
LANGUAGES = frozenset((
    "ar", "bg", "ca", "cn", "cs", "cy", "da", "de", "el", "en", "en-uk", "es", "fa", "fi", "fj", "fr", "fy-NL",
    "gl", "he", "hr", "hu", "id", "is", "it", "iu", "iu-iq", "iu-ro", "ja", "ko", "lt", "nds", "nl", "no", "pl",
    "pt", "pt-br", "rm", "ro", "ru", "sb", "si", "sk", "sl", "sq", "sr-latn", "sv", "sw", "th", "tr", "tv", "tw",
    "uk", "ur", "vi",
))  # fmt: skip


class LanguageType(FieldType):
    """Stored as Tiki's code of the language."""

    codes = ("LANG",)
    label = "Language"
    preferences: ClassVar = {"LANG": ("trackerfield_language", "feature_multilingual")}
    accepts = "the code of a language that Tiki has, such as 'en' or 'pt-br'"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the code, for ``''`` the old one as Tiki does; refuse an unknown one (Tiki would keep the old one)."""
        if value == "":
            return Stored(context.old)
        if not isinstance(value, str) or value not in LANGUAGES | set(context.languages):
            available = ", ".join(context.languages)
            raise self.refuse(definition, value, hint=f"the site's languages are {available}" if available else "")
        follows = definition.number("autoassign") == 1
        return Stored(value, (SetLanguage(definition.field_id, value),) if follows else ())


TYPES: tuple[FieldType, ...] = (LanguageType(),)
