"""``scripts/bench receive``: tikisync's endpoint over a real database, next to an empty Starlette endpoint."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from tests import golden, servers, tiki_tables
from tests.benchmarks import load
from tests.benchmarks.endpoints import HANDLER, running
from tests.benchmarks.load import Figures
from tests.databases import ServerAdmin
from tikisync.core.verification import sign
from tikisync.database import Database
from tikisync.inbox import schema
from tikisync.tiki import handlers

EMPTY, TIKISYNC = "empty Starlette endpoint", "tikisync"


def measure(
    url: str, *, connections: int, seconds: int, rounds: int, body_size: int = 1024, client: str = ""
) -> Mapping[str, list[Figures]]:
    """Measure both endpoints in turn, ``rounds`` times; ``url`` is an empty database."""
    body = b'{"id": 7, "text": "' + b"x" * (body_size - 21) + b'"}'
    headers = {"Content-Type": "application/json", "User-Agent": "bench/1", **_signature(url, body)}
    figures: dict[str, list[Figures]] = {EMPTY: [], TIKISYNC: []}
    with running("empty") as empty, running("tikisync", url) as tikisync:
        for number in range(rounds + 1):
            for name, port in ((EMPTY, empty), (TIKISYNC, tikisync)):
                target = f"http://127.0.0.1:{port}/tiki-webhooks.php"
                took = 1 if number == 0 else seconds  # the first round only warms up
                measured = load.post(target, body, headers, connections=connections, seconds=took, client=client)
                if measured.failed:
                    raise RuntimeError(f"{measured.failed} of {measured.requests} requests to {name} failed")
                figures[name].append(measured)
    return {name: measured[1:] for name, measured in figures.items()}


def ratio(figures: Mapping[str, list[Figures]], name: str) -> float:
    """Return the requests per second of ``name`` as a share of the empty endpoint's in the same round, the median."""
    pairs = zip(figures[name], figures[EMPTY], strict=True)
    return median(own.per_second / yardstick.per_second for own, yardstick in pairs)


@contextmanager
def database() -> Iterator[tuple[str, str]]:
    """Yield the URL of an empty database on a server that keeps what it commits, else SQLite's, and what it is."""
    with ExitStack() as stack:
        try:
            server = servers.on_this_machine(os.environ, lambda _line: None)
        except servers.NoServerError:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tikisync-bench-"))
            yield f"sqlite:///{Path(folder) / 'bench.db'}", "SQLite"
            return
        stack.callback(server.stop)
        admin = ServerAdmin(server.url)
        admin.run("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        yield admin.create_database(), str(admin.run("SELECT VERSION() AS version")[0]["version"])
        admin.close()


def _signature(url: str, body: bytes) -> Mapping[str, str]:
    """Make a Tiki's tables and tikisync's; return the signature header for the handler that is measured."""
    opened = Database(url)
    with opened.transaction() as tx:
        tiki_tables.create(tx)
        golden.load(tx, golden.fixture()["rows"])
        schema.set_up(tx)
        handler = next(each for each in handlers.load(tx) if each.name == HANDLER)
    opened.close()
    return {handler.signature_header: sign(handler, body)}
