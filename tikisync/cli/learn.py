"""``tikisync learn``: from one captured request to lines for the config file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from tikisync.app import App
    from tikisync.core.handlers import Handler
    from tikisync.core.requests import Request


def learn(
    file: Annotated[
        Path | None, typer.Argument(help="A captured request, or just its JSON; - reads standard input.")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    delivery: Annotated[int, typer.Option(help="Learn from a kept delivery, by its number.")] = 0,
    tracker: Annotated[str, typer.Option(help="Propose a first rule for this tracker, by its name or id.")] = "",
    handler: Annotated[str, typer.Option(help="Whose request it is, where that does not show.")] = "",
    json: AsJson = False,
) -> None:
    """Propose a recipe, ids, times and a first rule for what a sender sends; print them as lines for the config."""
    from tikisync.app import open_app
    from tikisync.cli.captured import kept_delivery, read_capture, the_only
    from tikisync.core.learning import learn as lessons
    from tikisync.errors import SetupError
    from tikisync.pipeline import administer

    app = open_app(config)
    if the_only({"FILE": int(bool(file)), "--delivery": delivery}) is None:
        raise SetupError("there is nothing to learn from", hint="name a file with a captured request, or --delivery")
    request = read_capture(file) if file else kept_delivery(app, delivery)
    if delivery and not handler:
        handler = administer.delivery(app.database, delivery)[0].handler
    chosen = administer.handler(app.database, handler) if handler else _handler_of(app, request)
    known = administer.tracker(app.database, tracker) if tracker else None
    lines = lessons(request, chosen.name, chosen, known, app.config.server.public_url)
    if chosen.name in app.config.handlers:
        end = lines.index("")
        told = f"; Your config has [handler {chosen.name}] already; see whether it lacks any of this:"
        lines = [told, *(f"; {line.removeprefix('; ')}" for line in lines[1:end]), *lines[end:]]
    if json:
        output.as_json({"handler": chosen.name, "config": "\n".join(lines)})
    else:
        typer.echo("\n".join(lines))


def _handler_of(app: App, request: Request) -> Handler:
    """Return the handler that accepts the request, or would with some change, or the only one there is."""
    from tikisync import inspection
    from tikisync.core.handlers import Refused
    from tikisync.errors import SetupError
    from tikisync.pipeline import administer

    diagnosis = inspection.diagnose(app, request)
    if not isinstance(diagnosis.verdict, Refused):
        return diagnosis.verdict.handler
    there = {each.name: each for each in administer.handlers(app.database)}
    if diagnosis.findings:
        return there[diagnosis.findings[0].handler]
    if len(there) == 1:
        return next(iter(there.values()))
    raise SetupError(
        "nothing tells for which handler this request is",
        hint=f"say it with --handler; Tiki has: {', '.join(there) or 'none, so add one in its admin first'}",
    )
