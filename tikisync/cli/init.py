"""``tikisync init``: from a running Tiki to a config file with a first rule, and what else is needed around it."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from tikisync.cli.output import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikisync.app import App
    from tikisync.cli.wizard import Wizard
    from tikisync.core.handlers import Handler

_NEW_USER = "CREATE USER 'tikisync'@'localhost' IDENTIFIED BY '…';  -- choose a password of its own"
_PAUSE = 2.0  # seconds between looks for a handler


def init(
    config: ConfigFile = DEFAULT_CONFIG,
    tiki: Annotated[str, typer.Option(help="Tiki's folder; without it likely ones are looked for.")] = "",
    site: Annotated[str, typer.Option(help="The site of a MultiTiki.")] = "",
    address: Annotated[str, typer.Option(help="Tiki's address as people and senders know it, https://…")] = "",
    port: Annotated[int, typer.Option(help="The port of this machine that tikisync is to listen on.")] = 8025,
    web_server: Annotated[str, typer.Option(help="What is in front of Tiki: nginx, apache or none.")] = "",
    handler: Annotated[str, typer.Option(help="The handler the first rule is for.")] = "",
    tracker: Annotated[str, typer.Option(help="The tracker it fills, by name or id.")] = "",
    sample: Annotated[
        str, typer.Option(help="A file with a payload or a captured request, `delivery`, `refused`, or `made-up`.")
    ] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until Tiki has a handler.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a config file that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take what would be proposed.")] = False,
    json: AsJson = False,
) -> None:
    """Set everything up beside a running Tiki, asking what is not given: config, tables, a first rule, web server.

    Exit code as of `tikisync check`: 0 nothing to mend, 1 warnings, 2 errors.
    """
    from tikisync.cli import first_rule
    from tikisync.cli.asking import Asker
    from tikisync.cli.wizard import Wizard

    given = {"tiki": tiki, "site": site, "address": address, "web_server": web_server, "handler": handler,
             "tracker": tracker, "sample": sample}  # fmt: skip
    wizard = Wizard(Asker(yes or json), config, given, silent=json)
    wizard.server = {"host": "127.0.0.1", "port": str(port)}
    _require_free(wizard, overwrite=overwrite)
    app = _connect(wizard)
    _set_up(wizard, app)
    found = _handlers(wizard, app, wait=wait)
    rules = first_rule.propose(wizard, app, found) if found else []
    _write(wizard, rules)
    code = _check(wizard)
    _around(wizard)
    if json:
        output.as_json(wizard.report)
    raise typer.Exit(code)


def _require_free(wizard: Wizard, *, overwrite: bool) -> None:
    from tikisync.errors import SetupError

    file = wizard.config
    if not file.parent.is_dir():
        raise SetupError(f"there is no folder {file.parent}", hint="make it, or name another file with -c")
    question = f"{file} is there already. Replace it?"
    if file.exists() and not overwrite and not wizard.asker.agree(question, proposed=False):
        hint = "name another file with -c, or give --overwrite"
        raise SetupError(f"{file} is there already, and stays as it is", hint=hint)


def _connect(wizard: Wizard) -> App:
    """Find Tiki and its database; return the app of a config with nothing else in it."""
    from tikisync.config import URL_VARIABLE
    from tikisync.errors import TikisyncError
    from tikisync.pipeline import administer
    from tikisync.tiki import folders

    wizard.step("1. Your Tiki")
    found = folders.likely(Path.cwd())
    for folder in found:
        wizard.tell(f"   found {escape(str(folder))}")
    proposed = str(found[0]) if found else ""
    wizard.tiki["path"] = wizard.asker.value("Folder of your Tiki", wizard.given["tiki"], proposed, _folder)
    wizard.tiki["site"] = _site(wizard, Path(wizard.tiki["path"])) if wizard.tiki["path"] else ""
    question = "Its address in a browser, https://… (Enter if it has none yet)"
    wizard.server["public_url"] = wizard.asker.value(question, wizard.given["address"], "", _address)
    app = wizard.app()
    try:
        is_on = administer.webhooks_are_on(app.database, app.forced)
    except TikisyncError as error:
        if error.reason in ("database_away", "database_denied"):
            error.hint = (
                f"see whether Tiki itself works with what its db/local.php says; {URL_VARIABLE} names another "
                "server or user: mysql+pymysql://user:password@host/database"
            )
        raise
    wizard.tell(f"[green]✓[/green] connected to {escape(app.database.shown)}")
    if not is_on:
        where = wizard.where_in_tiki()
        wizard.tell(f"[yellow]![/yellow] webhooks are switched off in Tiki: switch them on at {escape(where)}")
    facts = {"config": str(wizard.config), "tiki": wizard.tiki["path"], "database": app.database.shown}
    wizard.report |= {**facts, "webhooks_are_on": is_on}
    return app


def _folder(answer: str) -> str:
    from tikisync.config import URL_VARIABLE
    from tikisync.errors import SetupError
    from tikisync.tiki import folders

    if answer:
        folder = Path(answer).expanduser().resolve()
        folders.require(folder)
        return str(folder)
    if os.environ.get(URL_VARIABLE):
        return ""  # Tiki's files are elsewhere
    hint = f"give the folder that holds tiki-index.php, or set {URL_VARIABLE} to its database"
    raise SetupError("no Tiki was found in the usual places", hint=hint)


def _site(wizard: Wizard, folder: Path) -> str:
    """Return the site of a MultiTiki, '' where the folder is that of one Tiki, and for the first of several."""
    from tikisync.tiki import folders

    given, sites = wizard.given["site"], folders.sites(folder)
    if not given and (folder / "db" / "local.php").exists():
        return ""
    return wizard.asker.one_of(f"Its site ({', '.join(sites)})", "--site", given, sites)


def _address(answer: str) -> str:
    from tikisync.config import web_address
    from tikisync.errors import SetupError

    try:
        return web_address(answer).rstrip("/") if answer else ""
    except ValueError as error:
        raise SetupError(f"{answer!r}: {error}") from None


def _set_up(wizard: Wizard, app: App) -> None:
    """Make our tables; where the database user may not, say what would let it."""
    from tikisync import inspection
    from tikisync.errors import SetupError
    from tikisync.pipeline import administer

    wizard.step("2. tikisync's own tables, in Tiki's database")
    try:
        done = list(administer.set_up(app.database))
    except SetupError as error:
        if error.reason != "database_denied" or app.database.is_sqlite:
            raise
        user, host = administer.account(app.database)
        statements = "\n".join(inspection.grants(app, user, host, setup=True))
        hint = f"let the database's administrator run this, then start `tikisync init` again:\n\n{statements}\n"
        raise SetupError(f"{user}@{host} may not make tikisync's tables: {error}", hint=hint) from None
    for each in done or ["all are there already"]:
        wizard.tell(f"[green]✓[/green] {each}")
    wizard.report["set_up"] = done


def _handlers(wizard: Wizard, app: App, *, wait: bool) -> Sequence[Handler]:
    """Return Tiki's handlers; where there is none, say how to make one, and wait for it where that is wanted."""
    from tikisync.pipeline import administer

    wizard.step("3. Webhook handlers, as Tiki has them")
    found = administer.handlers(app.database)
    if not found:
        wizard.tell(
            f"Tiki has none yet. As its administrator, at {escape(wizard.where_in_tiki())}, make one for the sender: a "
            "name such as Shop, the Tiki user it acts as, how the sender signs (hmac or base64 hmac, sha256), the "
            "header with the signature, the secret. `tikisync manual senders` says what to enter for over 50 services."
        )
        if wait or (not wizard.asker.yes and wizard.asker.agree("Wait until you have made it?")):
            wizard.tell("Waiting; Ctrl-C goes on without one.")
            found = _awaited(app)
    for number, each in enumerate(found, 1):
        signing = f"{each.verification}, {each.algo}, in {each.signature_header}"
        user = each.user if each.user_exists else f"{each.user} (missing)"
        wizard.tell(f"   {number:>3}  [bold]{escape(each.name)}[/bold], as {escape(user)}: {escape(signing)}")
    wizard.report["handlers"] = [each.name for each in found]
    return found


