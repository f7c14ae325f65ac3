"""What is written for a contact, and how text is kept from becoming markup or script on Tiki's contact pages."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tikisync.core.contacts import (
    DEFAULT_EXTRA_FIELDS,
    Contact,
    ContactChange,
    ContactPlan,
    ExtraField,
    address,
    plan,
    shown,
    with_defaults,
)
from tikisync.core.trackers import Json
from tikisync.errors import FieldValueError, RuleError

CITY = ExtraField(13, "City", "hook")
OWN_NUMBER = ExtraField(17, "Number", "hook")
PUBLIC_NUMBER = ExtraField(18, "Number", "admin", is_public=True)
FIELDS = (CITY, OWN_NUMBER, PUBLIC_NUMBER)
TEXTS = {"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.org", "nickname": ""}
ADA = Contact(7, TEXTS, {CITY.field_id: ("London",)}, frozenset({"Sync"}))


def planned(contact: Contact | None = ADA, **values: Json) -> ContactPlan:
    change = ContactChange.of("crm", {"email": "ada@example.org", **values})
    return plan(change, contact, "hook", FIELDS)


def test_what_a_rule_says_about_a_contact_is_read() -> None:
    change = ContactChange.of(
        "crm",
        {"email": "a@b.org", "firstName": "Ada", "lastName": None, "City": 7, "groups": ["Sync", ""], "Fax": ""},
    )

    assert change == ContactChange("crm", "a@b.org", first_name="Ada", extra={"City": "7", "Fax": ""}, groups=("Sync",))
    assert ContactChange.of("crm", {"email": "a@b.org", "groups": "Sync"}).groups == ("Sync",)
    assert ContactChange.of("crm", {"groups": []}).groups == ()


@pytest.mark.parametrize("value", [True, ["x"], {"x": 1}])
def test_only_text_and_numbers_fit_a_contact(value: Json) -> None:
    with pytest.raises(
        FieldValueError, match=r"rule crm, field contact\.City: a contact holds text or numbers"
    ) as refusal:
        ContactChange.of("crm", {"City": value})

    assert refusal.value.field == "contact.City"


def test_a_group_list_holds_names_only() -> None:
    with pytest.raises(FieldValueError, match="text or numbers"):
        ContactChange.of("crm", {"groups": [None]})


def test_changes_of_one_address_share_an_order_key_however_it_is_spelled() -> None:
    keys = [ContactChange("crm", email).order_key() for email in ("a@b.org", " A@B.org", "c@b.org")]

    assert keys[0] == keys[1] != keys[2]
    assert len(keys[0]) == 16


def test_a_new_contact_gets_empty_text_where_nothing_is_said_and_never_null() -> None:
    new = planned(None, firstName="  Ada\t")

    assert new.texts == {"firstName": "Ada", "lastName": "", "email": "ada@example.org", "nickname": ""}


def test_a_new_contact_with_an_address_alone_is_still_a_change() -> None:
    assert not planned(None).is_unchanged


def test_saying_what_a_contact_holds_already_changes_nothing() -> None:
    assert planned(firstName="Ada", City="London", groups=["Sync"]).is_unchanged
    assert planned().is_unchanged


def test_an_update_writes_all_four_texts_and_keeps_what_is_not_named() -> None:
    assert planned(lastName="King").texts == {**TEXTS, "lastName": "King"}
    assert planned(lastName="").texts == {**TEXTS, "lastName": ""}


def test_the_address_keeps_the_spelling_it_is_stored_in() -> None:
    assert planned(email="ADA@example.org").is_unchanged


def test_an_extra_value_is_set_changed_or_removed() -> None:
    assert planned(City="Paris").extra == {CITY: "Paris"}
    assert planned(City="").extra == {CITY: ""}
    assert planned(Number="7").extra == {OWN_NUMBER: "7"}
    assert planned(Number="").extra == {}
    assert planned(City=" x ").extra == {CITY: " x "}


def test_of_several_values_that_tiki_stored_for_one_field_all_become_the_new_one() -> None:
    twice = Contact(7, TEXTS, {CITY.field_id: ("Paris", "London")})

    assert planned(twice, City="London").extra == {CITY: "London"}


def test_a_name_means_a_public_field_with_a_value_then_ones_own_then_any_public_one() -> None:
    public_has_a_value = Contact(7, TEXTS, {PUBLIC_NUMBER.field_id: ("K-7",)})
    change = ContactChange("crm", "ada@example.org", extra={"Number": "7"})

    assert planned(public_has_a_value, Number="7").extra == {PUBLIC_NUMBER: "7"}
    assert planned(Number="7").extra == {OWN_NUMBER: "7"}
    assert plan(change, ADA, "hook", (CITY, PUBLIC_NUMBER)).extra == {PUBLIC_NUMBER: "7"}


def test_an_unknown_extra_field_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(RuleError, match="rule crm: user hook has no extra contact field named Shoe size") as error:
        planned(None, **{"Shoe size": "38"})

    assert "City, Number" in error.value.hint


def test_a_user_without_extra_fields_has_tikis_defaults() -> None:
    fields = with_defaults("hook", (PUBLIC_NUMBER,))

    assert [each.name for each in fields[1:]] == list(DEFAULT_EXTRA_FIELDS)
    assert with_defaults("hook", FIELDS) == FIELDS


def test_groups_are_replaced_only_where_the_rule_names_them() -> None:
    moved = planned(groups=["Readers", "Readers"])

    assert moved.share == {"Readers"}
    assert moved.unshare == {"Sync"}
    assert planned(groups=[]).unshare == {"Sync"}
    assert planned(lastName="King").unshare == frozenset()


@pytest.mark.parametrize(("name", "length"), [("firstName", 80), ("lastName", 80), ("nickname", 200), ("City", 255)])
def test_text_longer_than_its_column_is_refused(name: str, length: int) -> None:
    planned(None, **{name: "x" * length})
    with pytest.raises(FieldValueError, match=f"longer than the {length} characters"):
        planned(None, **{name: "x" * (length + 1)})


def test_an_address_longer_than_its_column_is_refused() -> None:
    with pytest.raises(FieldValueError, match="longer than the 250 characters"):
        address(ContactChange("crm", "a" * 250 + "@example.org"))


def test_a_contact_without_an_address_is_refused() -> None:
    with pytest.raises(FieldValueError, match="there is no e-mail address"):
        address(ContactChange("crm", " "))


@pytest.mark.parametrize(
    "email", [" ada@example.org ", "žofie@example.org", "a.b+c@x-y.example", "o'brien@example.org", "{x}=y!@b.org"]
)
def test_an_address_is_kept_as_it_is(email: str) -> None:
    assert address(ContactChange("crm", email)) == email.strip()


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@",
        "@example.org",
        "a b@example.org",
        "a@b@example.org",
        "<script>@example.org",
        'a"onmouseover=alert(1)@example.org',
        "a&#39;@example.org",
        "a&#39+alert`1`+&#39@example.org",
        "a\\'@example.org",
        "a'+alert`1`+'@example.org",
        "a'+alert`1`//@example.org",
        "a'/*@example.org",
        "a'-location.hash-'@example.org",
        "a@example.org'+x",
        "a?bcc=b@example.org",
        "a%0Abcc:x@example.org",
        "a\n@example.org",
        "ada@exam\x00ple.org",
    ],
)
def test_an_address_that_could_end_a_link_or_a_script_is_refused(email: str) -> None:
    with pytest.raises(FieldValueError, match="can show safely"):
        address(ContactChange("crm", email))


@pytest.mark.parametrize(
    "text", ["O'Brien", '"Bob"', "Smith & Sons", "AT&T", "R&D; more", "Žofie 🐎", "50 % & more", "a &b", "DOMAIN\\user"]
)
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert shown(text) == text


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)//",
    "<!--",
    "&lt;script&gt;",
    "&#60;script&#62;",
    "&#x3cscript&#x3e",
    "&ltscript",
    "&amp;lt;b&amp;gt;",
    "'+alert(1)+'",
    "\\'+alert(1)//",
    "\\\\'+alert(1)//",
    "&#92;';alert(1)//",
    "ends with \\",
    "\\u0027",
    "line\nbreak\r\u2028\u2029",
    "\ud800",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_becomes_text(text: str) -> None:
    assert_reads_as_text(text)


@given(st.text(alphabet=st.sampled_from("&#;<>'\"\\/ltgamp3960xscri \n\x00é🐎"), max_size=40))
@example("&l&lt;t;")
def test_any_text_reads_as_itself(text: str) -> None:
    assert_reads_as_text(text)


def assert_reads_as_text(text: str) -> None:
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", text)
    stored = planned(City=text).extra.get(CITY, "") if text else ""

    for page_text in (shown(text), stored):
        page = Page()
        page.feed(f"<td>{page_text}</td>")
        page.close()
        assert page.tags == ["td", "/td"]
        assert page.text == plain
        assert form_filter(page_text) == page_text

    script = re.sub(r"(?<!\\)'", r"\\'", stored)  # what the template's escape:'quotes' does
    assert re.fullmatch(r"(?:[^'\\\n\r\u2028\u2029]|\\')*", script)  # all of it stays inside the JavaScript string
    assert "<" not in stored
    stored.encode()


class Page(HTMLParser):
    """Collects what a browser makes of a piece of a page: its tags and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text += data


def form_filter(text: str) -> str:
    """Turn numbered references back into ASCII characters, as Tiki does with what a form sends."""
    return re.sub(r"&#(?:x0*([0-9a-f]{2})|0*([0-9]{2,3}));?", lambda m: chr(int(m[1], 16) if m[1] else int(m[2])), text)
