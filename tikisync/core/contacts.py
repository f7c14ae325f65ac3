"""Contacts of Tiki's address book: what a rule wants of one, and what is to be written for it.

Tiki's contact pages print what is stored without escaping it (24.4: templates/tiki-contacts.tpl and
tiki-webmail_contacts.tpl), so text is stored in the form in which those pages show it as the text it was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tikisync.core.characters import narrowed
from tikisync.core.markup import as_html
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError, RuleError

TEXTS: Mapping[str, int] = {"firstName": 80, "lastName": 80, "email": 250, "nickname": 200}  # column: its length
EXTRA_LENGTH = 255
DEFAULT_EXTRA_FIELDS = (
    "Personal Phone",
    "Personal Mobile",
    "Personal Fax",
    "Work Phone",
    "Work Mobile",
    "Work Fax",
    "Company",
    "Organization",
    "Department",
    "Division",
    "Job Title",
    "Street Address",
    "City",
    "State",
    "Postal Code",
    "Country",
)
"""What Tiki gives each user who has no extra fields yet, in this order (contactlib get_ext_list)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
# No character that ends an attribute, a tag or a JavaScript string: the popup puts addresses into all three. One
# apostrophe among letters is let through, as in o'brien@…: the @ after it makes the popup's script invalid, not ours.
_ADDRESS = re.compile(r"[\w.!#$*+/=^{|}~-]+@[\w.-]+|[\w.+-]*'[\w.+-]*@[\w.-]+")


