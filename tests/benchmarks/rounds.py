"""Rounds in which the variants take turns, and how their figures are shown: as a table, as JSON, as a chart."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.benchmarks import load
from tests.benchmarks.load import Figures

Variants = Mapping[str, Callable[[int], Figures]]  # what measures one round of so many seconds

_BAR, _LEFT, _WIDTH = 26, 250, 460  # of the chart


@dataclass(frozen=True, slots=True)
class Results:
    """The figures of all rounds by variant; ratios are to the first variant, in the same round.

    ``beside`` names another variant to compare one with.
    """

    title: str
    unit: str
    figures: Mapping[str, Sequence[Figures]]
    server: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)

    def ratio(self, name: str) -> float:
        """Return how much of the yardstick's figure a variant reaches, the median of the rounds."""
        yardstick = self.figures.get(self.beside.get(name, "")) or next(iter(self.figures.values()))
        return median(
            own.per_second / other.per_second for own, other in zip(self.figures[name], yardstick, strict=True)
        )

    def show(self, console: Console) -> None:
        """Print the table."""
        table = Table(title=self.title)
        for column in ("what", self.unit, "spread", "ratio", "p50 ms", "p99 ms", "CPU µs each", "MiB"):
            table.add_column(column, justify="left" if column == "what" else "right")
        for name, measured in self.figures.items():
            rates = [each.per_second for each in measured]
            spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
            p50, p99 = (f"{median(getattr(each, p) for each in measured):.1f}" for p in ("p50", "p99"))
            memory = max(each.memory for each in measured)
            table.add_row(
                name, f"{median(rates):,.0f}", spread, f"{self.ratio(name):.2f}", p50, p99,
                _cpu(measured), f"{memory:.0f}" if memory else "",
            )  # fmt: skip
        console.print(table)
        console.print(f"{self._machine()}; load by {load.generator()}")

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        rows = {name: [asdict(each) for each in measured] for name, measured in self.figures.items()}
        ratios = {name: self.ratio(name) for name in self.figures}
        facts = {"title": self.title, "unit": self.unit, "machine": self._machine(), "ratios": ratios, "figures": rows}
        path.write_text(json.dumps(facts, indent=2) + "\n")

    def plot(self, path: Path) -> None:
        """Write a bar chart of the ratios as SVG; it can be read on a light page and on a dark one."""
        longest = max(self.ratio(name) for name in self.figures)
        height = _BAR * (len(self.figures) + 2)
        parts = [f'<text x="8" y="18" font-weight="bold">{escape(self.title)}</text>']
        for number, name in enumerate(self.figures, 1):
            y, ratio = _BAR * number + 6, self.ratio(name)
            width = max(1, round(ratio / longest * _WIDTH))
            parts += [
                f'<text x="8" y="{y + 14}">{escape(name)}</text>',
                f'<rect x="{_LEFT}" y="{y}" width="{width}" height="{_BAR - 8}" fill="#4a86c5"/>',
                f'<text x="{_LEFT + width + 6}" y="{y + 14}">{ratio:.2f}</text>',
            ]
        parts.append(f'<text x="8" y="{height - 8}" font-size="11">{escape(self._machine())}</text>')
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 60}" height="{height}" '
        path.write_text(f'{head}font-family="sans-serif" font-size="13" fill="#808080">{"".join(parts)}</svg>\n')

    def _machine(self) -> str:
        cores = f"{os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
        return f"{self.server}, {cores}" if self.server else cores


def interleaved(variants: Variants, *, rounds: int, seconds: int) -> Mapping[str, Sequence[Figures]]:
    """Measure the variants in turn, ``rounds`` times; a short round before warms up."""
    figures: dict[str, list[Figures]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, measure in variants.items():
            measured = measure(seconds if number else 1)
            if number:
                figures[name].append(measured)
    return figures


def _cpu(measured: Sequence[Figures]) -> str:
    """Return what a request cost each process, the median of the rounds."""
    return ", ".join(f"{name} {median(each.cpu[name] for each in measured):.0f}" for name in measured[0].cpu)
