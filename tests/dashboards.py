"""A running service with its dashboard over a Tiki in SQLite, with deliveries in its inbox, for tests."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from tests import leaks
from tests.arrivals import arrival
from tikisync.app import App, open_app
from tikisync.core.verification import sign
from tikisync.database import Database
from tikisync.inbox import deliveries
from tikisync.pipeline import administer
from tikisync.web import application, server

PASSWORD = leaks.secret("a good pässword")
TOKEN = leaks.secret("very-secret")
TIKI = "https://tiki.example/"

CONFIG = """
[server]
metrics = loopback

[dashboard]
enabled = yes
tiki_url = https://tiki.example

[rule order]
handler = Shop
when = body.kind == 'order'
tracker = Orders
key = orderId
field.orderId = body.id
field.orderTotal = {amount: body.total, currency: 'EUR'}
field.orderState = body.state

[rule refund]
handler = Shop
when = body.kind == 'refund'
tracker = Orders
key = orderId
field.orderId = body.id
field.orderNowhere = 'refunded'
"""


@dataclass
class Site:
    """A running service: its address, and the app behind it."""

    app: App
    url: str

    @property
    def database(self) -> Database:
        """The Tiki's database."""
        return self.app.database

    def work(self) -> None:
        """Apply everything that is due."""
        worker = self.app.worker()
        while worker.run_once():
            pass


def order(number: int, kind: str = "order", state: object = "open") -> bytes:
    """Return a shop's payload."""
    return json.dumps({"kind": kind, "id": f"A-{number}", "total": 36, "state": state}).encode()


@contextmanager
def running(database: Database, folder: Path, config: str = CONFIG, port: int = 0) -> Iterator[Site]:
    """Serve a Tiki on a port of this machine; its admin has PASSWORD, and deliveries of all kinds are there.

    1 an order, done; 2 of another kind, ignored; 3 a state that there is not, failed; 4 a field that there is not,
    failed; 5 just received.
    """
    path = folder / "config.ini"
    path.write_text(f"[tiki]\nurl = {database.shown}\n{config}", encoding="utf-8")
    app = open_app(path)
    now = int(time.time())
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    with app.database.transaction() as tx:
        tx.update("users_users", {"login": "admin"}, {"hash": hashed, "pass_confirm": now})
    site = Site(app, "")
    bodies = (order(1), order(2, "odd"), order(3, state="molten"), order(4, "refund"))
    for number, body in enumerate(bodies, 1):
        store(site, body, now * 1000 - (90 - number) * 20_000)
    site.work()
    store(site, order(5), now * 1000 - 5000)
    with server.listen("127.0.0.1", port) as listener:
        site.url = f"http://127.0.0.1:{listener.getsockname()[1]}/tikisync"
        running_server = server.Running(application.of_app(app, lambda: None), listener)
        try:
            running_server.wait_until_ready()
            yield site
        finally:
            running_server.stop()
            app.database.close()


def store(site: Site, body: bytes, received_at: int) -> None:
    """Put a delivery of the shop into the inbox, as if it had come and been verified."""
    handler = administer.handler(site.database, "Shop")
    headers = (
        ("content-type", "application/json"),
        ("user-agent", "Shop/1.0"),
        ("authorization", f"Bearer {TOKEN}"),
        (handler.signature_header.lower(), leaks.secret(sign(handler, body))),
    )
    with site.database.transaction() as tx:
        kept = arrival(handler="Shop", user=handler.user, body=body, headers=headers, received_at=received_at)
        deliveries.add(tx, [kept])
