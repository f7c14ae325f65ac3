"""What a captured request teaches, and that every lesson is a config that loads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import golden
from tests.signed_requests import NOW, PUBLIC_URL, handler_for, recipe_named, signed, unsigned
from tikisync.config import Config, load
from tikisync.core import matching
from tikisync.core.learning import learn
from tikisync.core.matching import is_moment, match, parts
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request
from tikisync.core.trackers import Field, Json, Tracker
from tikisync.errors import PayloadError

JSON = (b"content-type", b"application/json")
ORDER = {
    "id": 1001, "email": "a@b.example", "created_at": "2026-11-24T06:30:00+01:00",
    "updated_at": "2026-11-24T07:30:00+01:00", "total_price": "12.50", "currency": "EUR", "financial_status": "paid",
    "gift": False, "line_items": [{"id": 1}], "customer": {"id": 7, "e-mail": "c@d"}, "note": None,
}  # fmt: skip


def tracker(name: str = "Orders", /, **fields: str | Field) -> Tracker:
    """Return a tracker with fields of these types."""
    made = (each if isinstance(each, Field) else Field(0, 3, perm_name, each) for perm_name, each in fields.items())
    return Tracker(3, name, tuple(made))


def options(*texts: str, kind: str = "d") -> Field:
    return Field(0, 3, "orderState", kind, options={"options": list(texts)})


ORDERS = tracker(
    orderId="t", orderTotal="b", orderState=options("open", "paid=Paid"), orderPlaced="f", orderEmail="m",
    orderGift="c", orderHidden="math", orderMap="G", orderMust=Field(0, 3, "orderMust", "a", is_mandatory=True),
)  # fmt: skip


def sent(body: Any, *headers: tuple[bytes, bytes]) -> Request:
    return unsigned(json.dumps(body).encode(), JSON, *headers)


def loaded(lines: list[str], folder: Path) -> Config:
    path = folder / "learned.ini"
    path.write_text("\n".join(["[tiki]", "url = sqlite:///x", *lines]), encoding="utf-8")
    return load(path, {})


def test_a_shop_s_request_teaches_recipe_ids_times_and_a_rule(tmp_path: Path) -> None:
    request = sent(
        ORDER,
        (b"x-shopify-hmac-sha256", b"abc"),
        (b"x-shopify-topic", b"orders/create"),
        (b"x-shopify-webhook-id", b"b54557e4"),
        (b"x-shopify-triggered-at", b"2026-11-24T06:30:00Z"),
    )
    lines = learn(request, "Shop", None, ORDERS)
    assert "; the time of the event: headers.x-shopify-triggered-at" in lines
    assert "; the delivery's id: headers.x-shopify-webhook-id" in lines
    assert "; field.orderMust = it is mandatory, and nothing here fits it by its name" in lines
    config = loaded(lines, tmp_path)
    assert config.recipes == {"Shop": RECIPES["shopify"]}
    (rule,) = config.rules
    assert (rule.name, rule.handlers, rule.tracker, rule.key) == ("shop-orders", ("Shop",), "Orders", ("orderId",))
    assert rule.when and rule.when.text == "topic == 'orders/create'"
    assert rule.version and rule.version.text == "body.updated_at"
    assert {name: expression.text for name, expression in rule.fields.items()} == {
        "orderId": "body.id",
        "orderTotal": "{amount: body.total_price, currency: body.currency}",
        "orderState": "body.financial_status",
        "orderPlaced": "body.created_at",
        "orderEmail": "body.email",
        "orderGift": "body.gift",
    }


def test_without_a_tracker_the_names_in_the_payload_are_listed_and_nothing_of_its_content(tmp_path: Path) -> None:
    lines = learn(sent(ORDER, (b"x-acme-event-id", b"12345678")), "Shop")
    assert loaded(lines, tmp_path).handlers["Shop"].delivery_id == "x-acme-event-id"
    assert ';   body.customer."e-mail"' in lines
    assert "12.50" not in "\n".join(lines)
    assert learn(sent([{"a": 1}]), "Shop")[-1] == ";   each.a"


def test_the_time_of_the_event_is_the_version_where_the_payload_has_none(tmp_path: Path) -> None:
    body = {"id": "evt_1", "created": 1_700_000_000, "data": {"object": {"name": "x"}}}
    lines = learn(sent(body, (b"stripe-signature", b"t=1,v1=ab")), "Shop", None, tracker(orderId="t"))
    (rule,) = loaded(lines, tmp_path).rules
    assert rule.version and rule.version.text == "body.created"
    headers = ((b"x-shopify-hmac-sha256", b"a"), (b"x-shopify-triggered-at", b"2026-11-24T06:30:00Z"))
    (rule,) = loaded(learn(sent({"id": 1}, *headers), "Shop", None, tracker(orderId="t")), tmp_path).rules
    assert rule.version and rule.version.text == 'headers."x-shopify-triggered-at"'


def test_a_list_teaches_a_rule_for_each_of_it(tmp_path: Path) -> None:
    body = [{"objectId": 1, "occurredAt": 1_700_000_000_000, "email": "a@b.example"}] * 2
    headers = ((b"x-hubspot-signature-v3", b"a"), (b"x-hubspot-request-timestamp", b"1"))
    lines = learn(sent(body, *headers), "CRM", None, tracker("Contacts", contactEmail="m"), PUBLIC_URL)
    (rule,) = loaded(["[server]", f"public_url = {PUBLIC_URL}", *lines], tmp_path).rules
    assert rule.each and rule.each.text == "body"
    assert rule.fields["contactEmail"].text == "each.email"
    assert (rule.key, rule.version and rule.version.text) == (("contactEmail",), "each.occurredAt")
    loaded(learn(sent([]), "CRM", None, ORDERS), tmp_path)


def test_a_recipe_that_needs_more_is_proposed_with_what_it_needs(tmp_path: Path) -> None:
    lines = learn(sent(ORDER, (b"x-square-hmacsha256-signature", b"abc")), "Shop")
    assert "; recipe = square" in lines
    assert any("public_url" in line for line in lines)
    assert loaded(lines, tmp_path).recipes == {}


def test_of_recipes_with_the_same_header_the_one_that_verifies_is_proposed() -> None:
    recipe = recipe_named("jira")
    handler = handler_for(recipe)
    assert "recipe = jira" in learn(signed(recipe, handler=handler), handler.name, handler)
    late = replace(signed(recipe_named("stripe")), received_at=NOW + 10**9)
    assert "recipe = stripe" in learn(late, "Shop", handler_for(recipe_named("stripe")))


def test_no_recipe_is_proposed_that_would_refuse_what_the_handler_accepts() -> None:
    recipe = recipe_named("hmac", signature=("headers.x-shopify-hmac-sha256",), algorithm="sha256", encoding="hex")
    handler = replace(handler_for(recipe), signature_header="X-Shopify-Hmac-Sha256")
    lines = learn(signed(recipe, handler=handler), "Shop", handler)
    assert "; No sender is recognised by its headers; Tiki's plain rule needs no recipe." in lines
    other = replace(handler, secret="another")
    assert "recipe = shopify" in learn(signed(recipe, handler=handler), "Shop", other)


def test_where_nothing_fits_the_rule_is_left_to_be_filled_in(tmp_path: Path) -> None:
    lines = learn(sent({"zzz": 1}), "Shop", None, tracker(orderMap="G"))
    assert "; [rule shop-orders]" in lines
    assert loaded(lines, tmp_path).rules == ()


def test_an_amount_without_a_currency_is_left_to_the_admin(tmp_path: Path) -> None:
    lines = learn(sent({"id": 1, "total": 5}), "Shop", None, ORDERS)
    assert "; field.orderTotal = {amount: body.total, currency: 'EUR'}   say which currency it is" in lines
    assert set(loaded(lines, tmp_path).rules[0].fields) == {"orderId"}


@pytest.mark.parametrize(
    ("name", "written"), [("Orders", "Orders"), ("2024", "3"), (" a", "3"), ("a ; b", "3"), ("Größe 2", "Größe 2")]
)
def test_a_tracker_is_named_as_the_config_reads_it(tmp_path: Path, name: str, written: str) -> None:
    lines = learn(sent({"id": 1}), "Shop", None, tracker(name, orderId="t"))
    assert loaded(lines, tmp_path).rules[0].tracker == written


@pytest.mark.parametrize("topic", ["it's", "a\\", "a\nb", ""])
def test_a_topic_that_no_expression_holds_is_left_out(tmp_path: Path, topic: str) -> None:
    lines = learn(sent({"id": 1, "type": topic}), "Shop", None, tracker(orderId="t"))
    assert loaded(lines, tmp_path).rules[0].when is None


def test_a_body_that_cannot_be_read_teaches_nothing() -> None:
    with pytest.raises(PayloadError):
        learn(unsigned(b"{"), "Shop")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("2026-11-24") | st.just("a@b"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["id", "total", "state", "updated_at"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)
NAMES = golden.fixture()["rows"]


def recorded(tracker_id: int) -> Tracker:
    fields = [row for row in NAMES["tiki_tracker_fields"] if int(row["trackerId"]) == tracker_id]
    made = tuple(Field(int(f["fieldId"]), tracker_id, f["permName"], f["type"], f["name"]) for f in fields)
    return Tracker(tracker_id, str(tracker_id), made)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values, st.sampled_from([1, 2, 3, 4]), st.sampled_from(sorted(RECIPES)))
def test_whatever_was_sent_the_lesson_loads(tmp_path: Path, body: Json, tracker_id: int, recipe: str) -> None:
    made = recipe_named(recipe)
    place = made.signature[0] if made.signature else ""
    name = place.removeprefix("headers.").replace("#", "1") if place.startswith("headers.") else "x-any"
    request = sent(body, (name.encode(), f"{made.prefix}x".encode()))
    loaded(learn(request, "Shop", None, recorded(tracker_id)), tmp_path)
    loaded(learn(request, "Shop"), tmp_path)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-24", True),
        ("2026-11-24T06:30:00", True),
        ("2026-11-24T06:30:00+02:00", True),
        ("2026-13-24", False),
        (1_700_000_000, True),
        (1_700_000_000_000, True),
        ("1700000000", True),
        (12, False),
        (True, False),
        ("soon", False),
        (None, False),
    ],
)
def test_moments_are_told_from_other_values(value: Json, moment: bool) -> None:
    assert is_moment(value) is moment


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("t", 5, True), ("t", [1], True), ("n", "5.5", True), ("n", "five", False), ("n", [1], False),
        ("c", True, True), ("c", 1, True),
        ("t", True, False), ("m", "a@b", True), ("m", "a", False), ("L", "https://a", True),
        ("L", 5, False), ("F", ["a"], True), ("f", "2026-11-24", True), ("u", "admin", True), ("h", "x", False),
        ("D", "own words", True), ("d", "own words", False),
    ],
)  # fmt: skip
def test_only_values_of_a_fitting_kind_are_matched(kind: str, value: Json, fits: bool) -> None:
    found = parts({"stage": value}, "body")
    assert bool(match(tracker(stage=kind), found)) is fits


def test_each_part_is_used_once_and_the_nearer_one_first() -> None:
    found = parts({"deep": {"name": "b"}, "name": "a"}, "body")
    matched = match(tracker("Companies", companyName="t", name="t"), found)
    assert {part.expression for part in matched.values()} == {"body.name", "body.deep.name"}
    assert match(tracker("Companies", companyName="t"), found)["companyName"].expression == "body.name"


def test_large_and_deep_payloads_are_looked_at_within_bounds() -> None:
    deep: Json = {"x": 1}
    for _ in range(50):
        deep = {"a": deep}
    assert parts(deep, "body") == []
    assert len(parts({str(n): n for n in range(5000)}, "body")) == matching.MAX_PATHS
    assert len(parts({"a": {str(n): n for n in range(600)}, "b": {"c": {"d": 1}}}, "body")) == matching.MAX_PATHS
    assert parts("text", "body") == []
