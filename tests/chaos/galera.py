"""Three nodes of a MariaDB Galera cluster on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tests import servers
from tests.chaos.mariadb import Node
from tests.chaos.site import Site, ended_on_failure, until
from tests.end_to_end.program import free_port
from tests.tcp_proxy import Proxy

PACKAGES = ("galera-4", "mariadb-server", "rsync")
PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
_NODES = 3
_QUICK = (  # a node that is gone is left out after two seconds, not five
    "evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.inactive_check_period=PT0.5S;evs.keepalive_period=PT0.5S;"
    "gcache.size=32M"
)


class GaleraNode(Node):
    """A node of a cluster."""

    def __init__(self, folder: Path, port: int, flags: Sequence[str]) -> None:
        super().__init__(folder, port, flags)
        if os.geteuid() == 0:  # rsync does not bring another node's files to root
            folder.parent.chmod(0o755)
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, "mysql", "mysql")
            self._command[self._command.index("--user=root")] = "--user=mysql"

    def is_synced(self) -> bool:
        """Tell whether it is up to date with the others."""
        try:
            connection = servers.connect(self.url)
        except servers.NoServerError:
            return False
        with connection, connection.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE 'wsrep_local_state_comment'")
            found = cursor.fetchone()
            return found is not None and found["Value"] == "Synced"


def provider(say: Callable[[str], None], programs: Sequence[str] = ("wsrep_sst_rsync", "rsync")) -> str:
    """Return the path of Galera's library; it and the programs a node needs to bring another up to date are installed
    from Debian where that is allowed. Raises NoServerError.
    """
    if not all(map(shutil.which, programs)) or not any(map(os.path.exists, PROVIDERS)):
        packages = PACKAGES if programs else PACKAGES[:1]
        say(f"installing {' and '.join(packages)}")
        servers.install(os.environ, *packages)
    return next(path for path in PROVIDERS if Path(path).exists())


def cluster(folder: Path, say: Callable[[str], None]) -> Site:
    """Return a site on three nodes, running: each with a ``serve`` and a ``work`` that can turn to all."""
    library = provider(say)
    group = [free_port() for _ in range(_NODES)]  # where the nodes speak to each other
    nodes = [GaleraNode(folder / f"node{n}", free_port(), flags(n, group, library)) for n in range(_NODES)]
    site = Site(folder, nodes, [])
    with ended_on_failure(site):
        nodes[0].start("--wsrep-new-cluster")
        until(nodes[0].is_synced, nodes[0].told)
        for node in nodes[1:]:
            node.start()
            until(node.is_synced, node.told)
        site.proxies += [Proxy("127.0.0.1", node.port) for node in nodes]
        url = site.fill()
        for n in range(_NODES):
            hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in (*site.proxies[n:], *site.proxies[:n]))
            written = url.render_as_string(hide_password=False)
            site.add_programs(written.replace(f"{url.host}:{url.port}", hosts))
    return site


def flags(number: int, group: Sequence[int], library: str) -> list[str]:
    """Return the flags of the n-th node of a cluster whose nodes speak to each other on the ports of ``group``."""
    listen = f"gmcast.listen_addr=tcp://127.0.0.1:{group[number]};ist.recv_addr=127.0.0.1:{free_port()}"
    return [
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
        "--wsrep-on=ON",
        f"--wsrep-provider={library}",
        "--wsrep-cluster-name=tikisync",
        f"--wsrep-node-name=node{number}",
        "--wsrep-node-address=127.0.0.1",
        f"--wsrep-cluster-address=gcomm://{','.join(f'127.0.0.1:{port}' for port in group)}",
        "--wsrep-sst-method=rsync",
        f"--wsrep-sst-receive-address=127.0.0.1:{free_port()}",
        f"--wsrep-provider-options={listen};{_QUICK}",
    ]
