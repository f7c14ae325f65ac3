"""Every recorded case of a real Tiki, done again by tikisync: the same rows, but for the differences named here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests import golden
from tests.databases import TikiDatabase
from tests.manual_pages import PAGES
from tikisync.core.changes import DELETE, ItemChange
from tikisync.errors import TikisyncError
from tikisync.pipeline.change import carry_out
from tikisync.pipeline.steps import Task
from tikisync.tiki import preferences, users
from tikisync.tiki.actionlog import Actor
from tikisync.tiki.items import Situation

NOW = 1_800_000_042

# Where tikisync differs on purpose; the manual has the same list in words: not-quite-as-tiki.md.
REFUSED = {  # Tiki stores or ignores what cannot be meant; by case: whose fault the refusal says it is
    "dropdown-unknown": "contactStage",
    "user-unknown": "contactOwner",
    "group-unknown": "contactTeam",
    "language-unknown": "contactLanguage",
    "link-text": "contactCompany",
    "files-unknown": "contactFiles",
    "category-outside": "contactSegment",
    "url-script": "contactWebsite",
    "creator-attempt": "contactCreator",  # from here on: what the user may not write, Tiki passes over in silence
    "ref-attempt": "contactRef",
    "math-attempt": "contactDoubled",
    "ticket-hook": "ticketVerdict",
    "ticket-owner-update": "ticketInternal",
    "category-no-permission": "category 3",
    "category-no-permission-remove": "category 4",
}
UNCHANGED = {  # an update that changes nothing writes nothing; Tiki touches the item
    "company-nochange",
    "contact-minimal-nochange",
    "status-same",
    "page-empty",  # Tiki cannot empty a page selector, and logs that it did not
    "category-comes-back",  # the value is right already, and what Tiki's form added to it nobody sent
}
SHOWN_AS_TEXT = {  # Tiki's form breaks up scripts; here plain text stays what it is, and is shown as that
    "text-html": "<b>Bold</b><script>alert(1)</script>",
    "area-html": "~np~<p onclick=\"x()\">Hi</p>~/np~\r\n~np~<script>alert('x')</script>~/np~",
}
TRUSTED = {"area-wikilink": {"contactNotes": "wiki"}}  # recorded with wiki syntax that is meant to work


def change_of(case: golden.Case) -> ItemChange:
    tracker, item = str(case["tracker"]), None if case["op"] == "create" else case["itemId"]
    if case["op"] == "delete":
        return ItemChange("golden", tracker, item_id=item, action=DELETE)
    fields = {name: value for name, value in (case.get("fields") or {}).items() if value is not None}
    trust = TRUSTED.get(case["name"], {})
    return ItemChange("golden", tracker, item_id=item, fields=fields, status=case["status"], trust=trust)


def _perform(database: TikiDatabase, case: golden.Case) -> list[Any]:
    meta = golden.fixture()["meta"]
    with database.admin.transaction() as tx:
        golden.place(tx, case)
        before = golden.snapshot(tx)
    with database.transaction() as tx:
        user = users.find(tx, case["user"])
        assert user is not None
        actor = Actor(user.login, meta["request_ip"], meta["request_user_agent"])
        carry_out(tx, Task(change_of(case), user, Situation(actor, NOW, preferences.load(tx, {}))))
    with database.admin.transaction() as tx:
        return golden.difference(before, golden.snapshot(tx))


def _expected(case: golden.Case) -> list[Any]:
    text = SHOWN_AS_TEXT.get(case["name"])
    if text is None:
        return golden.expected(case)
    (field,) = (golden.fixture()["names"]["fields"][name] for name in case["fields"])
    return [
        [sign, table, {**row, "value": text} if _is_new_value(sign, table, row, field) else row]
        for sign, table, row in golden.expected(case)
    ]


def _is_new_value(sign: str, table: str, row: Mapping[str, Any], field: int) -> bool:
    return (sign, table, row.get("fieldId")) == ("+", "tiki_tracker_item_fields", field)


def _recorded() -> list[golden.Case]:
    return [case for case in golden.cases() if case["mode"] != "api"]


def _is_refused(case: golden.Case) -> bool:
    return case["name"] in REFUSED or (case["result"]["itemId"] is None) or bool(case["result"].get("exception"))


def _named(cases: list[golden.Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: str(case["name"]))


@_named([case for case in _recorded() if not _is_refused(case) and case["name"] not in UNCHANGED])
def test_a_recorded_case_writes_the_rows_that_tiki_wrote(tiki: TikiDatabase, case: golden.Case) -> None:
    written = golden.mask(_perform(tiki, case), now=NOW)

    assert golden.lines(written) == golden.lines(_expected(case))


@_named([case for case in _recorded() if _is_refused(case)])
def test_a_refused_case_writes_nothing_and_says_what_it_is_about(tiki: TikiDatabase, case: golden.Case) -> None:
    with pytest.raises(TikisyncError) as refused:
        _perform(tiki, case)

    assert REFUSED.get(case["name"], "") in str(refused.value)


@_named([case for case in _recorded() if case["name"] in UNCHANGED])
def test_a_case_that_changes_nothing_writes_nothing(tiki: TikiDatabase, case: golden.Case) -> None:
    assert _perform(tiki, case) == []


def test_the_manual_names_every_kind_of_difference() -> None:
    page = PAGES["not-quite-as-tiki"].read_text("utf-8")

    for word in ("unknown", "may not", "changes nothing", "plain text", "trust", "javascript:", "category", "page"):
        assert word in page
