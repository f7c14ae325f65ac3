"""``tikisync try``: what the rules make of a payload, and the rows that would be written."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from tikisync.cli.output import escape


def try_rules(
    rule: Annotated[str, typer.Argument(help="A rule's name, or a handler's to try all its rules.")],
    file: Annotated[Path, typer.Argument(help="A file with the payload; - reads standard input.")],
    config: ConfigFile = DEFAULT_CONFIG,
    header: Annotated[list[str], typer.Option("-H", "--header", help="A header of the request, 'Name: value'.")] = [],  # noqa: B006
    json: AsJson = False,
) -> None:
    """Show the rows that a payload would write to Tiki; nothing is written."""
    from tikisync import inspection
    from tikisync.app import open_app
    from tikisync.cli.client import read_body, read_headers

    body = read_body(file)
    app = open_app(config)
    preview = inspection.preview(app, rule, body, read_headers(header))
    rows = [{"verb": verb, "table": table, "columns": dict(columns)} for verb, table, columns in preview.rows]
    if json:
        passed_over = [asdict(each) for each in preview.evaluation.passed_over]
        output.as_json({"would": [str(each) for each in preview.written], "passed_over": passed_over, "rows": rows})
        return
    for each in preview.evaluation.passed_over:
        output.say(f"[dim]rule {escape(each.rule)} does not apply: {escape(each.why)}[/dim]")
    for written in preview.written:
        told = replace(written, what=written.what.replace("item 0 of", "a new item of"))
        output.say(f"would be [bold]{escape(str(told))}[/bold]")
    for verb, table, columns in preview.rows:
        output.say(f"  [cyan]{verb}[/cyan] {table}: {escape(', '.join(_shown(*each) for each in columns.items()))}")
    output.say("[dim]Nothing was written.[/dim]")


def _shown(column: str, value: object) -> str:
    """Return a column and its value; a new item has no id yet."""
    return f"{column}=(new)" if column in ("itemId", "object") and str(value) == "0" else f"{column}={value!r}"
