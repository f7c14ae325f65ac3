"""Receiving: tikisync over a real database, next to an empty Starlette endpoint and to programs that do the like."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests import golden, servers, tiki_tables
from tests.benchmarks import endpoints, load
from tests.benchmarks.endpoints import Endpoint
from tests.benchmarks.load import Figures
from tests.benchmarks.processes import cpu_seconds, peak_memory, until_idle
from tests.benchmarks.rounds import interleaved
from tests.databases import ServerAdmin
from tikisync.core.handlers import Handler
from tikisync.core.verification import sign
from tikisync.database import Database
from tikisync.inbox import schema
from tikisync.tiki import handlers

EMPTY, TIKISYNC = "empty Starlette endpoint", "tikisync"
REFUSING, FLOODED, WEBHOOK = "tikisync, refusing unsigned", "tikisync, amid unsigned", "adnanh/webhook"
TIKI = "Tiki's tiki-webhooks.php"

MARIADB_DEFAULTS = ("--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=128M")  # the tests have others


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """Makes empty databases; what it is, and its process (0: not known)."""

    create: Callable[[], str]
    version: str
    pid: int = 0


def measure(
    server: DatabaseServer,
    names: Sequence[str],
    *,
    connections: int,
    seconds: int,
    rounds: int,
    body_size: int = 1024,
    client: str = "",
    tiki: str = "",
) -> Mapping[str, Sequence[Figures]]:
    """Measure those of these variants that can be had, in turn; ``tiki`` is the URL of a Tiki with the same handler."""
    body = body_of(body_size)
    url = server.create()
    handler = make_site(url)
    unsigned = {"Content-Type": "application/json", "User-Agent": "bench/1"}
    signed = {**unsigned, handler.signature_header: sign(handler, body)}

    def posting(
        endpoint: Endpoint, headers: Mapping[str, str], watched: Mapping[str, int], *, fails: bool = False
    ) -> Callable[[int], Figures]:
        def post(seconds: int) -> Figures:
            before = _cpu(watched)
            figures = load.post(endpoint.url, body, headers, connections=connections, seconds=seconds, by=client)
            if (figures.failed != figures.requests) if fails else figures.failed:
                raise RuntimeError(f"{figures.failed} of {figures.requests} requests to {endpoint.url} failed")
            until_idle(endpoint.pid)  # adnanh/webhook answers before it runs the command
            cpu = {name: (after - before[name]) / figures.requests * 1e6 for name, after in _cpu(watched).items()}
            return replace(figures, cpu=cpu, memory=peak_memory(endpoint.pid))

        return post

    with ExitStack() as stack:
        variants: dict[str, Callable[[int], Figures]] = {}
        if EMPTY in names:
            variants[EMPTY] = posting(empty := stack.enter_context(endpoints.empty()), signed, {"service": empty.pid})
        if {TIKISYNC, REFUSING, FLOODED} & set(names):
            own = stack.enter_context(endpoints.tikisync(url))
            watched = {"service": own.pid, "database": server.pid}
            kinds = {
                TIKISYNC: posting(own, signed, watched),
                REFUSING: posting(own, unsigned, watched, fails=True),
                FLOODED: _while(posting(own, unsigned, {}, fails=True), posting(own, signed, {})),
            }
            variants |= {name: kinds[name] for name in names if name in kinds}
        if WEBHOOK in names and endpoints.has_webhook_program():
            program = stack.enter_context(endpoints.webhook_program(handler.signature_header, handler.secret))
            variants[WEBHOOK] = posting(program, signed, {"service": program.pid})
        if tiki:
            variants[TIKI] = lambda seconds: load.post_singly(
                tiki, body, signed, connections=connections, seconds=seconds
            )
        return interleaved(variants, rounds=rounds, seconds=seconds)


def body_of(size: int) -> bytes:
    """Return a JSON body of so many bytes, 32 at least."""
    return b'{"id": 7, "text": "' + b"x" * (size - 21) + b'"}'


def make_site(url: str) -> Handler:
    """Make a Tiki's tables and tikisync's in an empty database; return the handler that is measured."""
    opened = Database(url)
    with opened.transaction() as tx:
        tiki_tables.create(tx)
        golden.load(tx, golden.fixture()["rows"])
        schema.set_up(tx)
        handler = next(each for each in handlers.load(tx) if each.name == endpoints.HANDLER)
    opened.close()
    return handler


@contextmanager
def database_server(settings: Sequence[str] = ()) -> Iterator[DatabaseServer]:
    """Yield a server of this machine's programs that keeps what it commits, else SQLite.

    Its ``settings`` are MariaDB's defaults unless they are given, such as ``innodb-buffer-pool-size=2G``.
    """
    with ExitStack() as stack:
        try:
            server = servers.on_this_machine(
                os.environ, lambda _line: None, *MARIADB_DEFAULTS, *(f"--{each}" for each in settings)
            )
        except servers.NoServerError:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tikisync-bench-")))
            yield DatabaseServer(lambda: f"sqlite:///{folder / secrets.token_hex(4)}.db", "SQLite")
            return
        stack.callback(server.stop)
        admin = ServerAdmin(server.url)
        stack.callback(admin.close)
        [told] = admin.run("SELECT VERSION() AS version, @@pid_file AS file")
        yield DatabaseServer(admin.create_database, str(told["version"]), int(Path(told["file"]).read_text()))


def _cpu(watched: Mapping[str, int]) -> Mapping[str, float]:
    """Return the CPU seconds so far of what can be looked at."""
    return {name: cpu_seconds(pid) for name, pid in watched.items() if pid}


def _while(background: Callable[[int], Figures], measured: Callable[[int], Figures]) -> Callable[[int], Figures]:
    """Return what measures one load while another one, as long, goes on."""

    def both(seconds: int) -> Figures:
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(background, seconds)
            figures = measured(seconds)
            other.result()
        return figures

    return both
