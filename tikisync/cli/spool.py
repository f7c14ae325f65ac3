"""``tikisync spool``: what waits for the database, and what did not verify any more when it was back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from tikisync.app import App
    from tikisync.core.spooled import Spooled
    from tikisync.inbox.spool import Spool

program = typer.Typer(
    help="Look at deliveries that wait for the database, and at those rejected when it was back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@program.command("list")
def list_spooled(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List what waits in the spool and what was rejected, oldest first. Needs no database."""
    from tikisync.app import open_app

    spool = _spool(open_app(config))
    rows = [_facts(each) for each in (*spool.waiting(), *spool.rejected())]
    if json:
        output.as_json(rows)
        return
    columns = ("state", "received (UTC)", "handler", "sender", "bytes", "reason", "detail")
    output.table("", columns, [[row[column.partition(" ")[0]] for column in columns] for row in rows])


@program.command()
def retry(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Let the running service verify all rejected deliveries again, once what was wrong is mended."""
    from tikisync.app import open_app

    _counted(_spool(open_app(config)).retry(), "will be verified again by the running service", json=json)


@program.command()
def discard(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Delete all rejected deliveries, and what could not be read any more."""
    from tikisync.app import open_app

    _counted(_spool(open_app(config)).discard(), "deleted", json=json)


def _counted(number: int, what: str, *, json: bool) -> None:
    if json:
        output.as_json({"deliveries": number})
    else:
        output.say(f"{number} rejected {'delivery' if number == 1 else 'deliveries'} {what}")


def _spool(app: App) -> Spool:
    from tikisync.errors import SetupError

    if app.spool is None:
        raise SetupError("the spool is switched off", hint="remove spool = off from [server]")
    return app.spool


def _facts(spooled: Spooled) -> dict[str, Any]:
    request, why = spooled.request, spooled.rejected
    return {
        "state": "rejected" if why else "waiting",
        "received": output.moment(request.received_at),
        "handler": spooled.handler,
        "sender": request.client_ip,
        "path": request.path,
        "bytes": len(request.body),
        "reason": why.reason if why else "",
        "detail": why.detail if why else "",
    }
