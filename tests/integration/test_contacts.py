"""Contacts written into a Tiki's database, held against the recordings of a real one."""

from __future__ import annotations

from typing import Any

import pytest

from tests import golden
from tikisync.core.contacts import DEFAULT_EXTRA_FIELDS, ContactChange
from tikisync.core.trackers import Json
from tikisync.database import Database, Transaction
from tikisync.errors import FieldValueError, RuleError, TikiError
from tikisync.tiki import contacts, preferences, users

# Where a webhook does otherwise than Tiki's form, on purpose; each has a test of its own below.
DIFFERENT = {
    "unicode": "markup is stored so that Tiki's pages show it as text",
    "same-email": "the address tells the contact: the first one is updated, no second one made",
    "no-email": "a contact without an address could not be found again",
    "update-keep": "an empty value empties",
    "form-repeats-public": "a value is changed where it is, not added again",
    "other-user-update-denied": "every user has contacts of his own",
    "other-user-update-group": "every user has contacts of his own",
    "lead-update-group": "every user has contacts of his own",
    "admin-form-update": "every user has contacts of his own",
    "group-duplicate": "the same group twice is once; Tiki breaks off",
    "group-unknown": "a group that does not exist is a mistake",
    "field-too-long": "refused as a whole; Tiki breaks off half way",
    "name-too-long": "refused as a whole; Tiki breaks off",
    "unknown-field": "refused; Tiki saves the rest",
}
SAVED = [case for case in golden.contacts() if case["op"] == "save"]


@pytest.fixture(params=["tiki_as_admin", "sqlite_tiki"])
def site(request: pytest.FixtureRequest) -> Database:
    """A Tiki's database, on the server and in SQLite."""
    database: Database = request.getfixturevalue(request.param)
    return database


@pytest.mark.parametrize(
    "case", [case for case in SAVED if case["name"] not in DIFFERENT], ids=lambda case: str(case["name"])
)
def test_a_recorded_save_writes_the_rows_tiki_wrote(site: Database, case: golden.Case) -> None:
    with site.transaction() as tx:
        golden.load(tx, golden.contacts_before(case["name"]))
        before = golden.snapshot(tx)

        contact_id, verb = save(tx, case["user"], values(tx, case))

        assert golden.lines(golden.difference(before, golden.snapshot(tx))) == golden.lines(case["rows"])
        assert contact_id == case["result"]["contactId"]
        assert verb == ("created" if case["contact"] is None else "updated" if case["rows"] else "unchanged")


def values(tx: Transaction, case: golden.Case) -> dict[str, Json]:
    """Return what a rule would say to ask for the same; a form posts all of the user's own fields, mostly empty."""
    own = tx.all("SELECT fieldname AS name FROM tiki_webmail_contacts_fields WHERE user = :user", user=case["user"])
    posted = [row["name"] for row in own] or DEFAULT_EXTRA_FIELDS if case["mode"] == "form" else ()
    extra = {**dict.fromkeys(posted, ""), **case["custom"], **case.get("custom_public", {})}
    return {**case["fields"], **extra, "groups": case["groups"]}


def save(tx: Transaction, login: str, wanted: dict[str, Json]) -> tuple[int, str]:
    user = users.find(tx, login)
    assert user is not None
    return contacts.write(tx, user, ContactChange.of("crm", wanted))


def after(tx: Transaction, name: str, **changes: Any) -> tuple[golden.Case, dict[str, Json]]:
    """Put the database into the state before a recorded case; return the case, and its values with changes."""
    case = next(case for case in golden.contacts() if case["name"] == name)
    golden.load(tx, golden.contacts_before(name))
    return case, {**values(tx, case), **changes}


def rows(tx: Transaction, table: str, contact_id: int) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.all(f"SELECT * FROM {table} WHERE contactId = :id", id=contact_id)]


def test_every_difference_is_one_of_a_recorded_save() -> None:
    assert {case["name"] for case in SAVED} >= DIFFERENT.keys()


def test_markup_in_a_contact_is_stored_as_text(site: Database) -> None:
    with site.transaction() as tx:
        case, wanted = after(tx, "unicode")
        contact_id, _ = save(tx, case["user"], wanted)

        stored = rows(tx, "tiki_webmail_contacts", contact_id)[0]
        assert stored == case["rows"][0][2]
        assert rows(tx, "tiki_webmail_contacts_ext", contact_id)[0]["value"] == "Söhne & &lt;b&gt;Co&lt;/b&gt;"


def test_a_second_payload_for_an_address_updates_the_first_contact(site: Database) -> None:
    with site.transaction() as tx:
        case, wanted = after(tx, "same-email")

        assert save(tx, case["user"], wanted) == (1, "updated")
        assert save(tx, case["user"], wanted) == (1, "unchanged")
        assert save(tx, case["user"], {**wanted, "email": "ADA@Example.org"}) == (1, "unchanged")


def test_an_address_with_an_accent_is_another_address(site: Database) -> None:
    with site.transaction() as tx:
        case, wanted = after(tx, "same-email", email="ádá@example.org")

        assert save(tx, case["user"], wanted)[1] == "created"


