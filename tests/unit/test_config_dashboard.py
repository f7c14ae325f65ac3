"""The sections and keys of the dashboard and the metrics, and rules on their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tikisync.config import Config, DashboardSettings, load, writing
from tikisync.config.reading import read_rules
from tikisync.errors import ConfigError

TIKI = "[tiki]\nurl = sqlite:///tiki.db\n"
KEY = "0123456789abcdef0123456789abcdef"
EXAMPLE = Path(__file__).parents[2] / "config.example.ini"


def config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.ini"
    path.write_text(TIKI + text)
    return load(path, {})


def test_dashboard_and_metrics_are_off_unless_they_are_switched_on(tmp_path: Path) -> None:
    found = config(tmp_path, "")
    assert (found.dashboard, found.server.metrics) == (DashboardSettings(), "off")
    assert not found.dashboard.enabled


def test_a_dashboard_is_read_with_all_its_keys_and_its_key_stays_out_of_the_repr(tmp_path: Path) -> None:
    text = f"""
        [dashboard]
        enabled = yes
        session_key = {KEY}
        tiki_url = https://www.example.org/tiki
        local_passwords = yes
        [server]
        metrics = loopback
        """
    found = config(tmp_path, "\n".join(line.strip() for line in text.splitlines()))
    assert found.dashboard == DashboardSettings(True, KEY, "https://www.example.org/tiki/", True)
    assert found.server.metrics == "loopback"
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("session_key = short", "at least 32 random characters"),
        ("tiki_url = javascript:alert(1)", "give the address of a site"),
        ("tiki_url = https://example.org/?q", "give the address of a site"),
        ("enabled = 1", "give one of yes, no"),
        ("sesion_key = x", "did you mean session_key?"),
    ],
)
def test_what_is_wrong_with_the_dashboards_section_is_said(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace("?", r"\?")):
        config(tmp_path, f"[dashboard]\n{line}\n")


def test_every_rule_of_the_example_reads_the_same_after_it_was_written() -> None:
    rules = load(EXAMPLE, {"TIKISYNC_DATABASE_URL": "sqlite:///x"}).rules
    assert len(rules) > 5
    assert read_rules("\n\n".join(map(writing.section, rules))) == rules


def test_trust_and_actions_are_written_too() -> None:
    rules = read_rules("[rule x]\nhandler = A, B\ntracker = T\nfield.a = body.a\nfield.a.trust = wiki\nstatus = 'o'\n")
    assert read_rules(writing.section(rules[0])) == rules
    assert "field.a.trust = wiki" in writing.section(rules[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no"),
        ("[tiki]\npath = /etc\n", r"only \[rule NAME\] sections"),
        ("[rule x]\nwhen = (\n", "handler"),
        ("[rule x]\nhandler = A\ntracker = T\nfield.a = body.\n", "field.a"),
        ("[rule]\nhandler = A\n", "has no name"),
    ],
)
def test_what_is_wrong_with_a_rule_on_its_own_is_said(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_rules(text)
