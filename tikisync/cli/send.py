"""``tikisync send``: sign a file as one of Tiki's handlers would have it signed, and post it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile


def send(
    handler: Annotated[str, typer.Argument(help="The handler's name in Tiki's admin.")],
    file: Annotated[Path, typer.Argument(help="The body to send; - reads standard input.")],
    config: ConfigFile = DEFAULT_CONFIG,
    url: Annotated[str, typer.Option(help="Where to post it instead of the address in the config.")] = "",
    header: Annotated[list[str], typer.Option("-H", "--header", help="A further header, 'Name: value'.")] = [],  # noqa: B006
    json: AsJson = False,
) -> None:
    """Sign a file as a handler expects and post it to the running service, as its sender would."""
    from tikisync.app import open_app
    from tikisync.cli.client import post, read_body, read_headers
    from tikisync.core.verification import sign
    from tikisync.pipeline import administer

    app = open_app(config)
    body = read_body(file)
    chosen = administer.handler(app.database, handler)
    headers = {"Content-Type": "application/json", chosen.signature_header: sign(chosen, body), **read_headers(header)}
    settings = app.config.server
    target = url or f"http://{settings.host}:{settings.port}/tiki-webhooks.php"
    status, text = post(target, body, headers)
    if json:
        output.as_json({"url": target, "status": status, "answer": text})
    else:
        output.say(f"{target} answered [bold]{status}[/bold] {text}")
    raise typer.Exit(0 if status < 300 else 1)
