"""What a field type is: how a JSON value becomes the text that Tiki stores, and what else it causes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, ClassVar

from tikisync.core.date_format import DEFAULT_DATES, DateFormat
from tikisync.core.effects import Effect
from tikisync.core.questions import Answers, Question
from tikisync.core.trackers import Field, Json
from tikisync.errors import FieldValueError

VALUE_BYTES = 65_535  # what tiki_tracker_item_fields.value (TEXT) has room for


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of a write that a field type may look at."""

    user: str  # the handler's Tiki user, login as stored
    now: int  # UNIX seconds, UTC
    creating: bool
    client_ip: str = ""  # the sender's address, '' where unknown
    languages: tuple[str, ...] = ()  # Tiki's available languages; empty: not multilingual
    user_groups: tuple[str, ...] = ()  # the user's groups, inclusions followed; direct ones first
    default_group: str = ""  # the user's default group
    default_category: int = 0  # what Tiki puts the user's things into that would be in no category; 0: none
    administers_tracker: bool = False
    takes_ownership: bool = False  # tracker option userCanTakeOwnership
    wysiwyg_is_html: bool = False  # preference wysiwyg_htmltowiki is 'n': WYSIWYG text areas hold HTML
    dates: DateFormat = DEFAULT_DATES
    calculated_with: frozenset[str] = frozenset()  # permanent names that calculations use: Tiki shows results unescaped
    answers: Answers = field(default_factory=Answers)
    old: str = ""  # the field's stored value before, '' on create
    trust: str = ""  # '', 'html' or 'wiki': what a rule explicitly lets through

    def of_field(self, old: str, trust: str) -> Context:
        """Return the circumstances for one field; ``replace``, for each field of each item, takes twice as long."""
        if (old, trust) == (self.old, self.trust):
            return self
        return Context(*(*_OF_ITEM(self), old, trust))


_OF_ITEM = attrgetter(*[each.name for each in fields(Context)][:-2])


@dataclass(frozen=True, slots=True)
class Stored:
    """What a value becomes: the text of ``tiki_tracker_item_fields.value`` and the rows elsewhere it causes."""

    value: str | None
    effects: tuple[Effect, ...] = ()


class FieldType:
    """One of Tiki's tracker field types. Subclasses are stateless; one instance serves all fields of the type."""

    codes: ClassVar[tuple[str, ...]]  # Tiki's type codes, case matters
    label: ClassVar[str]  # Tiki's name for it, for messages
    preferences: ClassVar[dict[str, tuple[str, ...]]] = {}  # by code: preferences that must be 'y'
    accepts: ClassVar[str]  # in words, for messages: what JSON fits
    numbered: ClassVar[bool] = False  # a new item gets a number that only the database can give

    def problem(self, definition: Field) -> str:  # noqa: ARG002  overridden by types that can refuse a definition
        """Say why no rule may write this field (type automatic, option unsupported), or ``''``."""
        return ""

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Name what must be known before ``encode`` can run on this value."""
        return ()

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return what Tiki's form stores for this value; raise FieldValueError where it cannot hold it.

        ``value`` is never None; ``''`` and ``[]`` empty the field. A type that no rule can write refuses them all.
        """
        raise self.refuse(definition, value)

    def untouched_questions(self, definition: Field, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Name what must be known before ``untouched`` can run."""
        return ()

    def untouched(self, definition: Field, context: Context) -> Stored | None:  # noqa: ARG002
        """Return what Tiki's form stores where no rule names the field; None: no row on create, no change on update."""
        return Stored("") if context.creating else None

    def unposted(self, definition: Field) -> str | None:  # noqa: ARG002
        """Return what a new item gets where the user may not edit a field that the form of others has; None: NULL."""
        return None

    def logged(self, definition: Field, old: str, dates: DateFormat = DEFAULT_DATES) -> str | None:  # noqa: ARG002
        """Return how the history shows the old value; None where Tiki never logs this type."""
        return old

    def store(self, definition: Field, text: str, *effects: Effect) -> Stored:
        """Return a text with the rows it causes; refuse what the column has no room for (Tiki would break off)."""
        if len(text.encode()) > VALUE_BYTES:
            raise FieldValueError(
                definition.perm_name,
                f"the value has more than the {VALUE_BYTES} bytes that Tiki stores",
                reason="too_long",
            )
        return Stored(text, effects)

    def refuse(
        self, definition: Field, value: Json, why: str = "", hint: str = "", *, reason: str = ""
    ) -> FieldValueError:
        """Return the error for a value that does not fit, naming its type but never its content."""
        kind = type(value).__name__ if value is not None else "null"
        shown = {
            "str": "text",
            "bool": "true/false",
            "int": "a number",
            "float": "a number",
            "list": "a list",
            "dict": "an object",
        }
        message = f"{self.label} takes {self.accepts}; got {shown.get(kind, kind)}" + (f" {why}" if why else "")
        return FieldValueError(definition.perm_name, message, hint=hint, reason=reason)
