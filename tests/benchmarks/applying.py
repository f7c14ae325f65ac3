"""Applying: deliveries made into tracker items by ``tikisync work``, next to the mariadb client fed with the same rows.

The client gets the rows of each item as SQL, with the look-up by key before them, a statement for each table. And end
to end: from the POST to the item's rows, at a steady pace.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from tests import servers
from tests.benchmarks import endpoints
from tests.benchmarks.load import DELIVERY_ID, Figures
from tests.benchmarks.processes import cpu_seconds, peak_memory, until_idle
from tests.benchmarks.receive import DatabaseServer, make_site
from tests.end_to_end.program import Service, running, until
from tikisync.cli.client import post
from tikisync.core.verification import sign
from tikisync.database import Database
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import Arrival

CLIENT, CLIENT_SINGLY = "mariadb client, 50 at a time", "mariadb client, one by one"
NEW, UPDATES, SINGLY = "new items", "updates", "new items one by one"
SEVERAL = "new items, several processes"
BESIDE = {SINGLY: CLIENT_SINGLY, SEVERAL: NEW}  # what each is compared with, unless it is the first
POST_TO_ROWS = "from POST to rows"
PACE = 50  # requests a second, end to end

_PATIENCE = 600  # seconds
_KEY = "orderId"
_CONFIG = """
[tiki]
url = {url}
[worker]
poll = 100 ms
batch = {batch}
"""
_RULE = f"""
[rule order]
handler = {endpoints.HANDLER}
tracker = Orders
key = {_KEY}
field.{_KEY} = body.id
field.orderTotal = {{amount: body.total, currency: 'EUR'}}
field.orderState = 'open'
"""


def measure(server: DatabaseServer, *, items: int, rounds: int, processes: int) -> Mapping[str, Sequence[Figures]]:
    """Apply so many deliveries in each of the ways, each round in fresh databases; in one of them by ``processes``."""
    figures: dict[str, list[Figures]] = defaultdict(list)
    with_client = bool(shutil.which("mariadb")) and not server.create().startswith("sqlite")
    for _ in range(rounds):
        with _site(server) as site:
            before = _rows(site)
            new = _applied(server, site, items, total=1)
            rows = _new_rows(before, _rows(site))
            updates = _applied(server, site, items, total=2)
        if with_client:
            figures[CLIENT].append(_fed(server, rows, together=50))
            figures[CLIENT_SINGLY].append(_fed(server, rows, together=1))
        figures[NEW].append(new)
        figures[UPDATES].append(updates)
        for name, options in ((SINGLY, {"batch": 1}), (SEVERAL, {"processes": processes})):
            with _site(server) as site:
                figures[name].append(_applied(server, site, items, total=1, **options))
    return figures


def end_to_end(server: DatabaseServer, *, seconds: int, rounds: int) -> Mapping[str, Sequence[Figures]]:
    """Post orders at a steady pace; tell how long it took from each POST until the item's rows were to be seen."""
    url = server.create()
    handler = make_site(url)
    database = Database(url)
    figures: list[Figures] = []
    with endpoints.tikisync(url, worker=True, more=_RULE) as endpoint:
        for turn in range(rounds + 1):  # the first warms up
            took: list[float] = []
            started = time.perf_counter()
            for number in range((seconds if turn else 1) * PACE):
                time.sleep(max(0, started + number / PACE - time.perf_counter()))
                order = f"E-{turn}-{number}"
                body = json.dumps({"id": order, "total": 5}).encode()
                headers = {"Content-Type": "application/json", handler.signature_header: sign(handler, body)}
                posted = time.perf_counter()
                status, text = post(endpoint.url, body, {**headers, DELIVERY_ID: order})
                if status != 200:
                    raise RuntimeError(f"{endpoint.url} answered {status} {text}")
                _until_seen(database, order)
                took.append(time.perf_counter() - posted)
            p50, p99 = (sorted(took)[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
            elapsed, memory = time.perf_counter() - started, peak_memory(endpoint.pid)
            figures.append(Figures(len(took), elapsed, p50, p99, failed=0, memory=memory))
    database.close()
    return {POST_TO_ROWS: figures[1:]}


def _until_seen(database: Database, order: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    sql = "SELECT itemId FROM tiki_tracker_item_fields WHERE value = :value LIMIT 1"
    with database.at_once() as tx:
        while not tx.value(sql, value=order):
            if time.monotonic() > deadline:
                raise RuntimeError(f"no item {order} was made")
            time.sleep(0.0005)


@contextmanager
def _site(server: DatabaseServer) -> Iterator[Database]:
    url = server.create()
    make_site(url)
    database = Database(url)
    yield database
    database.close()


def _applied(
    server: DatabaseServer, site: Database, items: int, *, total: int, batch: int = 50, processes: int = 1
) -> Figures:
    """Let workers apply so many orders; those of a later call on the same site update the items of the first."""
    with tempfile.TemporaryDirectory(prefix="tikisync-bench-") as folder, ExitStack() as stack:
        workers = [stack.enter_context(_worker(site, Path(folder) / f"{n}.ini", batch)) for n in range(processes)]
        pids = {f"service {number}": each.process.pid for number, each in enumerate(workers)}
        for worker in workers:
            until(worker.workers, worker.log)
            until_idle(worker.process.pid)  # it has started, and looks for work
        spent = {name: cpu_seconds(pid) for name, pid in {**pids, "database": server.pid}.items() if pid}
        bodies = [json.dumps({"id": f"A-{number}", "total": total}).encode() for number in range(items)]
        with site.transaction() as tx:
            newest = int(tx.value("SELECT MAX(delivery_id) FROM tikisync_deliveries") or 0)
            deliveries.add(tx, [_arrival(body) for body in bodies])
        seconds = _until_done(site, newest, items)
        cpu = {name: cpu_seconds(pid) - spent[name] for name, pid in {**pids, "database": server.pid}.items() if pid}
        memory = max(peak_memory(pid) for pid in pids.values())
    costs = {"service": sum(cpu[name] for name in pids), **{n: each for n, each in cpu.items() if n not in pids}}
    each = 1000 * seconds / items
    costs = {name: own / items * 1e6 for name, own in costs.items()}
    return Figures(items, seconds, each, each, failed=0, cpu=costs, memory=memory)


@contextmanager
def _worker(site: Database, config: Path, batch: int) -> Iterator[Service]:
    url = site._url.render_as_string(hide_password=False)
    config.write_text(_CONFIG.format(url=url, batch=batch) + _RULE)
    with running("work", config) as service:
        yield service


def _until_done(site: Database, newest: int, items: int) -> float:
    """Wait until all deliveries after the newest one so far are done; return the seconds from the first to the last."""
    deadline = time.monotonic() + _PATIENCE
    sql = (
        "SELECT COUNT(*) AS number, MIN(started_at) AS began, MAX(finished_at) AS ended FROM tikisync_attempts "
        "WHERE delivery_id > :newest AND outcome = 'done'"
    )
    while time.monotonic() < deadline:
        with site.transaction() as tx:
            found = tx.first(sql, newest=newest)
        if found and found["number"] == items:
            return max(1, int(found["ended"]) - int(found["began"])) / 1000
        time.sleep(0.1)
    raise RuntimeError(f"not all of {items} deliveries were applied: {found}")


def _arrival(body: bytes) -> Arrival:
    headers = "content-type: application/json"
    handler = endpoints.HANDLER
    return Arrival(1, handler, "hook", "POST", endpoints.HOOK, "", "192.0.2.7", 0, headers, body, None, None)


Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def _rows(site: Database) -> Rows:
    """Return the rows that belong to items, by table."""
    tables = ("tiki_tracker_items", "tiki_tracker_item_fields", "tiki_actionlog", "tiki_queue")
    with site.transaction() as tx:
        return {table: [dict(row) for row in tx.all(f"SELECT * FROM `{table}`")] for table in tables}


def _new_rows(before: Rows, after: Rows) -> Mapping[int, Rows]:
    """Return what came, by item and table."""
    by_item: dict[int, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for table, rows in after.items():
        for row in rows:
            if row not in before[table]:
                item = row.get("itemId") or row.get("object") or json.loads(row["message"])["object_id"]
                by_item[int(item)][table].append(row)
    return by_item


def _fed(server: DatabaseServer, items: Mapping[int, Rows], *, together: int) -> Figures:
    """Feed the rows to the client, those of so many items in a transaction."""
    with _site(server) as site:
        url = site._url
        sql = "".join(_statements(url, items, together))
        command = ["mariadb", f"-h{url.host}", f"-P{url.port}", f"-u{url.username}", str(url.database)]
        environment = {"MYSQL_PWD": str(url.password or ""), "PATH": "/usr/bin:/bin"}
        spent, started = cpu_seconds(server.pid), time.perf_counter()
        subprocess.run(
            [*command, "--default-character-set=utf8mb4"],
            input=sql.encode(),
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - started
    each = 1000 * seconds / len(items)
    figures = Figures(len(items), seconds, each, each, failed=0)
    return replace(figures, cpu={"database": (cpu_seconds(server.pid) - spent) / len(items) * 1e6} if spent else {})


def _statements(url: Any, items: Mapping[int, Rows], together: int) -> Iterator[str]:
    """Yield the SQL: of each item the look-up by key, a multi-row insert for each table, and the tracker's counter."""
    connection = servers.connect(make_url(url))
    escape: Callable[[Any], str] = connection.escape
    for number, rows in enumerate(items.values()):
        yield "BEGIN;\n" if number % together == 0 else ""
        [item], fields = rows["tiki_tracker_items"], rows["tiki_tracker_item_fields"]
        key = min(fields, key=lambda row: int(row["fieldId"]))
        yield (
            "SELECT i.itemId FROM tiki_tracker_items i JOIN tiki_tracker_item_fields f ON f.itemId = i.itemId "
            f"WHERE i.trackerId = {item['trackerId']} AND f.fieldId = {key['fieldId']} "
            f"AND f.value = {escape(key['value'])};\n"
        )
        for table, own in rows.items():
            values = ",".join(escape(tuple(row.values())) for row in own)
            yield f"INSERT INTO `{table}` VALUES {values};\n"
        yield f"UPDATE tiki_trackers SET items = items + 1 WHERE trackerId = {item['trackerId']};\n"
        yield "COMMIT;\n" if (number + 1) % together == 0 or number + 1 == len(items) else ""
    connection.close()
