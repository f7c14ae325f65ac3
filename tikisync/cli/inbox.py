"""``tikisync inbox``: look at kept deliveries, apply them again, or put them aside."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from tikisync.inbox.deliveries import Delivery

program = typer.Typer(
    help="Look at kept deliveries, apply them again, or put them aside.", no_args_is_help=True, rich_markup_mode=None
)

Numbers = Annotated[list[int], typer.Argument(help="Numbers of deliveries, as `inbox list` shows them.")]


@program.command("list")
def list_deliveries(
    config: ConfigFile = DEFAULT_CONFIG,
    status: Annotated[str, typer.Option(help="pending, done, failed, ignored or discarded.")] = "",
    handler: Annotated[str, typer.Option(help="Only this handler's.")] = "",
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 20,
    json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    from tikisync.app import open_app
    from tikisync.pipeline import administer

    found = administer.listing(open_app(config).database, status or None, handler or None, limit)
    if json:
        output.as_json([_facts(each) for each in found])
        return
    columns = ("number", "received (UTC)", "handler", "status", "attempts", "reason")
    rows = [(d.delivery_id, output.moment(d.received_at), d.handler, d.status, d.attempts, d.reason) for d in found]
    output.table("", columns, rows)


@program.command()
def show(number: int, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Show one delivery: headers, body, what became of it and every attempt."""
    from tikisync.app import open_app
    from tikisync.pipeline import administer

    app = open_app(config)
    delivery, attempts = administer.delivery(app.database, number)
    body = delivery.body.decode("utf-8", "replace")
    hidden = app.hidden_headers(delivery.handler)
    headers = {name: "(hidden)" if name in hidden else value for name, value in delivery.headers}
    if json:
        output.as_json(
            {**_facts(delivery), "headers": headers, "body": body, "attempts": [asdict(each) for each in attempts]}
        )
        return
    output.pairs({name.replace("_", " "): value for name, value in _facts(delivery).items()})
    output.table("Headers", ("name", "value"), headers.items())
    output.table(
        "Attempts",
        ("started (UTC)", "outcome", "what it wrote, or why not"),
        [(output.moment(a.started_at), a.outcome, "; ".join(a.wrote) or a.error or a.reason) for a in attempts],
    )
    output.say("[bold]Body[/bold]")
    output.say(escape(body))


@program.command()
def replay(numbers: Numbers, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Apply deliveries again, also those that are done."""
    from tikisync.app import open_app
    from tikisync.pipeline import administer

    _counted(administer.replay(open_app(config).database, numbers), len(numbers), "will be applied again", json=json)


@program.command()
def discard(numbers: Numbers, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Put pending or failed deliveries aside: they are kept, and not applied."""
    from tikisync.app import open_app
    from tikisync.pipeline import administer

    _counted(administer.discard(open_app(config).database, numbers), len(numbers), "discarded", json=json)


def _counted(met: int, asked: int, what: str, *, json: bool) -> None:
    if json:
        output.as_json({"asked": asked, "met": met})
    else:
        output.say(f"{met} of {asked} {'delivery' if asked == 1 else 'deliveries'} {what}")
    raise typer.Exit(0 if met == asked else 1)


def _facts(delivery: Delivery) -> dict[str, Any]:
    """Return what a list or a page says of a delivery, without headers and body."""
    return {
        "number": delivery.delivery_id,
        "received": output.moment(delivery.received_at),
        "handler": delivery.handler,
        "user": delivery.user,
        "status": delivery.status,
        "reason": delivery.reason,
        "attempts": delivery.attempts,
        "duplicates": delivery.duplicates,
        "sender": delivery.client_ip,
        "path": delivery.path,
        "bytes": delivery.size,
    }
