"""The manual's pages: shown by the command, and led to by links that lead somewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests import manual_pages
from tests.manual_pages import PAGES, README, ROOT
from tikisync.cli import output, program
from tikisync.errors import SetupError

CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(program, ["manual", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_command_lists_the_pages_with_their_titles() -> None:
    told = shown()
    assert all(name in told for name in PAGES)
    assert "Not quite as Tiki" in told
    assert json.loads(shown("--json"))["senders"] == "Senders"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_piped_as_it_is_written(name: str) -> None:
    text = PAGES[name].read_text("utf-8")
    assert shown(name) == text
    assert json.loads(shown(name, "--json")) == {"topic": name, "text": text}


def test_a_page_is_found_by_how_its_name_begins() -> None:
    assert shown("Trouble") == shown("troubleshooting")


@pytest.mark.parametrize("topic", ["nothing-of-this", "r"])
def test_what_names_no_page_or_several_is_answered_with_those_there_are(topic: str) -> None:
    with pytest.raises(SetupError) as raised:
        shown(topic)
    assert "troubleshooting" in raised.value.hint


def test_a_terminal_gets_tables_instead_of_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "console", lambda: Console(force_terminal=True, width=100, no_color=True))
    told = shown("glossary")
    assert "handler" in told
    assert "|---|" not in told


@pytest.mark.parametrize("path", [README, CONTRIBUTING, *PAGES.values()], ids=lambda path: path.stem)
def test_links_lead_to_pages_and_headings_that_are_there(path: Path) -> None:
    for link in manual_pages.links(path):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_file(), link
        assert not anchor or anchor in manual_pages.anchors(target), link


def test_the_readme_leads_to_every_page() -> None:
    led_to = {link.removeprefix("tikisync/manual/") for link in manual_pages.links(README)}
    assert {path.name for path in PAGES.values()} <= led_to
