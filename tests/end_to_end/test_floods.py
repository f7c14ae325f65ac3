"""The real program under floods: its memory stays bounded, and who signs is served beside them."""

from __future__ import annotations

import gzip
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from ipaddress import IPv6Address
from itertools import count, islice
from pathlib import Path

import pytest

from tests.databases import TikiDatabase
from tests.end_to_end.program import Service, free_port, running, until
from tests.end_to_end.test_commands import RULES
from tests.end_to_end.test_service import order, signed
from tikisync.core.payload import MAX_FORM_FIELDS
from tikisync.web.protocol import MAX_CONNECTIONS, BoundedProtocol

GROWTH = 80 << 20  # bytes; the floods below send or ask for far more than that
MANY = MAX_CONNECTIONS + 400
USUAL_FILES = 1024  # that a process may have open

POST = b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\n"
GET_FILE = b"GET /tikisync/static/htmx.min.js HTTP/1.1\r\nHost: x\r\n\r\n"

CONFIG = """
[server]
trusted_proxies = 127.0.0.1

[dashboard]
enabled = yes
"""

_numbers = count(1)


class Flooded:
    """The service, and connections to it that stay open until the end of the test."""

    def __init__(self, service: Service, stack: ExitStack) -> None:
        self.service = service
        self._stack = stack
        self._idle = self._memory("VmRSS")

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.service.port), timeout=20)
        return self._stack.enter_context(connection)

    def send(self, data: bytes) -> None:
        """Open a connection and send as much as is taken."""
        connection = self.connect()
        connection.settimeout(0.05)
        with suppress(OSError):
            connection.sendall(data)

    def ask(self, requests: Iterator[bytes]) -> None:
        """Send requests over one connection after the other, each with as many ahead as are taken; read the answers."""
        for first in requests:
            batch = [first, *islice(requests, BoundedProtocol.most_ahead - 1)]
            with socket.create_connection(("127.0.0.1", self.service.port), timeout=20) as connection:
                connection.sendall(b"".join(batch))
                answers = b""
                while answers.count(b"HTTP/1.1") < len(batch) and (packet := connection.recv(65536)):
                    answers += packet

    def assert_serves(self) -> None:
        body = order(next(_numbers))
        assert self.service.post(body, signed(body)) == (200, "ok")

    def assert_is_small(self) -> None:
        """Although it never gives back all that it once had."""
        assert self._memory("VmHWM") - self._idle < GROWTH

    def _memory(self, kind: str) -> int:
        status = Path(f"/proc/{self.service.process.pid}/status").read_text()
        return int(status.partition(f"{kind}:")[2].split()[0]) << 10


@pytest.fixture
def flooded(sqlite_tiki: TikiDatabase, tmp_path: Path) -> Iterator[Flooded]:
    """A service that may open as many files as usual, while we may open more."""
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    port = free_port()
    path = tmp_path / "config.ini"
    settings = CONFIG.replace("[server]", f"[server]\nport = {port}")
    path.write_text(f"[tiki]\nurl = {sqlite_tiki.url}\n{settings}\n{RULES}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL_FILES, hard))
    try:
        with running("serve", path, port) as service, ExitStack() as stack:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
            yield Flooded(service, stack)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def heads_that_do_not_end(flooded: Flooded) -> None:
    for _ in range(MANY):
        flooded.send(POST + b"X-Signature: ")


def bodies_that_do_not_end(flooded: Flooded) -> None:
    for _ in range(200):
        flooded.send(POST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 900_000)


def readers_that_do_not_read(flooded: Flooded) -> None:
    for _ in range(MAX_CONNECTIONS // 2):
        flooded.send(GET_FILE * BoundedProtocol.most_ahead)


def connections_that_only_idle(flooded: Flooded) -> None:
    for _ in range(MANY):
        connection = flooded.connect()
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(1)


def requests_far_ahead_of_their_answers(flooded: Flooded) -> None:
    for _ in range(30):
        flooded.send(b"GET /healthz HTTP/1.1\r\n\r\n" * 40_000)


def names_and_addresses_that_never_come_again(flooded: Flooded) -> None:
    flooded.ask(
        b"POST /webhooks/%b HTTP/1.1\r\nX-Forwarded-For: %b\r\nX-Signature: %d\r\nContent-Length: 0\r\n\r\n"
        % (os.urandom(12_000).hex().encode(), str(IPv6Address(number << 64)).encode(), number)
        for number in range(5_000)
    )


def headers_without_number(flooded: Flooded) -> None:
    for _ in range(200):
        flooded.send(POST + b"".join(b"X-%d: %b\r\n" % (number, b"x" * 600) for number in range(5_000)))


FLOODS = [
    heads_that_do_not_end, bodies_that_do_not_end, readers_that_do_not_read, connections_that_only_idle,
    requests_far_ahead_of_their_answers, names_and_addresses_that_never_come_again, headers_without_number,
]  # fmt: skip


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_beside_a_flood_signed_requests_are_served_in_little_memory(
    flooded: Flooded, flood: Callable[[Flooded], None]
) -> None:
    flooded.assert_serves()
    flood(flooded)
    flooded.assert_serves()
    flooded.assert_is_small()
    assert "Traceback" not in flooded.service.log.read_text()


def _bombs() -> dict[str, tuple[bytes, str, str]]:
    """Return bodies within the limit of a body, with their content type and encoding."""
    json, xml, form = "application/json", "application/xml", "application/x-www-form-urlencoded"
    entities = b"".join(b'<!ENTITY e%d "%b">' % (each, b"&e%d;" % (each - 1) * 10) for each in range(1, 9))
    return {
        "compressed a thousandfold": (gzip.compress(b" " * 100_000_000), json, "gzip"),
        "deeply nested": (b"[" * 500_000 + b"]" * 500_000, json, ""),
        "a number of a million digits": (b'{"id": 1' + b"0" * 1_000_000 + b"}", json, ""),
        "a number with a large exponent": (b'{"id": 1e999999999}', json, ""),
        "half a million values": (b"[" + b"0," * 500_000 + b"0]", json, ""),
        "entities of entities": (b'<!DOCTYPE x [<!ENTITY e0 "lol">' + entities + b"]><x>&e8;</x>", xml, ""),
        "deeply nested elements": (b"<a>" * 140_000 + b"</a>" * 140_000, xml, ""),
        "half a million fields": (b"a&" * 500_000, form, ""),
        "many parts": (
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * (MAX_FORM_FIELDS * 2) + b"--b--",
            "multipart/form-data; boundary=b", "",
        ),
    }  # fmt: skip


def test_signed_bodies_that_would_burst_memory_fail_by_themselves(flooded: Flooded, sqlite_tiki: TikiDatabase) -> None:
    bombs = _bombs()
    for body, kind, encoding in bombs.values():
        headers = {**signed(body), "Content-Type": kind, **({"Content-Encoding": encoding} if encoding else {})}
        assert flooded.service.post(body, headers) == (200, "ok")
    flooded.assert_serves()

    def outcomes() -> list[str]:
        with sqlite_tiki.transaction() as tx:
            return [str(row["status"]) for row in tx.all("SELECT status FROM tikisync_deliveries ORDER BY delivery_id")]

    until(lambda: outcomes() == [*["failed"] * len(bombs), "done"], flooded.service.log)
    flooded.assert_is_small()
    assert "Traceback" not in flooded.service.log.read_text()
