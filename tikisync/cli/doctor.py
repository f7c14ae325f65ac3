"""``tikisync doctor``: why requests are refused, and what would accept them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from tikisync.cli.output import escape

if TYPE_CHECKING:
    from tikisync.core.diagnosis import Diagnosis
    from tikisync.core.refusals import Refusal


def doctor(
    config: ConfigFile = DEFAULT_CONFIG,
    last: Annotated[bool, typer.Option("--last", help="Look at the request that was refused last.")] = False,
    refused: Annotated[int, typer.Option(help="Look at a refused request, by its number in the list.")] = 0,
    delivery: Annotated[int, typer.Option(help="Look at a kept delivery, by its number.")] = 0,
    file: Annotated[
        Path | None, typer.Option(help="Look at a captured request: request line, headers, blank line, body.")
    ] = None,
    json: AsJson = False,
) -> None:
    """List the last refused requests, or say of one request why it is refused and what would accept it.

    Exit code: 0 where the request is accepted, 1 where it is refused.
    """
    from tikisync import inspection
    from tikisync.app import open_app
    from tikisync.cli.captured import kept_delivery, read_file, the_only
    from tikisync.errors import SetupError

    app = open_app(config)
    number = the_only({"--last": int(last), "--refused": refused, "--delivery": delivery, "--file": int(bool(file))})
    if number is None:
        _list(app.refused(), json=json)
        return
    kept: Refusal | None = None
    if file:
        request = read_file(file)
    elif delivery:
        request = kept_delivery(app, delivery)
    else:
        found = app.refused()
        if len(found) < number:
            hint = "`tikisync doctor` lists those there are; `tikisync serve` keeps them, by [door] keep_refused"
            raise SetupError(f"there are {len(found)} refused requests", hint=hint)
        kept = found[number - 1]
        request = kept.request
    _tell(inspection.diagnose(app, request), kept, by_file=bool(file), json=json)


def _list(refusals: list[Refusal], *, json: bool) -> None:
    rows = [
        {
            "number": number,
            "received": output.moment(each.request.received_at),
            "sender": each.request.client_ip,
            "path": each.request.path,
            "bytes": len(each.request.body),
            "reason": each.refused.reason,
            "detail": each.refused.detail,
        }
        for number, each in enumerate(refusals, 1)
    ]
    if json:
        output.as_json(rows)
        return
    columns = ("number", "received (UTC)", "sender", "reason", "why")
    output.table("", columns, [(r["number"], r["received"], r["sender"], r["reason"], r["detail"]) for r in rows])
    output.say("`tikisync doctor --last` says what would accept the first one" if rows else "nothing was refused")


def _tell(diagnosis: Diagnosis, kept: Refusal | None, *, by_file: bool, json: bool) -> None:
    from tikisync.core.handlers import Refused

    verdict = diagnosis.verdict
    refused = verdict if isinstance(verdict, Refused) else None
    if json:
        output.as_json(
            {
                "accepted": refused is None,
                "handler": verdict.handler if isinstance(verdict, Refused) else verdict.handler.name,
                "reason": refused.reason if refused else "",
                "detail": refused.detail if refused else "",
                "findings": [asdict(each) for each in diagnosis.findings],
                "looks_like": diagnosis.senders,
            }
        )
        raise typer.Exit(1 if refused else 0)
    if kept:
        when = output.moment(kept.request.received_at)
        output.say(f"refused at {when} UTC: [bold]{kept.refused.reason}[/bold], {escape(kept.refused.detail)}")
    if not isinstance(verdict, Refused):
        output.say(f"[green]✓[/green] this verifies for handler {escape(verdict.handler.name)}")
        raise typer.Exit
    if not kept or verdict != kept.refused:
        output.say(f"[red]✗[/red] refused now: [bold]{verdict.reason}[/bold], {escape(verdict.detail)}")
    _advise(diagnosis, kept, by_file=by_file)
    raise typer.Exit(1)


def _advise(diagnosis: Diagnosis, kept: Refusal | None, *, by_file: bool) -> None:
    from tikisync.core.diagnosis import NOTHING_FITS

    for finding in diagnosis.findings:
        output.say(f"[green]✓[/green] {escape(finding.sentence)}")
        if finding.section:
            output.say("  [dim]→[/dim] in the config file:")
        for line in finding.section.splitlines():
            output.say(f"    {escape(line)}")
    if diagnosis.senders:
        output.say(f"its headers look like those of {escape(', '.join(diagnosis.senders[:5]))}")
    if kept and kept.body_left_out:
        output.say(f"its body was not kept ({kept.body_left_out}), so no signature can be tried: use --file")
    elif not diagnosis.findings:
        output.say(f"  [dim]→[/dim] {NOTHING_FITS}")
    if by_file:
        output.say("[dim]A file does not say when it arrived, so its timestamp is judged by now.[/dim]")
