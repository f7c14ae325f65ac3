"""``tikisync send``: sign a file as one of Tiki's handlers would have it signed, and post it."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile


def send(
    handler: Annotated[str, typer.Argument(help="The handler's name in Tiki's admin.")],
    file: Annotated[Path, typer.Argument(help="The body to send; - reads standard input.")],
    config: ConfigFile = DEFAULT_CONFIG,
    url: Annotated[str, typer.Option(help="Where to post it instead of the address in the config.")] = "",
    header: Annotated[list[str], typer.Option("-H", "--header", help="A further header, 'Name: value'.")] = [],  # noqa: B006
    private_key: Annotated[
        Path | None, typer.Option(help="The sender's private key (PEM), where Tiki has the public one.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Sign a file as a handler's sender would, and post it to the running service."""
    from tikisync.app import open_app
    from tikisync.cli.client import post, read_body, read_headers, spelled
    from tikisync.core.requests import Request
    from tikisync.core.verification import signed_request
    from tikisync.pipeline import administer

    app = open_app(config)
    chosen = administer.handler(app.database, handler)
    if private_key:
        chosen = replace(chosen, secret=read_body(private_key).decode("ascii", "replace"))
    settings = app.config.server
    target = urlsplit(url or f"http://{settings.host}:{settings.port}/tiki-webhooks.php")
    headers = {"content-type": "application/json"}
    headers.update((name.lower(), value) for name, value in read_headers(header).items())
    request = Request(
        method="POST",
        path=unquote(target.path or "/"),
        query=target.query,
        headers=tuple((name.encode("utf-8"), value.encode("utf-8")) for name, value in headers.items()),
        body=read_body(file),
        received_at=time.time_ns() // 1_000_000,
        client_ip="",
    )
    request = signed_request(request, chosen, app.config.recipes, secrets.token_hex(16))
    sent = spelled(dict(request.headers), [chosen])
    status, text = post(target._replace(query=request.query).geturl(), request.body, sent)
    if json:
        output.as_json({"url": target.geturl(), "status": status, "answer": text})
    else:
        output.say(f"{target.geturl()} answered [bold]{status}[/bold] {text}")
    raise typer.Exit(0 if status < 300 else 1)
