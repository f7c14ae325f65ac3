"""``tikisync tail``: what happens in the inbox, as it happens."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, ConfigFile
from tikisync.cli.output import escape

_PAUSE = 0.5  # seconds between looks


def tail(
    config: ConfigFile = DEFAULT_CONFIG,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Begin so many deliveries before the end.")] = 10,
    handler: Annotated[str, typer.Option(help="Only this handler's.")] = "",
    follow: Annotated[bool, typer.Option(help="Go on until Ctrl-C.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Show deliveries as they are received and applied."""
    from tikisync.app import open_app
    from tikisync.pipeline.follow import Follower

    follower = Follower(open_app(config).database, lines)
    try:
        while True:
            events = follower.read()
            for each in events:
                if handler not in ("", each.handler):
                    continue
                if json:
                    output.as_json(asdict(each), indent=None)
                else:
                    who = f"{output.moment(each.at)} [bold]{each.delivery}[/bold] {escape(each.handler)}"
                    output.say(f"{who} {output.coloured(each.what)} {escape(each.told)}")
            sys.stdout.flush()
            if not (events or follow):
                return
            time.sleep(_PAUSE if follow else 0)
    except KeyboardInterrupt:
        return
