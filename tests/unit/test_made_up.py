"""Payloads made up for a tracker."""

from __future__ import annotations

import json

from tikisync.core.learning import learn
from tikisync.core.made_up import payload
from tikisync.core.requests import Request
from tikisync.core.trackers import Field, Tracker

TYPES = {"title": "t", "note": "a", "count": "n", "ready": "c", "day": "f", "when": "j", "mail": "m", "site": "L",
         "cost": "b", "state": "d", "other": "D", "kind": "R", "tags": "M", "who": "u", "link": "r"}  # fmt: skip


def tracker(mandatory: tuple[str, ...] = (), **options: list[str]) -> Tracker:
    return Tracker(3, "Orders", tuple(
        Field(number, 3, name, code, name.title(), is_mandatory=name in mandatory,
              options={"options": options.get(name, ["one", "two"])})
        for number, (name, code) in enumerate(TYPES.items(), 1)
    ))  # fmt: skip


def test_mandatory_fields_come_with_a_value_and_some_others_too() -> None:
    made = payload(tracker(mandatory=("tags", "state", "cost")))

    assert {"tags", "state", "cost"} < made.keys()
    assert len(made) == 9
    assert (made["state"], made["tags"]) == ("one", ["one"])
    assert (made["cost"], made["currency"]) == (9.95, "EUR")


def test_all_mandatory_fields_come_however_many_there_are() -> None:
    assert len(payload(tracker(mandatory=tuple(TYPES)))) == len(TYPES) - 1  # no user, no linked item, but a currency


def test_what_cannot_be_made_up_is_left_out() -> None:
    made = payload(tracker(mandatory=("who", "link", "state"), state=[]))

    assert not {"who", "link", "state"} & made.keys()


def test_a_rule_proposed_from_it_sets_what_it_holds() -> None:
    orders = tracker(mandatory=("title", "cost"))
    body = json.dumps(payload(orders)).encode()
    request = Request("POST", "/", "", ((b"content-type", b"application/json"),), body, 1, "")

    lines = learn(request, "Shop", None, orders)

    assert "field.title = body.title" in lines
    assert "field.cost = {amount: body.cost, currency: body.currency}" in lines