def _awaited(app: App) -> Sequence[Handler]:
    from tikisync.pipeline import administer

    try:
        while not (found := administer.handlers(app.database)):
            time.sleep(_PAUSE)
    except KeyboardInterrupt:
        return ()
    return found


def _write(wizard: Wizard, rules: Sequence[str]) -> None:
    from tikisync.cli.snippets import WEB_SERVERS

    wizard.step("5. The config file")
    proposed = wizard.given["web_server"] or ("nginx" if wizard.asker.yes else "")
    question = f"Web server in front of Tiki ({', '.join(WEB_SERVERS)}, none)"
    wizard.front = wizard.asker.one_of(question, "--web-server", proposed, [*WEB_SERVERS, "none"])
    wizard.config.write_text(wizard.draft(rules), encoding="utf-8")
    wizard.tell(f"[green]✓[/green] {escape(str(wizard.config))} is written; there is no password in it")


def _check(wizard: Wizard) -> int:
    """Tell what `tikisync check` finds; return its exit code."""
    from tikisync import inspection
    from tikisync.app import open_app
    from tikisync.cli.site import exit_code, tell_findings

    findings = inspection.check(open_app(wizard.config))
    wizard.report["findings"] = [asdict(each) for each in findings]
    if not wizard.silent:
        tell_findings(findings)
    return exit_code(findings)


def _around(wizard: Wizard) -> None:
    """Tell what belongs into the web server, systemd and the database, and how to go on."""
    from tikisync import inspection
    from tikisync.cli import snippets

    wizard.step("6. Around it")
    app = wizard.app()
    servers = {each: snippets.web_server(each, app.config.server) for each in snippets.WEB_SERVERS}
    unit = snippets.unit(wizard.config, snippets.reader_of(Path(wizard.tiki["path"] or wizard.config.parent)))
    grants = [] if app.database.is_sqlite else [_NEW_USER, *inspection.grants(app, "tikisync", "localhost")]
    wizard.report |= {**servers, "unit": unit, "grants": grants}
    for title, text in (
        (f"what lets {wizard.front} pass webhooks on from Tiki's own address", servers.get(wizard.front, "")),
        ("a systemd unit", unit),
        ("the GRANTs for a database user that may do only what tikisync does", "\n".join(grants)),
    ):
        if text and wizard.asker.agree(f"Show {title}?") and not wizard.silent:
            typer.echo(f"\n{text}")
    _say_next(wizard)


def _say_next(wizard: Wizard) -> None:
    wizard.step("Now")
    option = "" if wizard.config == DEFAULT_CONFIG else f" -c {wizard.config}"
    base = wizard.server["public_url"] or f"http://127.0.0.1:{wizard.server['port']}"
    steps = [f"tikisync serve{option}"]
    if wizard.first:
        steps.append(f"tikisync send {wizard.first}{option}    (in another terminal: makes a first item)")
    steps += [f"tikisync tail{option}", f"give the sender the address {base}/tiki-webhooks.php"]
    if wizard.is_made_up:
        learning = f"tikisync learn --delivery NUMBER --tracker {wizard.report['tracker']}{option}"
        steps.append(f"{learning}    (when its first webhook has come: a rule that fits what it sends)")
    wizard.report["next"] = steps
    for each in steps:
        wizard.tell(f"   {escape(each)}")