@dataclass(frozen=True, slots=True)
class ContactChange:
    """Write the contact with this e-mail address in the address book of the handler's user."""

    rule: str
    email: str
    first_name: str | None = None  # None leaves alone what is there
    last_name: str | None = None
    nickname: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)  # by name of the extra field; '' removes the value
    groups: tuple[str, ...] | None = None  # to share with, instead of those it is shared with

    @classmethod
    def of(cls, rule: str, values: Mapping[str, Json]) -> ContactChange:
        """Return the change that a rule's ``contact.…`` values ask for, by what follows the dot; None leaves alone.

        ``email``, ``firstName``, ``lastName``, ``nickname``, ``groups`` (a name or a list of names), or the name of
        an extra field. Raises FieldValueError.
        """
        given = {name: value for name, value in values.items() if value is not None}
        groups = given.pop("groups", None)
        names = groups if groups is None or isinstance(groups, list) else [groups]
        texts = {name: _text(rule, name, value) for name, value in given.items()}
        return cls(
            rule,
            email=texts.pop("email", ""),
            first_name=texts.pop("firstName", None),
            last_name=texts.pop("lastName", None),
            nickname=texts.pop("nickname", None),
            extra=texts,
            groups=None if names is None else tuple(filter(None, (_text(rule, "groups", name) for name in names))),
        )

    def order_key(self) -> bytes:
        """Return 16 bytes that changes of one contact share, so that they are applied in the order received."""
        address = f"contact {self.email.strip().casefold()}"
        return hashlib.blake2b(address.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def narrowed(self) -> ContactChange:
        """Return the change with a space for each character that MySQL's older character sets cannot hold."""
        return replace(
            self,
            email=narrowed(self.email),
            first_name=narrowed(self.first_name),
            last_name=narrowed(self.last_name),
            nickname=narrowed(self.nickname),
            extra={name: narrowed(text) for name, text in self.extra.items()},
        )


@dataclass(frozen=True, slots=True)
class ExtraField:
    """A row of ``tiki_webmail_contacts_fields``; id 0: one of the defaults, not made yet."""

    field_id: int
    name: str
    owner: str
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as stored."""

    contact_id: int
    texts: Mapping[str, str]  # by column of TEXTS
    extra: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # by field id; Tiki may have several values
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ContactPlan:
    """What is to be written; empty parts stay as they are."""

    texts: Mapping[str, str]  # all four columns, or none
    extra: Mapping[ExtraField, str]  # '' removes
    share: frozenset[str]  # groups
    unshare: frozenset[str]

    @property
    def is_unchanged(self) -> bool:
        """Tell whether the contact holds all this already."""
        return not (self.texts or self.extra or self.share or self.unshare)


def address(change: ContactChange) -> str:
    """Return the e-mail address to find the contact by; raise FieldValueError where Tiki cannot hold it safely."""
    text = change.email.strip()
    if not text:
        raise _refused(change.rule, "email", "there is no e-mail address, and a contact is found by it")
    if not _ADDRESS.fullmatch(text):
        raise _refused(change.rule, "email", "this is no e-mail address that Tiki's address book can show safely")
    return _fitting(change.rule, "email", text, TEXTS["email"])


def with_defaults(owner: str, fields: Sequence[ExtraField]) -> Sequence[ExtraField]:
    """Return the extra fields a user has: these, and Tiki's defaults where none of them is the user's own."""
    if any(each.owner == owner for each in fields):
        return fields
    return [*fields, *(ExtraField(0, name, owner) for name in DEFAULT_EXTRA_FIELDS)]


def plan(change: ContactChange, contact: Contact | None, owner: str, fields: Sequence[ExtraField]) -> ContactPlan:
    """Return what is to be written for the contact as it is (None: for a new one).

    ``fields`` are the owner's extra fields and all public ones. Raises FieldValueError or RuleError.
    """
    before = contact or Contact(0, {"email": address(change)})
    wanted = {"firstName": change.first_name, "lastName": change.last_name, "nickname": change.nickname}
    texts = {column: before.texts.get(column, "") for column in TEXTS}
    for column, text in wanted.items():
        if text is not None:
            texts[column] = _fitting(change.rule, column, shown(text).strip(" "), TEXTS[column])
    extra = {}
    for name, text in change.extra.items():
        definition = extra_field(change.rule, name, owner, fields, before)
        value = _fitting(change.rule, name, shown(text).replace("\\", "&bsol;"), EXTRA_LENGTH)
        stored = before.extra.get(definition.field_id, ())
        if any(old != value for old in stored) or (value and not stored):
            extra[definition] = value
    groups = before.groups if change.groups is None else frozenset(change.groups)
    return ContactPlan(
        texts if contact is None or texts != contact.texts else {},
        extra,
        share=groups - before.groups,
        unshare=before.groups - groups,
    )


def extra_field(rule: str, name: str, owner: str, fields: Sequence[ExtraField], contact: Contact) -> ExtraField:
    """Return the extra field a name means, in Tiki's order (contactlib get_ext_by_name); raise RuleError for none.

    A public one that has a value on the contact comes first, then the owner's, then any public one.
    """
    orders: Sequence[Callable[[ExtraField], bool]] = (
        lambda each: each.is_public and each.field_id in contact.extra,
        lambda each: each.owner == owner,
        lambda each: each.is_public,
    )
    for fits in orders:
        for each in fields:
            if each.name == name and fits(each):
                return each
    raise RuleError(
        rule,
        f"user {owner} has no extra contact field named {name}",
        hint=f"add it in Tiki (Contacts, Preferences) as that user, or use one of: {', '.join(e.name for e in fields)}",
        reason="contact_field_unknown",
    )


def shown(text: str) -> str:
    """Return text in the form in which a page that escapes nothing shows it as it is; control characters go.

    It has named references only: Tiki's form filter turns numbered ones back when somebody saves the contact again
    (lib/core/TikiFilter/PreventXss.php).
    """
    return as_html(_CONTROL.sub(" ", text))


def _text(rule: str, name: str, value: Json) -> str:
    if isinstance(value, bool | list | dict) or value is None:
        raise _refused(rule, name, "a contact holds text or numbers here")
    return str(value)


def _fitting(rule: str, name: str, text: str, length: int) -> str:
    if len(text) > length:
        raise _refused(rule, name, f"it is longer than the {length} characters that Tiki has room for")
    return text


def _refused(rule: str, name: str, message: str) -> FieldValueError:
    return FieldValueError(f"contact.{name}", message, rule=rule)
