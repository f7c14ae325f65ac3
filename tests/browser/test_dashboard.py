"""The dashboard as people use it: with a mouse, with the keyboard alone, without scripts, on a phone, in the dark."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests import dashboards
from tests.browser.conftest import log_in
from tests.dashboards import PASSWORD, Site
from tikisync.pipeline import administer

PAGES = (
    "/",
    "/deliveries",
    "/deliveries?text=nothing+like+it",
    "/deliveries/1?dry_run=1",
    "/deliveries/3?dry_run=1",
    "/deliveries/5?dry_run=1",
    "/deliveries/all/discard?status=failed",
    "/deliveries/99",
    "/refused",
    "/handlers",
    "/rules",
    "/workbench?rule=order&delivery=5",
    "/workbench?rule=order&delivery=1",
    "/workbench?delivery=3",
)
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


_SHOWS_FOCUS = """() => {
    const focused = document.activeElement;
    return focused === document.body || getComputedStyle(focused).outlineStyle !== "none";
}"""


def status(site: Site, number: int) -> str:
    return administer.delivery(site.database, number)[0].status


@pytest.mark.parametrize(
    "settings",
    [
        {"viewport": DESK, "color_scheme": "light"},
        {"viewport": DESK, "color_scheme": "dark"},
        {"viewport": PHONE, "color_scheme": "light", "has_touch": True},
    ],
    ids=["desk", "dark", "phone"],
)
def test_no_page_has_an_accessibility_fault_or_is_wider_than_the_screen(
    site: Site, visit: Callable[..., Page], settings: dict[str, Any]
) -> None:
    page = visit(**settings)
    faults = {"login": _faults(page)}
    log_in(page)
    wide = []
    for path in PAGES:
        page.goto(site.url + path)
        faults[path] = _faults(page)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(path)
    assert {path: found for path, found in faults.items() if found} == {}
    assert wide == []


def _faults(page: Page) -> list[str]:
    """Return what axe-core finds, of any weight, each with the first element it is about."""
    found = Axe().run(page).response["violations"]
    return [f"{each['impact']}: {each['help']}: {each['nodes'][0]['html'][:200]}" for each in found]


def test_the_front_page_follows_what_comes_in_by_itself(site: Site, admin: Callable[..., Page]) -> None:
    page = admin()
    expect(page.locator("dl.figures")).to_contain_text("Last hour5")
    page.evaluate("window.untouched = true")
    dashboards.store(site, dashboards.order(6), int(time.time() * 1000))
    expect(page.locator("dl.figures")).to_contain_text("Last hour6", timeout=20_000)
    assert page.evaluate("window.untouched")


def test_a_failed_delivery_is_understood_and_replayed_in_three_clicks(site: Site, admin: Callable[..., Page]) -> None:
    page = admin()
    page.get_by_role("link", name="Look at them").click()
    page.get_by_role("link", name="3", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("molten")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_have_text("1 delivery will be applied again.")
    assert status(site, 3) == "pending"


def test_a_dry_run_appears_on_the_page_without_leaving_it(admin: Callable[..., Page], site: Site) -> None:
    page = admin()
    page.goto(f"{site.url}/deliveries/5")
    page.evaluate("window.untouched = true")
    page.get_by_role("link", name="Dry run").click()
    expect(page.locator("#dry-run")).to_contain_text("created a new item of tracker Orders")
    assert page.evaluate("window.untouched")


def test_the_workbench_shows_the_change_while_one_types(admin: Callable[..., Page], site: Site) -> None:
    page = admin()
    page.goto(f"{site.url}/workbench?rule=order&delivery=5")
    rule, result = page.get_by_label("Rules", exact=True), page.locator("#result")
    expect(result).to_contain_text("A-5")
    page.evaluate("window.untouched = true")
    rule.fill(rule.input_value().replace("body.id", "join('/', ['typed', body.id])"))
    expect(result).to_contain_text("typed/A-5")
    rule.fill(rule.input_value().replace("body.kind", "body."))
    expect(result).to_contain_text("cannot be read")
    assert page.evaluate("window.untouched")
    with site.database.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tiki_tracker_item_fields WHERE value LIKE '%typed%'") == 0


def test_a_payload_can_be_pasted_into_the_workbench(admin: Callable[..., Page], site: Site) -> None:
    page = admin()
    page.goto(f"{site.url}/workbench?rule=order")
    page.get_by_text("Or paste a payload").click()
    page.get_by_label("Payload", exact=True).fill(dashboards.order(77).decode())
    expect(page.locator("#result")).to_contain_text("A-77")


def test_an_ended_session_leads_back_to_the_login(site: Site, admin: Callable[..., Page]) -> None:
    page = admin()
    with site.database.transaction() as tx:
        tx.update("users_users", {"login": "admin"}, {"waiting": "a"})
    page.wait_for_url("**/login", timeout=20_000)
    page.evaluate("0")


def test_the_keyboard_alone_is_enough(site: Site, visit: Callable[..., Page]) -> None:
    page = visit()
    page.keyboard.type("admin")  # the login has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Now").wait_for()

    page.keyboard.press("Tab")
    assert _focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    page.goto(f"{site.url}/deliveries?status=failed")
    _tab_to(page, "3")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Delivery 3").wait_for()
    _tab_to(page, "Dry run")
    page.keyboard.press("Enter")
    expect(page.locator("#dry-run")).to_contain_text("orderState")
    page.goto(f"{site.url}/deliveries/3")
    _tab_to(page, "Replay")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("applied again")
    _tab_to(page, "Log out")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log in").wait_for()


def _focused(page: Page) -> str:
    text: str = page.evaluate("document.activeElement.innerText || document.activeElement.id")
    return text.strip()


def _tab_to(page: Page, text: str) -> None:
    """Press Tab until the element with this text has the focus; each one on the way must show that it has it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate(_SHOWS_FOCUS), page.evaluate("document.activeElement.outerHTML")
        if _focused(page) == text:
            return
    raise AssertionError(f"Tab never comes to {text}")


def test_everything_can_be_read_and_replayed_without_scripts(site: Site, visit: Callable[..., Page]) -> None:
    page = visit(java_script_enabled=False)
    log_in(page)
    page.get_by_role("link", name="Deliveries", exact=True).click()
    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="3", exact=True).click()
    page.get_by_role("link", name="Dry run").click()
    expect(page.locator("#dry-run")).to_contain_text("orderState")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_contain_text("applied again")

    page.goto(f"{site.url}/deliveries?status=pending")
    page.get_by_role("link", name="Discard…").click()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("status")).to_have_text("2 deliveries put aside: kept, and not applied.")
    assert [status(site, number) for number in (3, 5)] == ["discarded", "discarded"]

    page.goto(f"{site.url}/workbench?rule=order&delivery=1")
    page.get_by_label("Delivery (its number)").fill("5")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#result")).to_contain_text("A-5")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
