"""The command line of the benchmarks."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.benchmarks import load
from tests.benchmarks import receive as receiving
from tests.benchmarks.load import Figures

program = typer.Typer(no_args_is_help=True, add_completion=False)
console = Console()


@program.callback()
def main() -> None:
    """Measure tikisync. Compare ratios: both numbers of one come from the same run on the same machine."""


@program.command()
def receive(
    connections: Annotated[int, typer.Option(help="Connections that post at the same time.")] = 64,
    seconds: Annotated[int, typer.Option(help="Length of a round.")] = 5,
    rounds: Annotated[int, typer.Option(help="Rounds; the endpoints take turns.")] = 5,
    body: Annotated[int, typer.Option(help="Size of the body in bytes.", min=32)] = 1024,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
) -> None:
    """Receive webhooks: each verified and stored before it is answered, next to an endpoint that does nothing."""
    with receiving.database() as (url, server):
        figures = receiving.measure(url, connections=connections, seconds=seconds, rounds=rounds, body_size=body)
    table = Table(title=f"receive: {connections} connections, {body} bytes, medians of {rounds} rounds of {seconds} s")
    for column in ("what", "requests/s", "of the empty endpoint", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, measured in figures.items():
        table.add_row(name, *_row(measured, receiving.ratio(figures, name)))
    console.print(table)
    console.print(f"{server}, load by {load.generator()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    if json_file:
        rows = {name: [asdict(each) for each in measured] for name, measured in figures.items()}
        json_file.write_text(json.dumps({"server": server, "connections": connections, "figures": rows}, indent=2))


def _row(measured: Sequence[Figures], share: float) -> Sequence[str]:
    rate, p50, p99 = (median(getattr(each, name) for each in measured) for name in ("per_second", "p50", "p99"))
    return f"{rate:,.0f}", f"{share:.2f}", f"{p50:.1f}", f"{p99:.1f}"


if __name__ == "__main__":
    program()
