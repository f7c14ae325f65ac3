"""What commands print: tables and sentences for people, JSON for programs, errors that say what to change."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from tikisync.errors import ConfigError, TikisyncError

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {
    "done": "green", "accepted": "green", "ok": "green", "ignored": "dim", "warning": "yellow",
    "refused": "red", "rejected": "red", "failed": "red", "error": "red", "duplicate": "dim", "discarded": "dim",
    "pending": "yellow", "waiting": "yellow", "retry": "yellow", "died": "red",
}  # fmt: skip


@cache
def console(*, stderr: bool = False) -> Console:
    """Return the console; what it is made with is loaded when something is printed, which a service never does."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)


def say(sentence: str) -> None:
    """Print a sentence; rich markup is understood."""
    console().print(sentence)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under column names; status words are coloured."""
    from rich.table import Table

    shown = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(coloured(value) for value in row))
    console().print(shown)


def as_json(value: Any, indent: int | None = 2) -> None:
    """Print a value as JSON, dates as they are stored."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    if text != visible(text):
        text = json.dumps(value, indent=indent, default=str)
    sys.stdout.write(text + "\n")


def visible(text: str) -> str:
    r"""Return a stranger's text with what would move a terminal or turn writing round written out, as ``\x1b``."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in text.replace("\r\n", "\n")
    )


def escape(text: str) -> str:
    """Return a text as rich markup that shows it and does nothing."""
    from rich.markup import escape as escape_markup  # noqa: TID251  the one place

    return escape_markup(visible(text))


def moment(milliseconds: int | None) -> str:
    """Return a time of the inbox (milliseconds since the epoch) for people, in UTC."""
    if not milliseconds:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def fail(error: TikisyncError) -> int:
    """Print an error and what to do about it to standard error; return its exit code."""
    problems: Sequence[str] = error.problems if isinstance(error, ConfigError) else (str(error),)
    if isinstance(error, ConfigError):
        console(stderr=True).print(f"[red]{escape(error.source)} cannot be used:[/red]")
    for problem in problems:
        console(stderr=True).print(f"[red]•[/red] {escape(problem)}")
    if error.hint:
        console(stderr=True).print(f"  [dim]→[/dim] {escape(error.hint)}")
    return error.exit_code


def pairs(facts: Mapping[str, object]) -> None:
    """Print names and values below each other."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        console().print(f"[bold]{name.ljust(width)}[/bold]  {coloured(value)}")


def coloured(value: object) -> str:
    """Return a value for people, as rich markup; status words have their colours."""
    text = escape("" if value is None else str(value))
    style = _STYLES.get(text)
    return f"[{style}]{text}[/{style}]" if style else text
