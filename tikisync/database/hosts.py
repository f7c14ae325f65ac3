"""Several hosts of one database, such as the nodes of a Galera cluster: whoever is fit to be used is connected to."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pymysql.constants import CLIENT
from pymysql.err import OperationalError
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url

from tikisync.database.bulk import DriverConnection
from tikisync.database.errors import PASSING

Address: TypeAlias = tuple[str, int]

_HOSTS = re.compile(r"([\w+]+://(?:[^:/]*(?::[^@]*)?@)?)([^/?]*)(.*)", re.DOTALL)
_RESTS = 30  # seconds for which a host that failed is tried last
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
_UNREADY = 1047  # of a Galera node that has lost its cluster or is being brought up to date
_UNFIT = {_UNREADY, 1053, 1290, 1836}  # shutting down, read only: another host may do better


def split(url: str | URL) -> Sequence[URL]:
    """Return a URL for each of the hosts, which are separated by commas; raises what ``make_url`` raises."""
    found = _HOSTS.fullmatch(url) if isinstance(url, str) else None
    if not found or "," not in found[2]:
        return [make_url(url)]
    each = [make_url(f"{found[1]}{host.strip()}{found[3]}") for host in found[2].split(",")]
    if not all(one.host for one in each):
        raise ValueError("a host between two commas has no name")
    return each


class Hosts:
    """The hosts in the order in which they are to be tried: as given, but those that failed lately come last."""

    def __init__(self, addresses: Sequence[Address], ticks: Callable[[], float] = time.monotonic) -> None:
        self._addresses, self._ticks = addresses, ticks
        self._rest_until: dict[Address, float] = {}

    def in_order(self) -> Sequence[Address]:
        """Return all of them; of those that failed lately the one first that did so first."""
        now = self._ticks()
        rests = {each: until for each, until in self._rest_until.items() if until > now}
        return sorted(self._addresses, key=lambda each: rests.get(each, 0))

    def failed(self, address: Address) -> None:
        """Note that a host is not fit to be used now."""
        self._rest_until[address] = self._ticks() + _RESTS

    def connect(self, connect: Callable[[Address], Any]) -> Any:
        """Return a connection to the first host that gives one; raise the driver's error where none does."""
        failures = []
        for address in self.in_order():
            try:
                return connect(address)
            except OperationalError as error:
                if error.args[0] not in PASSING or len(self._addresses) == 1:
                    raise
                self.failed(address)
                failures.append(f"{address[0]}:{address[1]} ({error.args[1]})")
        raise OperationalError(2003, f"none of the hosts in the URL can be used: {', '.join(failures)}")


def use(engine: Engine, urls: Sequence[URL]) -> None:
    """Let an engine for MySQL or MariaDB connect to the hosts of these URLs, and leave those that become unfit."""
    hosts = Hosts([(each.host or "localhost", each.port or 3306) for each in urls])

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        def to(address: Address) -> Any:
            host, port = address
            flags = parameters.get("client_flag", 0) | CLIENT.MULTI_STATEMENTS
            connection = DriverConnection(
                *arguments, **{**parameters, "host": host, "port": port, "client_flag": flags}
            )
            _notice_silence(connection._sock)
            _wait_for_other_nodes(connection)
            return connection

        return hosts.connect(to)

    @event.listens_for(engine, "handle_error")
    def leave(context: ExceptionContext) -> None:
        number = next(iter(getattr(context.original_exception, "args", ())), None)
        if number in _UNFIT and context.connection is not None and len(urls) > 1:
            connection = context.connection.connection.driver_connection
            assert connection is not None  # noqa: S101  a statement has just failed on it
            hosts.failed((connection.host, connection.port))
            context.is_disconnect = True  # and of all others in the pool, which are to the same host


def _notice_silence(connected: socket.socket) -> None:
    """Let a host that went away without a word, as in a power cut, be noticed in half a minute, not in two hours."""
    if connected.family == socket.AF_UNIX:
        return
    for name, value in _KEEPALIVE.items():
        if option := getattr(socket, name, None):  # the last is Linux's, see tcp(7)
            connected.setsockopt(socket.IPPROTO_TCP, option, value)


def _wait_for_other_nodes(connection: DriverConnection) -> None:
    """See to it that a node of a Galera cluster is ready, and shows what other nodes have committed before.

    See https://mariadb.com/docs/galera-cluster/reference/galera-cluster-system-variables (wsrep_sync_wait).
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
        if (cursor.fetchone() or ("", "OFF"))[1] != "ON":
            return
        connection.is_of_cluster = True
        cursor.execute("SHOW STATUS LIKE 'wsrep_ready'")
        if (cursor.fetchone() or ("", ""))[1] != "ON":
            connection.close()
            raise OperationalError(_UNREADY, "this node of a Galera cluster is not ready for use")
        cursor.execute("SET SESSION wsrep_sync_wait = @@wsrep_sync_wait | 1")
