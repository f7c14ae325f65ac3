"""``tikisync demo``: the whole way of a webhook, on a small Tiki made for it, in half a minute."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from tikisync.cli import output

if TYPE_CHECKING:
    from tikisync.app import App
    from tikisync.demo.story import Webhook

_LIMIT = 30  # seconds the demo waits for its service


def demo(keep: Annotated[bool, typer.Option("--keep", help="Keep the service running afterwards.")] = False) -> None:
    """Show what tikisync does: a small Tiki in SQLite, the real service, webhooks sent to it, the items they made."""
    from tikisync import logs

    logs.configure("ERROR")
    with tempfile.TemporaryDirectory(prefix="tikisync-demo-") as folder, _free_port() as (listener, port):
        app = _make_tiki(Path(folder), port)
        output.say(
            "[bold]A small Tiki in SQLite[/bold] with the trackers Orders and Enquiries and four webhook handlers."
        )
        with _running(app, listener):
            output.say(f"[bold]tikisync listens on http://127.0.0.1:{port}[/bold]; now webhooks arrive:\n")
            fates = _send_all(app, port)
            output.table("", ("webhook", "handler", "answer", "what became of it"), fates)
            _show_items(app)
            if keep:
                _until_interrupted(app.path)
    if not keep:
        _what_next()


def _make_tiki(folder: Path, port: int) -> App:
    from tikisync.app import open_app
    from tikisync.database import Database
    from tikisync.demo import site, story
    from tikisync.pipeline import administer

    url = f"sqlite:///{folder / 'tiki.db'}"
    database = Database(url)
    site.create(database, int(time.time()))
    administer.set_up(database)
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

    with Background(app, work=True) as background:
        web = application.create(app.receiver, app.config.server, ready=app.unready, stored=background.wake.set)
        running = server.Running(web, listener)
        try:
            running.wait_until_ready(_LIMIT)
            yield
        finally:
            running.stop()


def _send_all(app: App, port: int) -> list[tuple[str, str, str, str]]:
    from tikisync.demo.story import WEBHOOKS

    return [(webhook.title, webhook.handler, *_send(app, port, webhook)) for webhook in WEBHOOKS]


def _send(app: App, port: int, webhook: Webhook) -> tuple[str, str]:
    """Post one webhook as its sender would; return the answer and, once it is applied, what became of it."""
    from tikisync.cli.client import post
    from tikisync.core.verification import sign
    from tikisync.pipeline import administer

    handler = administer.handler(app.database, webhook.handler)
    body = json.dumps(webhook.body).encode()
    signature = sign(handler, body + b" " if webhook.forged else body)
    headers = {"Content-Type": "application/json", handler.signature_header: signature, **webhook.headers}
    known = len(administer.listing(app.database, None, None, 100))
    status, text = post(f"http://127.0.0.1:{port}/tiki-webhooks.php", body, headers)
    return f"{status} {text}", _fate(app, known, accepted=status == 200)


def _fate(app: App, known: int, *, accepted: bool) -> str:
    from tikisync.pipeline import administer

    if not accepted:
        return "refused: the signature is not that of the handler's secret; nothing was kept"
    for _ in range(_LIMIT * 50):
        found = administer.listing(app.database, None, None, 100)
        if len(found) == known:
            return "a duplicate: answered, counted, not applied again"
        if found[0].status != "pending":
            delivery, attempts = administer.delivery(app.database, found[0].delivery_id)
            return "; ".join(attempts[-1].wrote) or f"{delivery.status}: {delivery.reason}"
        time.sleep(0.02)
    return "still waiting"


def _show_items(app: App) -> None:
    from tikisync.demo import report

    for item in report.items(app.database):
        output.table(item.title, ("field", "value as Tiki stores it"), item.values)
        for line in item.history:
            output.say(f"  [dim]history:[/dim] {escape(line)}")
    output.say("")


def _what_next() -> None:
    output.say("[bold]Keep it running[/bold] and send your own: tikisync demo --keep")
    output.say("[bold]Your own Tiki[/bold]: copy config.example.ini to config.ini, name your Tiki's folder in it, then")
    output.say("  tikisync setup && tikisync check && tikisync serve")


def _until_interrupted(config: Path) -> None:
    try:
        output.say(f"The service keeps running; its config is [bold]{config}[/bold]. In another terminal, try:")
        output.say(f"""  echo '{{"name": "Me", "message": "Hello"}}' | tikisync send -c {config} "Contact form" -""")
        output.say(f"  tikisync inbox list -c {config}")
        output.say("Ctrl-C ends the demo and removes its files.")
        threading.Event().wait()
    except KeyboardInterrupt:
        output.say("The demo has ended.")
