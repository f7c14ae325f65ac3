"""The command line of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.benchmarks import applying
from tests.benchmarks import grow as growing
from tests.benchmarks import receive as receiving
from tests.benchmarks.rounds import Results

program = typer.Typer(no_args_is_help=True, add_completion=False)
console = Console(width=130)

Connections = Annotated[int, typer.Option(help="Connections that post at the same time.")]
Seconds = Annotated[int, typer.Option(help="Length of a round.")]
Rounds = Annotated[int, typer.Option(help="Rounds; the variants take turns.")]
Body = Annotated[int, typer.Option(help="Size of the body in bytes.", min=32)]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Write a chart of the ratios to this file, as SVG.")]


@program.callback()
def main() -> None:
    """Measure tikisync. Compare ratios: both numbers of one come from the same run on the same machine."""


@program.command()
def receive(
    connections: Connections = 64,
    seconds: Seconds = 5,
    rounds: Rounds = 5,
    body: Body = 1024,
    database: Annotated[list[str] | None, typer.Option(help="A setting of the database server, as NAME=VALUE.")] = None,
    json_file: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Receive webhooks, each verified and stored before it is answered, next to an endpoint that does nothing."""
    names = [receiving.EMPTY, receiving.TIKISYNC, receiving.REFUSING, receiving.FLOODED]
    with receiving.database_server(database or ()) as server:
        figures = receiving.measure(
            server, names, connections=connections, seconds=seconds, rounds=rounds, body_size=body
        )
    title = f"receive: {connections} connections, {body} bytes, medians of {rounds} rounds of {seconds} s"
    version = ", ".join([server.version, *(database or ())])
    _show(Results(title, "requests/s", figures, version), json_file, plot)


@program.command()
def compare(
    connections: Connections = 64,
    seconds: Seconds = 5,
    rounds: Rounds = 5,
    body: Body = 1024,
    tiki: Annotated[str, typer.Option(help="URL of a Tiki's webhooks that knows the recorded handler Forge.")] = "",
    json_file: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Receive webhooks next to adnanh/webhook (Debian's package webhook), which stores nothing, and to Tiki's own."""
    names = [receiving.TIKISYNC, receiving.WEBHOOK]
    with receiving.database_server() as server:
        figures = receiving.measure(
            server, names, connections=connections, seconds=seconds, rounds=rounds, body_size=body, tiki=tiki
        )
    title = f"compare: {connections} connections, {body} bytes, medians of {rounds} rounds of {seconds} s"
    _show(Results(title, "requests/s", figures, server.version), json_file, plot)


@program.command()
def apply(
    items: Annotated[int, typer.Option(help="Items that each variant writes in a round.")] = 1000,
    processes: Annotated[int, typer.Option(help="Worker processes, where it is several.")] = 4,
    rounds: Rounds = 5,
    json_file: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Apply kept deliveries to tracker items, next to the mariadb client fed with the same rows as SQL."""
    with receiving.database_server() as server:
        figures = applying.measure(server, items=items, rounds=rounds, processes=processes)
    title = f"apply: {items} items, {processes} processes where several, medians of {rounds} rounds"
    _show(Results(title, "items/s", figures, server.version, applying.BESIDE), json_file, plot)


@program.command()
def end_to_end(seconds: Seconds = 10, rounds: Rounds = 3, json_file: JsonFile = None, plot: Plot = None) -> None:
    """Post orders at a steady pace: how long it takes from the POST until the item's rows are to be seen."""
    with receiving.database_server() as server:
        figures = applying.end_to_end(server, seconds=seconds, rounds=rounds)
    title = f"end-to-end: {applying.PACE} requests a second, {rounds} rounds of {seconds} s"
    _show(Results(title, "items/s", figures, server.version), json_file, plot)


@program.command()
def grow(
    handlers: Annotated[int, typer.Option(help="Handlers of the large sites.")] = 1000,
    few: Annotated[int, typer.Option(help="Deliveries and items of the small site.")] = 1000,
    many: Annotated[int, typer.Option(help="Deliveries and items of the large site.")] = 1_000_000,
    connections: Connections = 16,
    seconds: Seconds = 5,
    rounds: Rounds = 3,
    json_file: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Receive and look things up on large sites, next to the same on small ones."""
    with receiving.database_server() as server:
        options = {"seconds": seconds, "rounds": rounds, "connections": connections}
        received = growing.receiving(server, handlers=handlers, **options)
        looked_up = growing.in_the_database(server, few=few, many=many, rounds=rounds)
    figures = {**received, **looked_up}
    _show(
        Results(f"grow: medians of {rounds} rounds", "per second", figures, server.version, growing.beside(few, many)),
        json_file,
        plot,
    )


def _show(results: Results, json_file: Path | None, plot: Path | None) -> None:
    results.show(console)
    if json_file:
        results.write(json_file)
    if plot:
        results.plot(plot)


if __name__ == "__main__":
    program()
