"""``tikisync inbox``: look at kept deliveries, apply them again, or put them aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from tikisync.cli.output import escape

if TYPE_CHECKING:
    from tikisync.cli.progress import Advance
    from tikisync.database import Database
    from tikisync.inbox.deliveries import Delivery

program = typer.Typer(
    help="Look at kept deliveries, apply them again, or put them aside.", no_args_is_help=True, rich_markup_mode=None
)

Numbers = Annotated[list[int], typer.Argument(help="Numbers of deliveries, as `inbox list` shows them.")]
Status = Annotated[str, typer.Option(help="pending, done, failed, ignored or discarded.")]
OfHandler = Annotated[str, typer.Option("--handler", help="Only this handler's.")]


@program.command("list")
def list_deliveries(
    config: ConfigFile = DEFAULT_CONFIG,
    status: Status = "",
    handler: OfHandler = "",
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
    from tikisync import inspection
    from tikisync.app import open_app
    from tikisync.pipeline import administer

    app = open_app(config)
    delivery, attempts = administer.delivery(app.database, number)
    body = delivery.body.decode("utf-8", "replace")
    hidden = inspection.hidden_headers(app, delivery.handler)
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
    if delivery.expired_at is not None:
        output.say(f"Body, headers and attempts expired at {output.moment(delivery.expired_at)} UTC ([inbox] keep).")
        return
    output.say("[bold]Body[/bold]")
    output.say(escape(body))


@program.command()
def replay(
    numbers: Numbers = (),  # type: ignore[assignment]  # Typer wants a list, and nobody shares this one
    status: Status = "",
    handler: OfHandler = "",
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Apply deliveries again, also those that are done: by their numbers, or all of a status or handler."""
    from tikisync.pipeline import administer

    _act(administer.replay, "will be applied again", numbers, status, handler, config, json=json)


@program.command()
def discard(
    numbers: Numbers = (),  # type: ignore[assignment]
    status: Status = "",
    handler: OfHandler = "",
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Put pending or failed deliveries aside: they are kept, and not applied."""
    from tikisync.pipeline import administer

    _act(administer.discard, "discarded", numbers, status, handler, config, json=json)


@program.command()
def expire(
    config: ConfigFile = DEFAULT_CONFIG,
    keep: Annotated[str, typer.Option(help="Instead of what the config file says, such as '30 days'.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many would.")] = False,
    json: AsJson = False,
) -> None:
    """Let go of body, headers and attempts of deliveries that were finished long ago, as the service does by itself."""
    import threading

    from tikisync.app import open_app
    from tikisync.cli.progress import progress

    app = open_app(config)
    retention, milliseconds = app.retention(), _kept(keep, app.config.inbox.keep)
    met = size = 0
    with progress("deliveries expired", retention.expected(milliseconds), silent=json) as advance:
        for step in retention.steps(milliseconds, threading.Event(), dry_run=dry_run):
            met, size = met + step.met, size + step.bytes
            advance(step.met)
    if json:
        output.as_json({"dry_run": dry_run, "expired": met, "bytes": size})
    else:
        verb = "would expire" if dry_run else "expired"
        output.say(f"{met:,} {'delivery' if met == 1 else 'deliveries'} {verb}, with bodies of {size / 2**20:,.1f} MiB")


def _kept(given: str, configured: int | None) -> int:
    from tikisync.config import values
    from tikisync.errors import SetupError

    try:
        milliseconds = values.keep(given) if given else configured
    except ValueError as error:
        raise SetupError(f"--keep: {error}") from None
    if milliseconds is None:
        hint = "set [inbox] keep = 90 days, or give --keep '90 days'"
        raise SetupError("deliveries are kept forever, so none expires", hint=hint)
    return milliseconds


def _act(
    act: Callable[[Database, Sequence[int], Advance], int],
    what: str,
    numbers: Sequence[int],
    status: str,
    handler: str,
    config: Path,
    *,
    json: bool,
) -> None:
    from tikisync.app import open_app
    from tikisync.cli.progress import progress
    from tikisync.errors import SetupError
    from tikisync.inbox.search import Filter
    from tikisync.pipeline import administer

    database = open_app(config).database
    if bool(numbers) == bool(status or handler):
        raise SetupError("say which deliveries: by their numbers, or by --status and --handler")
    numbers = numbers or administer.matching(database, Filter(status, handler))
    with progress(f"deliveries {what}", len(numbers), silent=json) as advance:
        met = act(database, numbers, advance)
    asked = len(numbers)
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
        **({"expired": output.moment(delivery.expired_at)} if delivery.expired_at else {}),
    }
