"""Commands about the Tiki beside us: set up our tables, check everything, list the handlers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from tikisync.pipeline.finding import Finding


def setup(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Make or upgrade tikisync's own tables in Tiki's database. Safe to repeat; Tiki's tables are not touched."""
    from tikisync.app import open_app
    from tikisync.cli.progress import progress
    from tikisync.pipeline import administer

    database, done = open_app(config).database, []
    with progress("steps of the schema taken", administer.steps_of_set_up(database), silent=json) as advance:
        for step in administer.set_up(database):
            done.append(step)
            advance(1)
    if json:
        output.as_json({"done": done})
    for step in done or ["everything is set up already"]:
        if not json:
            output.say(f"[green]✓[/green] {step}")


def check(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Look for everything that keeps webhooks from working. Exit code: 0 nothing, 1 warnings, 2 errors."""
    from dataclasses import asdict

    from tikisync import inspection
    from tikisync.app import open_app

    app = open_app(config)
    findings = inspection.check(app)
    if json:
        output.as_json([asdict(finding) for finding in findings])
    else:
        tell_findings(findings)
        if not findings:
            output.say(f"[green]✓[/green] {len(app.config.rules)} rules fit their trackers; webhooks can arrive")
    raise typer.Exit(exit_code(findings))


def tell_findings(findings: Sequence[Finding]) -> None:
    """Print what a check found, each with its way out."""
    from tikisync.cli.output import escape

    for each in findings:
        colour = "red" if each.level == "error" else "yellow"
        output.say(f"[{colour}]{each.level}[/{colour}] [bold]{escape(each.where)}[/bold]: {escape(each.message)}")
        output.say(f"        [dim]→[/dim] {escape(each.hint)}")


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 0 where nothing was found, 1 for warnings, 2 for errors."""
    return max((2 if each.level == "error" else 1 for each in findings), default=0)


def grants(
    config: ConfigFile = DEFAULT_CONFIG,
    user: Annotated[str, typer.Option(help="The database user that tikisync is to connect as.")] = "tikisync",
    host: Annotated[str, typer.Option(help="The host it connects from.")] = "localhost",
    setup: Annotated[
        bool, typer.Option("--setup", help="What `tikisync setup` needs, instead of the service.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Print the GRANT statements that give a database user the least rights that tikisync needs."""
    from tikisync import inspection
    from tikisync.app import open_app

    statements = inspection.grants(open_app(config), user, host, setup=setup)
    if json:
        output.as_json(statements)
        return
    for statement in statements:
        typer.echo(statement)


def handlers(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List the webhook handlers as Tiki has them: how each is verified, when its secret was last used, its rules."""
    from tikisync.app import open_app
    from tikisync.core.recipes.choice import for_handler
    from tikisync.pipeline import administer

    app = open_app(config)
    found = administer.handlers(app.database)
    last_used = administer.last_used(app.database, [handler.name for handler in found])
    rows = []
    for handler in found:
        recipe = for_handler(handler, app.config.recipes)
        rows.append(
            {
                "name": handler.name,
                "user": handler.user if handler.user_exists else f"{handler.user} (missing)",
                "verification": handler.verification,
                "algorithm": handler.algo,
                "signature header": handler.signature_header,
                "recipe": recipe.name if recipe else "",
                "recipe is inferred": bool(recipe) and handler.name not in app.config.recipes,
                "secret": "set" if handler.secret else "empty",
                "last used": output.moment(last_used.get(handler.name)),
                "rules": [rule.name for rule in app.config.rules if handler.name in rule.handlers],
            }
        )
    if json:
        output.as_json(rows)
        return
    columns = ("name", "user", "verified by", "secret", "last used (UTC)", "rules")
    output.table("", columns, ([*_shown(row)] for row in rows))


def _shown(row: Mapping[str, Any]) -> Iterator[str]:
    """Return a handler's row for people."""
    yield from (row["name"], row["user"])
    if row["recipe"]:
        yield f"recipe {row['recipe']}" + (f" (inferred from {row['signature header']})" * row["recipe is inferred"])
    else:
        yield f"{row['verification']}, {row['algorithm']}, in {row['signature header']}"
    yield from (row["secret"], row["last used"] or "never", ", ".join(row["rules"]))
