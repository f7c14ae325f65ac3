"""A real Chromium over a running service; what a failed test saw is kept as a picture."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import dashboards, servers
from tests.browser import chromium
from tests.dashboards import PASSWORD, Site
from tikisync.database import Database

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"

_EXPECTED = re.compile("status of (401|404)")  # pages that tests ask for on purpose

_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="package")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A Chromium without a window, for all tests here; ended before others: Playwright keeps an event loop running."""

    def say(line: str) -> None:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{line}", flush=True)  # noqa: T201

    try:
        program = chromium.find(os.environ, say)
    except chromium.NoChromiumError as missing:
        servers.without(missing, os.environ)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.fixture
def site(sqlite_tiki: Database, tmp_path: Path) -> Iterator[Site]:
    """The service with a dashboard and five deliveries."""
    with dashboards.running(sqlite_tiki, tmp_path) as found:
        yield found


@pytest.fixture
def visit(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens the login page in a browser of its own; takes Playwright's settings for it. It must complain of nothing."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(**settings: Any) -> Page:
        context = browser.new_context(**settings)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))  # such as a breach of the CSP
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site.url)
        return page

    yield open_page
    if request.node.stash.get(_FAILED, False):
        _keep_pictures(request.node.name, [page for context in contexts for page in context.pages])
    for context in contexts:
        context.close()
    assert [each for each in complaints if not _EXPECTED.search(each)] == []


@pytest.fixture
def admin(visit: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the dashboard as the admin, after the login."""

    def open_page(**settings: Any) -> Page:
        page = visit(**settings)
        log_in(page)
        return page

    return open_page


def log_in(page: Page) -> None:
    """Fill in the login form and send it."""
    page.get_by_label("Login").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Now").wait_for()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, for the fixture that keeps pictures."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
        if report.failed:
            report.sections.append(("pictures", f"what the browser showed: {PICTURES}"))
    return report


def _keep_pictures(test: str, pages: list[Page]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages, 1):
        page.screenshot(path=PICTURES / f"{re.sub('[^a-z0-9]+', '-', test)}-{number}.png", full_page=True)
