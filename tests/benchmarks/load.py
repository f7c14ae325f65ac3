"""Load from another process: wrk where it is installed, else a client of our own, ``python -m tests.benchmarks.load``.

Both post one body over and over, each time with a delivery id of its own, and print their figures as a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from tikisync.cli import client

DELIVERY_ID = "X-Delivery-Id"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round measured; times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int  # answers other than 2xx and 3xx, and broken connections
    cpu: Mapping[str, float] = field(default_factory=dict)  # microseconds a request, by process, where it is known
    memory: float = 0  # the most that a process of the service has held, in MiB, where it is known

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return self.requests / self.seconds


def generator() -> str:
    """Return which of the two clients is used: ``wrk`` or ``python``."""
    return "wrk" if shutil.which("wrk") else "python"


def post(url: str, body: bytes, headers: Mapping[str, str], *, connections: int, seconds: int, by: str = "") -> Figures:
    """Post over ``connections`` connections for whole ``seconds``; return the figures."""
    flat = [text for pair in headers.items() for text in pair]
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        if (by or generator()) == "wrk":
            script = str(Path(__file__).with_name("post.lua"))
            options = [f"-c{connections}", f"-d{seconds}s", "--timeout=10s", "-s", script]
            command = ["wrk", "-t1", *options, url, "--", file.name, *flat]
        else:
            command = [sys.executable, "-m", __name__, url, str(connections), str(seconds), file.name, *flat]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    return Figures(**json.loads(done.stdout.strip().splitlines()[-1]))


def post_singly(url: str, body: bytes, headers: Mapping[str, str], *, connections: int, seconds: int) -> Figures:
    """Post as ``post`` does, but over a new connection each time, as PHP's own server wants it; slow."""
    started = time.perf_counter()

    def sender(_number: int) -> list[tuple[float, int]]:
        done = []
        while (sent := time.perf_counter()) < started + seconds:
            status, _ = client.post(url, body, headers)
            done.append((time.perf_counter() - sent, status))
        return done

    with ThreadPoolExecutor(connections) as pool:
        answers = sorted(chain.from_iterable(pool.map(sender, range(connections))))
    p50, p99 = (answers[int(len(answers) * share)][0] * 1000 for share in (0.5, 0.99))
    failed = sum(status >= 400 for _, status in answers)
    return Figures(len(answers), time.perf_counter() - started, p50, p99, failed)


class _Sender(asyncio.Protocol):
    """One connection: the next request goes out when the last one is answered."""

    def __init__(self, before: bytes, after: bytes, until: float, took: list[float], failed: list[bytes]) -> None:
        self._before, self._after = before + secrets.token_hex(6).encode(), after
        self._until, self._took, self._failed = until, took, failed
        self._sent = 0
        self._received = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if not separator or len(body) < length:
            return
        self._received = b""
        self._took.append(time.perf_counter() - self._since)
        if not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")):
            self._failed.append(head)
        if time.perf_counter() < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if time.perf_counter() < self._until:
            self._failed.append(b"the connection was lost")
        self.done.set_result(None)

    def _send(self) -> None:
        self._sent += 1
        self._since = time.perf_counter()
        self._transport.write(b"%b-%d%b" % (self._before, self._sent, self._after))


async def _main(url: str, connections: str, seconds: str, file: str, *flat: str) -> None:
    address, _, path = url.removeprefix("http://").partition("/")
    host, _, port = address.partition(":")
    body = Path(file).read_bytes()
    headers = "".join(f"{name}: {value}\r\n" for name, value in zip(flat[::2], flat[1::2], strict=True))
    before = f"POST /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(body)}\r\n{headers}{DELIVERY_ID}: "
    took: list[float] = []
    failed: list[bytes] = []
    started = time.perf_counter()
    until = started + float(seconds)
    loop = asyncio.get_running_loop()
    senders = [
        await loop.create_connection(
            lambda: _Sender(before.encode(), b"\r\n\r\n" + body, until, took, failed), host, int(port)
        )
        for _ in range(int(connections))
    ]
    await asyncio.gather(*(sender.done for _, sender in senders))
    elapsed = time.perf_counter() - started
    ordered = sorted(took) or [0.0]
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    figures = {"requests": len(took), "seconds": elapsed, "p50": p50, "p99": p99, "failed": len(failed)}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
