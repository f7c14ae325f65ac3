"""The recordings can be replayed: each case starts where the one before left."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests import golden
from tests.golden_state import MASKS, Rows, perform


def joined(state: Rows, item_id: int) -> dict[str, Any] | None:
    objects = {row["objectId"] for row in state["tiki_objects"] if row["itemId"] == str(item_id)}
    tags = {row["tagId"]: row["raw_tag"] for row in state["tiki_freetags"]}
    put = [row for row in state["tiki_freetagged_objects"] if row["objectId"] in objects]
    found = {
        "categories": sorted(r["categId"] for r in state["tiki_category_objects"] if r["catObjectId"] in objects),
        "tags": sorted([tags[row["tagId"]], row["user"]] for row in put),
    }
    return found if any(found.values()) else None


def test_performing_the_cases_makes_the_differences_categories_and_tags_they_recorded() -> None:
    state = golden.state_before(golden.cases()[0]["name"])
    for case in golden.cases():
        before, now = deepcopy(state), golden.time_of(case)
        perform(state, case, now=now)
        written = golden.mask(golden.difference(before, state), now=now)
        assert golden.lines(written) == golden.lines(golden.expected(case)), case["name"]
        if case["result"]["itemId"] and case["op"] != "delete":
            assert joined(state, case["result"]["itemId"]) == case.get("joined"), case["name"]


def test_no_mask_is_left_in_a_state() -> None:
    state = golden.state_before(golden.cases()[-1]["name"])
    assert not [value for rows in state.values() for row in rows for value in row.values() if value in MASKS]


def test_items_keep_the_time_they_were_created() -> None:
    state = golden.state_before("contact-partial-again")
    created = {row["itemId"]: row["created"] for row in state["tiki_tracker_items"]}
    for case in golden.cases():
        if case["op"] == "create" and case["result"]["itemId"] in created:
            assert created[case["result"]["itemId"]] == golden.time_of(case)


def test_an_unknown_case_has_no_state() -> None:
    with pytest.raises(KeyError):
        golden.state_before("no such case")


def test_a_removal_that_finds_nothing_is_an_error() -> None:
    state = golden.state_before("company-acme")
    with pytest.raises(LookupError, match="nothing to remove from tiki_category_objects"):
        perform(state, golden.case("company-sector-change"), now=0)


def test_every_contact_case_and_permission_scenario_has_its_state() -> None:
    for case in golden.contacts():
        golden.contacts_before(case["name"])
    for scenario in golden.permissions()["scenarios"]:
        golden.permission_state(scenario)


def test_a_difference_is_explained_by_what_changed() -> None:
    before, after = golden.state_before("company-acme"), golden.state_before("company-acme")
    perform(after, golden.case("company-acme"), now=1_800_000_000)
    told = golden.explain(golden.difference(before, after)).splitlines()
    assert "tiki_trackers trackerId=1: lastModif 1700000000 → 1800000000 items 0 → 1" in told
    assert "tiki_tracker_item_fields + itemId=1 fieldId=1 value='ACME'" in told
    assert golden.explain([]) == ""


def test_what_two_faithful_writers_may_do_differently_is_left_out() -> None:
    tag = {"tagId": "<auto>", "objectId": "<auto>", "user": "hook"}
    recorded = [
        ["+", "tiki_queue", {"message": '{"object_type":"trackeritem","object_id":"5"}'}],
        ["+", "tiki_file_backlinks", {"fileId": 1, "objectId": "<auto>"}],
        ["+", "tiki_tracker_item_fields", {"itemId": 0, "fieldId": 85, "value": "3"}],
        ["+", "tiki_tracker_item_field_logs", {"version": 1, "itemId": 5, "fieldId": 39, "value": "Ada Page"}],
        ["-", "tiki_freetagged_objects", {**tag, "created": "<earlier>"}],
        ["+", "tiki_freetagged_objects", {**tag, "created": "<now>"}],
    ]
    others = [
        ["-", "tiki_freetagged_objects", {**tag, "user": "second", "created": "<earlier>"}],
        ["+", "tiki_tracker_item_field_logs", {"version": 1, "itemId": 5, "fieldId": 8, "value": "Ada"}],
    ]
    assert golden.mask([*recorded, *others], now=1_800_000_000) == others
    assert golden.queued(recorded) == [{"object_type": "trackeritem", "object_id": "5"}]


def test_the_log_of_a_page_selector_that_changed_is_kept() -> None:
    changed = [
        ["-", "tiki_tracker_item_fields", {"itemId": 5, "fieldId": 39, "value": "Ada Page"}],
        ["+", "tiki_tracker_item_fields", {"itemId": 5, "fieldId": 39, "value": ""}],
        ["+", "tiki_tracker_item_field_logs", {"version": 1, "itemId": 5, "fieldId": 39, "value": "Ada Page"}],
    ]
    assert golden.mask(changed, now=1_800_000_000) == changed
