"""The command line of the chaos harness."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tests.chaos import galera
from tests.chaos.faults import Kind, faults
from tests.chaos.run import run
from tests.chaos.site import alone

_OLD_VERSION = "--version=10.5.29-MariaDB"  # the last series without SKIP LOCKED


program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@program.command()
def main(
    minutes: Annotated[float, typer.Option(help="How long to send.")] = 1,
    seed: Annotated[
        int | None, typer.Option(help="Chooses the faults and what is sent; by chance if left out.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Deliveries a second.")] = 40,
    every: Annotated[float, typer.Option(help="Seconds between faults, on average.")] = 1.5,
    myisam: Annotated[
        bool, typer.Option("--myisam", help="Tiki's tables in MyISAM, as many old sites have them.")
    ] = False,
    no_skip_locked: Annotated[
        bool, typer.Option("--no-skip-locked", help="A server that calls itself 10.5, where SKIP LOCKED is refused.")
    ] = False,
    with_galera: Annotated[
        bool, typer.Option("--galera", help="Three nodes of a Galera cluster, each killed in turn.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with logs and data.")] = False,
) -> None:
    """Kill, cut, freeze and edit while webhooks come, and say whether any was lost, doubled or out of order."""
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    left_out = (Kind.KILL_DATABASE, Kind.DEADLOCKS) if myisam else ()  # its tables are left crashed, and know no locks
    kinds = [kind for kind in Kind if kind not in left_out]
    folder = Path(tempfile.mkdtemp(prefix="tikisync-chaos-"))
    _say(f"seed {seed}, in {folder}")
    if with_galera:
        site = galera.cluster(folder, _say)
    else:
        flags, forbidden = ([_OLD_VERSION], b"SKIP LOCKED") if no_skip_locked else ([], b"")
        site = alone(folder, engine="MyISAM" if myisam else "InnoDB", flags=flags, forbidden=forbidden)
    try:
        result = run(
            site,
            faults(seed, kinds, every=every),
            seconds=60 * minutes,
            seed=seed,
            rate=rate,
            edits=not myisam,
            say=_say,
        )
    finally:
        site.stop()
    for problem in result.problems[:50]:
        _say(problem)
    sys.stdout.write(f"seed {seed}, {minutes:g} min: {result.line()}\n")
    if result.problems:
        _say(f"logs and data are kept in {folder}")
        raise typer.Exit(1)
    if not keep:
        shutil.rmtree(folder)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    program()
