"""Something long shows how far it is, in the way that suits who looks."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from tikisync.cli import output
from tikisync.cli.progress import progress


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, silent: bool = False) -> str:
    """Return what 300 of 1,000 done in some seconds look like."""
    text, now = io.StringIO(), [100.0]
    console = Console(file=text, force_terminal=terminal, width=100, get_time=lambda: now[0], no_color=True)
    monkeypatch.setattr(output, "console", lambda *, stderr: console)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with progress("deliveries expired", 1000, silent=silent) as advance:
        for _ in range(3):
            now[0] += 2
            advance(100)
        time.sleep(0.3 if terminal and not silent else 0)
    return text.getvalue()


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    told = shown(monkeypatch, terminal=True)
    assert "300/1000 deliveries expired" in told
    assert "━" in told


def test_elsewhere_there_is_a_line_now_and_then_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, terminal=False) == "300 of 1,000 deliveries expired, 50/s, about 14 s left\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_beside_json_there_is_nothing(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    assert shown(monkeypatch, terminal=terminal, silent=True) == ""
