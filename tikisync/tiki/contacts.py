"""Contacts of Tiki's address book: the ``tiki_webmail_contacts`` tables (Tiki 24.4: lib/webmail/contactlib.php).

A rule's contact is always one of the handler's user. It may be shared with any group there is, as Tiki's own pages
allow: who writes the rules decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from tikisync.core import contacts as planning
from tikisync.core.contacts import Contact, ContactChange, ExtraField
from tikisync.database import Transaction
from tikisync.errors import FieldValueError, TikiError
from tikisync.tiki.preferences import Preferences
from tikisync.tiki.users import User

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"


def write(tx: Transaction, user: User, change: ContactChange) -> tuple[int, str]:
    """Write the user's contact with the change's e-mail address; return its id and what became of it.

    Raises FieldValueError or RuleError where a value does not fit or names what Tiki does not have.
    """
    contact = _find(tx, user.login, planning.address(change))
    fields = planning.with_defaults(user.login, _fields(tx, user.login))
    plan = planning.plan(change, contact, user.login, fields)
    _require_groups(tx, change.rule, plan.share)
    if contact and plan.is_unchanged:
        return contact.contact_id, UNCHANGED
    made = _make(tx, [each for each in fields if not each.field_id])
    if contact is None:
        contact_id = tx.insert("tiki_webmail_contacts", {**plan.texts, "user": user.login})
    else:
        contact_id = contact.contact_id
        if plan.texts:
            tx.update("tiki_webmail_contacts", {"contactId": contact_id}, plan.texts)
    for definition, value in plan.extra.items():
        field_id = definition.field_id or made[definition]
        _set_extra(tx, contact_id, field_id, value, is_set=contact is not None and field_id in contact.extra)
    if plan.unshare:
        tx.delete("tiki_webmail_contacts_groups", {"contactId": contact_id, "groupName": list(plan.unshare)})
    rows = [{"contactId": contact_id, "groupName": group} for group in sorted(plan.share)]
    tx.insert_many("tiki_webmail_contacts_groups", rows)
    return contact_id, UPDATED if contact else CREATED


def require_writable(tx: Transaction, user: User, rule: str, extra: Iterable[str], preferences: Preferences) -> None:
    """Raise what would keep a rule's contacts from being written: TikiError, or RuleError for an unknown extra field.

    ``extra`` are the names of the extra fields that the rule sets.
    """
    if not (preferences.is_on("feature_contacts") or preferences.is_on("feature_webmail")):
        raise TikiError("contacts are switched off in Tiki", hint="switch on the preference feature_contacts")
    fields = planning.with_defaults(user.login, _fields(tx, user.login))
    for name in extra:
        planning.extra_field(rule, name, user.login, fields, Contact(0, {}))


def _find(tx: Transaction, owner: str, address: str) -> Contact | None:
    """Return the owner's contact with this address, or else one that differs in nothing but case; the oldest.

    SQL would also take ž for z, and another owner whose login differs in case.
    """
    rows = [
        row
        for row in tx.all(
            "SELECT * FROM tiki_webmail_contacts WHERE `user` = :owner AND email = :address ORDER BY contactId",
            owner=owner,
            address=address,
        )
        if row["user"] == owner and row["email"].casefold() == address.casefold()
    ]
    row = next((row for row in rows if row["email"] == address), rows[0] if rows else None)
    if row is None:
        return None
    contact_id = int(row["contactId"])
    extra: dict[int, tuple[str, ...]] = {}
    for value in tx.all("SELECT fieldId, value FROM tiki_webmail_contacts_ext WHERE contactId = :id", id=contact_id):
        extra[int(value["fieldId"])] = (*extra.get(int(value["fieldId"]), ()), str(value["value"]))
    groups = tx.all("SELECT groupName FROM tiki_webmail_contacts_groups WHERE contactId = :id", id=contact_id)
    return Contact(
        contact_id,
        {column: str(row[column] or "") for column in planning.TEXTS},
        extra,
        frozenset(str(group["groupName"]) for group in groups),
    )


def _fields(tx: Transaction, owner: str) -> Sequence[ExtraField]:
    rows = tx.all(
        "SELECT fieldId, fieldname, `user`, flagsPublic FROM tiki_webmail_contacts_fields "
        "WHERE `user` = :owner OR flagsPublic = 'y' ORDER BY fieldId",
        owner=owner,
    )
    return [
        ExtraField(int(row["fieldId"]), str(row["fieldname"]), str(row["user"]), row["flagsPublic"] == "y")
        for row in rows
        if row["user"] == owner or row["flagsPublic"] == "y"
    ]


def _make(tx: Transaction, fields: Sequence[ExtraField]) -> dict[ExtraField, int]:
    table = "tiki_webmail_contacts_fields"
    return {e: tx.insert(table, {"user": e.owner, "fieldname": e.name, "flagsPublic": "n"}) for e in fields}


def _set_extra(tx: Transaction, contact_id: int, field_id: int, value: str, *, is_set: bool) -> None:
    table, place = "tiki_webmail_contacts_ext", {"contactId": contact_id, "fieldId": field_id}
    if not value:
        tx.delete(table, place)
    elif is_set:
        tx.update(table, place, {"value": value})
    else:
        tx.insert(table, {**place, "value": value, "hidden": 0})


def _require_groups(tx: Transaction, rule: str, names: Collection[str]) -> None:
    rows = tx.all("SELECT groupName FROM users_groups WHERE groupName IN :names", names=names) if names else ()
    unknown = set(names) - {str(row["groupName"]) for row in rows}
    if unknown:
        raise FieldValueError(
            "contact.groups",
            f"Tiki has no group {', '.join(sorted(unknown))}",
            rule=rule,
            hint="use names from Tiki's list of groups, spelled exactly",
        )
