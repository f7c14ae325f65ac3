"""What is put to the test: a private MariaDB, a Tiki's tables in it, and tikisync's processes around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from tests import golden, tiki_tables
from tests.chaos.mariadb import Node
from tests.chaos.processes import Program
from tests.databases import ServerAdmin
from tests.end_to_end.program import free_port
from tests.tcp_proxy import Proxy
from tikisync.database import Database
from tikisync.inbox import schema
from tikisync.inbox.spool import WAITING

PATIENCE = 60  # seconds for anything to start
LEASE = 5  # seconds
RULES = """
[rule order]
handler = Shop
when = body.kind == 'order'
tracker = Orders
key = orderId
field.orderId = body.id
field.orderTotal = {amount: body.total, currency: 'EUR'}
field.orderState = body.state
field.orderPlaced = body.placed

[rule company]
handler = Shop
when = body.company
tracker = Companies
field.companyName = body.company
"""


@dataclass
class Site:
    """The database's servers, a proxy before each, and tikisync's processes; ``url`` is root's, past the proxies."""

    folder: Path
    nodes: Sequence[Node]
    proxies: list[Proxy]
    serving: list[Program] = field(default_factory=list)
    working: list[Program] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)  # of those serving
    url: str = ""
    name: str = ""  # of the database

    @property
    def programs(self) -> list[Program]:
        """All of tikisync's processes."""
        return self.serving + self.working

    def fill(self, engine: str = "InnoDB") -> URL:
        """Make a Tiki's tables and tikisync's; return the URL as tikisync's own user."""
        admin = ServerAdmin(self.nodes[0].url)
        url = admin.create_database()
        self.name = str(make_url(url).database)
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        self.url = url.replace(f"127.0.0.1:{self.nodes[0].port}", hosts)
        database = Database(url)
        with database.transaction() as tx:
            tiki_tables.create(tx, engine=engine)
            golden.load(tx, golden.fixture()["rows"])
            schema.set_up(tx)
        database.close()
        return make_url(admin.create_service_user(url))

    def may_kill(self, node: Node) -> bool:
        """Tell whether a server may be killed: of a cluster one that has all others beside it."""
        return all(other is node or other.is_synced() for other in self.nodes)

    @property
    def spool(self) -> Path:
        """The folder in which deliveries wait, of all that serve, for they are on one machine."""
        return self.folder / "spool"

    def spool_waits(self) -> bool:
        """Tell whether deliveries wait there."""
        return (self.spool / WAITING).exists()

    def limit_spool(self, more: int | None) -> None:
        """Let the spool grow by no more than so many bytes; None: as it likes."""
        try:
            there = (self.spool / WAITING).stat().st_size
        except FileNotFoundError:
            there = 0
        for each in self.serving:
            each.limit_files() if more is None else each.limit_files(there + more)

    def add_programs(self, url: str) -> None:
        """Start a ``serve`` and a ``work`` that have the database at ``url``."""
        port = free_port()
        for command, programs in (("serve", self.serving), ("work", self.working)):
            config = self.folder / f"{command}{len(programs)}.ini"
            config.write_text(
                f"[tiki]\nurl = {url}\n\n[server]\nport = {port}\nspool = {self.spool}\n\n"
                f"[worker]\nlease = {LEASE} s\npoll = 200 ms\nfirst_delay = 100 ms\nlongest_delay = 2 s\n{RULES}"
            )
            programs.append(Program(command, config))
            programs[-1].start()
        self.ports.append(port)

    def stop(self) -> None:
        """End everything."""
        for program in self.programs:
            program.thaw()
            program.kill()
        for proxy in self.proxies:
            proxy.cut()
        for node in self.nodes:
            node.stop()


def alone(folder: Path, *, engine: str, flags: Sequence[str] = (), forbidden: bytes = b"") -> Site:
    """Return a site on one server, running: two ``serve``, two ``work``."""
    node = Node(folder / "mariadb", free_port(), flags)
    site = Site(folder, [node], [])
    with ended_on_failure(site):
        node.start()
        until(node.is_synced, node.told)
        site.proxies.append(Proxy("127.0.0.1", node.port, forbidden))
        url = site.fill(engine).set(port=site.proxies[0].port).render_as_string(hide_password=False)
        for _ in range(2):
            site.add_programs(url)
    return site


@contextmanager
def ended_on_failure(site: Site) -> Iterator[None]:
    """End all of a site where the block that makes it fails: a server that runs as somebody else would outlive us."""
    try:
        yield
    except BaseException:
        site.stop()
        raise


def until(holds: Callable[[], bool], told: Callable[[], str], patience: float = PATIENCE) -> None:
    """Wait until something is true; raise RuntimeError with what ``told`` says where it never is."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"it never came true: {told()}")
        time.sleep(0.1)
