"""``tikisync demo``: the whole way of a webhook, on a small Tiki made for it, in a few seconds."""

from __future__ import annotations

import json as json_format
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tikisync.cli import output
from tikisync.cli.options import AsJson
from tikisync.cli.output import escape

if TYPE_CHECKING:
    from tikisync.app import App
    from tikisync.demo.report import ShownItem
    from tikisync.demo.story import Webhook

_LIMIT = 30  # seconds the demo waits for its service


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one webhook."""

    webhook: str
    handler: str
    answer: str
    became: str


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep the service running afterwards.")] = False,
    json: AsJson = False,
) -> None:
    """Show what tikisync does: a small Tiki in SQLite, the real service, webhooks sent to it, the items they made."""
    from tikisync import logs
    from tikisync.demo import report
    from tikisync.demo.story import WEBHOOKS

    logs.configure("ERROR")
    with tempfile.TemporaryDirectory(prefix="tikisync-demo-") as folder, _free_port() as (listener, port):
        password = secrets.token_hex(4)
        app = _make_tiki(Path(folder), port, password)
        if not json:
            output.say(
                "[bold]A small Tiki in SQLite[/bold]: two trackers, Orders and Enquiries, and four webhook handlers."
            )
            output.say(f"[bold]tikisync listens on http://127.0.0.1:{port}[/bold]; now webhooks arrive:\n")
        with _running(app, listener):
            fates = [_send(app, port, webhook) for webhook in WEBHOOKS]
            items = report.items(app.database)
            if json:
                output.as_json(
                    {"webhooks": [asdict(each) for each in fates], "items": [asdict(each) for each in items]}
                )
            else:
                _show(fates, items)
            if keep:
                _until_interrupted(app.path, port, password)
    if not (keep or json):
        _say_what_next()


def _make_tiki(folder: Path, port: int, password: str) -> App:
    from tikisync.app import open_app
    from tikisync.database import Database
    from tikisync.demo import site, story
    from tikisync.pipeline import administer

    url = f"sqlite:///{folder / 'tiki.db'}"
    database = Database(url)
    site.create(database, int(time.time()), password)
    list(administer.set_up(database))
    database.close()
    path = folder / "config.ini"
    path.write_text(story.CONFIG.format(url=url, port=port), encoding="utf-8")
    return open_app(path)


@contextmanager
def _free_port() -> Iterator[tuple[socket.socket, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener, listener.getsockname()[1]


@contextmanager
def _running(app: App, listener: socket.socket) -> Iterator[None]:
    """Run the real service in threads of this process."""
    from tikisync.cli.running import Background
    from tikisync.web import application, server

    with Background(app, app.worker(), receive=True) as background:
        web = application.of_app(app, background.wake.set)
        running = server.Running(web, listener)
        try:
            running.wait_until_ready(_LIMIT)
            yield
        finally:
            running.stop()


def _send(app: App, port: int, webhook: Webhook) -> _Fate:
    """Post one webhook as its sender would, and wait until it is applied."""
    from tikisync.cli.client import post
    from tikisync.core.verification import sign
    from tikisync.pipeline import administer

    handler = administer.handler(app.database, webhook.handler)
    body = json_format.dumps(webhook.body).encode()
    signature = sign(handler, body + b" " if webhook.forged else body)
    headers = {"Content-Type": "application/json", handler.signature_header: signature, **webhook.headers}
    known = len(administer.listing(app.database, None, None, 100))
    status, text = post(f"http://127.0.0.1:{port}/tiki-webhooks.php", body, headers)
    return _Fate(webhook.title, handler.name, f"{status} {text}", _became(app, known, accepted=status == 200))


def _became(app: App, known: int, *, accepted: bool) -> str:
    from tikisync.pipeline import administer

    if not accepted:
        return "refused: the signature is not that of the handler's secret; nothing was kept"
    deadline = time.monotonic() + _LIMIT
    while time.monotonic() < deadline:
        newest = administer.listing(app.database, None, None, 100)
        if len(newest) == known:
            return "a duplicate: answered, counted, not applied again"
        if newest[0].status != "pending":
            delivery, attempts = administer.delivery(app.database, newest[0].delivery_id)
            return "; ".join(attempts[-1].wrote) or f"{delivery.status}: {delivery.reason}"
        time.sleep(0.02)
    return "still waiting"


def _show(fates: Sequence[_Fate], items: Sequence[ShownItem]) -> None:
    rows = [(fate.webhook, fate.handler, fate.answer, fate.became) for fate in fates]
    output.table("", ("webhook", "handler", "answer", "what became of it"), rows)
    for item in items:
        output.table(item.title, ("field", "value as Tiki stores it"), item.values)
        for line in item.history:
            output.say(f"  [dim]history:[/dim] {escape(line)}")
    output.say("")


def _say_what_next() -> None:
    output.say("[bold]Keep it running[/bold] and send your own: tikisync demo --keep")
    output.say("[bold]Your own Tiki[/bold]: `tikisync init` sets it up; then")
    output.say("  tikisync check && tikisync serve")


def _until_interrupted(config: Path, port: int, password: str) -> None:
    try:
        output.say(
            f"The dashboard is at [bold]http://127.0.0.1:{port}/tikisync/[/bold]: login admin, password {password}"
        )
        output.say(f"The service keeps running; its config is [bold]{config}[/bold]. In another terminal, try:")
        output.say(f"""  echo '{{"name": "Me", "message": "Hello"}}' | tikisync send -c {config} "Contact form" -""")
        output.say(f"  tikisync inbox list -c {config}")
        output.say("Ctrl-C ends the demo and removes its files.")
        threading.Event().wait()
    except KeyboardInterrupt:
        output.say("The demo has ended.")