def test_an_empty_value_removes_the_extra_row(site: Database) -> None:
    with site.transaction() as tx:
        case, wanted = after(tx, "update-keep")
        save(tx, case["user"], wanted)

        kept = {row["value"] for row in rows(tx, "tiki_webmail_contacts_ext", 1)}
        assert kept == {"Paris", "Engines"}  # no UK


def test_a_public_value_is_changed_where_it_is(site: Database) -> None:
    with site.transaction() as tx:
        case, wanted = after(tx, "form-repeats-public")
        save(tx, case["user"], wanted)

        numbers = [row["value"] for row in rows(tx, "tiki_webmail_contacts_ext", 2) if row["fieldId"] == 18]
        assert numbers == ["K-8"]


@pytest.mark.parametrize("name", ["other-user-update-group", "lead-update-group", "admin-form-update"])
def test_a_contact_of_another_user_is_left_alone_and_an_own_one_made(site: Database, name: str) -> None:
    with site.transaction() as tx:
        case, wanted = after(tx, name)
        contact_id, verb = save(tx, case["user"], {**wanted, "groups": []})

        assert verb == "created"
        assert rows(tx, "tiki_webmail_contacts", contact_id)[0]["user"] == case["user"]
        assert golden.lines([["+", "", rows(tx, "tiki_webmail_contacts", 2)[0]]]) == golden.lines(
            [["+", "", next(row for sign, _, row in case["rows"] if sign == "-" and "firstName" in row)]]
        )


def test_the_same_group_twice_is_shared_with_once(site: Database) -> None:
    with site.transaction() as tx:
        case, wanted = after(tx, "group-duplicate")
        contact_id, _ = save(tx, case["user"], wanted)

        assert rows(tx, "tiki_webmail_contacts_groups", contact_id) == [{"contactId": contact_id, "groupName": "Sync"}]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("no-email", FieldValueError, "there is no e-mail address"),
        ("group-unknown", FieldValueError, r"contact\.groups: Tiki has no group Illuminati"),
        ("field-too-long", FieldValueError, r"contact\.City: it is longer than the 255"),
        ("name-too-long", FieldValueError, r"contact\.firstName: it is longer than the 80"),
        ("unknown-field", RuleError, "no extra contact field named Shoe size"),
    ],
)
def test_what_tiki_would_save_in_part_is_refused_as_a_whole(
    site: Database, name: str, error: type[Exception], message: str
) -> None:
    with site.transaction() as tx:
        case, wanted = after(tx, name)
        before = golden.snapshot(tx)

        with pytest.raises(error, match=message):
            save(tx, case["user"], wanted)
        assert golden.difference(before, golden.snapshot(tx)) == []


def test_a_group_is_found_only_by_its_exact_name(site: Database) -> None:
    with site.transaction() as tx, pytest.raises(FieldValueError, match="no group readers"):
        save(tx, "hook", {"email": "a@example.org", "groups": ["readers"]})


def test_the_default_extra_fields_are_made_once_and_in_tikis_order(site: Database) -> None:
    with site.transaction() as tx:
        save(tx, "hook", {"email": "a@example.org", "City": "Paris"})
        save(tx, "hook", {"email": "b@example.org", "City": "Rome"})

        made = tx.all("SELECT fieldname FROM tiki_webmail_contacts_fields WHERE user = 'hook' ORDER BY fieldId")
        assert tuple(row["fieldname"] for row in made) == DEFAULT_EXTRA_FIELDS


def test_names_left_null_by_another_creator_become_text_with_the_first_update(site: Database) -> None:
    with site.transaction() as tx:
        contact_id = tx.insert("tiki_webmail_contacts", {"email": "a@example.org", "user": "hook"})

        assert save(tx, "hook", {"email": "a@example.org"}) == (contact_id, "unchanged")
        assert save(tx, "hook", {"email": "a@example.org", "lastName": "King"}) == (contact_id, "updated")
        stored = rows(tx, "tiki_webmail_contacts", contact_id)[0]
        assert (stored["firstName"], stored["nickname"]) == ("", "")


def test_a_login_differing_in_case_owns_other_contacts(site: Database) -> None:
    with site.transaction() as tx:
        tx.insert("tiki_webmail_contacts", {"email": "a@example.org", "user": "HOOK"})

        assert save(tx, "hook", {"email": "a@example.org"})[1] == "created"


def test_a_rule_is_checked_before_a_payload_arrives(site: Database) -> None:
    with site.transaction() as tx:
        hook = users.find(tx, "hook")
        assert hook is not None
        contacts.require_writable(tx, hook, "crm", ["City"], preferences.load(tx, {}))
        with pytest.raises(RuleError, match="rule crm: user hook has no extra contact field named Shoe size"):
            contacts.require_writable(tx, hook, "crm", ["City", "Shoe size"], preferences.load(tx, {}))

        tx.update("tiki_preferences", {"name": ["feature_contacts", "feature_webmail"]}, {"value": "n"})
        with pytest.raises(TikiError, match="contacts are switched off"):
            contacts.require_writable(tx, hook, "crm", [], preferences.load(tx, {}))
