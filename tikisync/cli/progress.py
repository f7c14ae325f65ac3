"""How far something long has got: a bar on a terminal, a line now and then elsewhere, nothing beside JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from tikisync.cli import output

Advance = Callable[[int], object]  # by so many

LINE_EVERY = 5.0  # seconds


@contextmanager
def progress(what: str, total: int, *, silent: bool = False) -> Iterator[Advance]:
    """Show how far ``what`` (such as ``deliveries expired``) has got of ``total``, on standard error.

    Yields what is to be called with how many more are through.
    """
    if silent:
        yield lambda _more: None
    elif output.console(stderr=True).is_terminal:
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), _Rate())
        with Progress(*columns, TimeRemainingColumn(), console=output.console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda more: bar.advance(task, more)
    else:
        yield _Lines(what, total).advance


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class _Lines:
    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._started = self._told = time.monotonic()

    def advance(self, more: int) -> None:
        self._done += more
        now = time.monotonic()
        if now - self._told >= LINE_EVERY:
            self._told = now
            rate = self._done / (now - self._started)
            left = max(0, self._total - self._done) / rate if rate else 0
            output.console(stderr=True).print(
                f"{self._done:,} of {self._total:,} {self._what}, {rate:,.0f}/s, about {left:,.0f} s left"
            )
