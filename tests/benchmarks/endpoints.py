"""The servers that are measured, each a process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests import servers
from tests.benchmarks.load import DELIVERY_ID
from tests.end_to_end.program import free_port

HANDLER = "Forge"  # one of the recorded Tiki's handlers
HOOK = "/tiki-webhooks.php"
_ROOT = Path(__file__).parents[2]
_PATIENCE = 30  # seconds

# The product with everything on: live handlers, protection from duplicates, headers and body kept, metrics, its log.
_CONFIG = """
[tiki]
url = {url}
[server]
port = {port}
[worker]
enabled = {worker}
[handler Forge]
delivery_id = {delivery_id}
duplicates = id
{more}
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A running server: where it takes webhooks, and its process (0: not ours)."""

    url: str
    pid: int = 0


@contextmanager
def empty() -> Iterator[Endpoint]:
    """Run the yardstick, an endpoint of Starlette with nothing to do."""
    port = free_port()
    with _process([sys.executable, "-m", __name__, str(port)], port, HOOK) as endpoint:
        yield endpoint


@contextmanager
def tikisync(url: str, *, worker: bool = False, more: str = "") -> Iterator[Endpoint]:
    """Run ``tikisync serve`` over a database, with ``more`` sections in its config."""
    port = free_port()
    facts = {"url": url, "port": port, "worker": "yes" if worker else "no", "more": more}
    with tempfile.TemporaryDirectory(prefix="tikisync-bench-") as folder:
        config = Path(folder) / "config.ini"
        config.write_text(_CONFIG.format(delivery_id=DELIVERY_ID, **facts))
        with _process([sys.executable, "-m", "tikisync", "serve", "-c", str(config)], port, HOOK) as endpoint:
            yield endpoint


@contextmanager
def webhook_program(header: str, secret: str) -> Iterator[Endpoint]:
    """Run adnanh/webhook with a rule on the HMAC of the body and a command that does nothing."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tikisync-bench-") as folder:
        hooks = Path(folder) / "hooks.json"
        place = f'{{"source": "header", "name": "{header}"}}'
        rule = f'{{"match": {{"type": "payload-hmac-sha256", "secret": "{secret}", "parameter": {place}}}}}'
        hooks.write_text(f'[{{"id": "hook", "execute-command": "/bin/true", "trigger-rule": {rule}}}]')
        command = ["webhook", "-hooks", str(hooks), "-ip", "127.0.0.1", "-port", str(port), "-urlprefix", ""]
        with _process(command, port, "/hook") as endpoint:
            yield endpoint


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections at a port of the loopback address."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def has_webhook_program() -> bool:
    """Tell whether adnanh/webhook is there, installed from Debian if need be; that takes root."""
    if not shutil.which("webhook") and os.geteuid() == 0 and shutil.which("apt-get"):
        with suppress(servers.NoServerError):
            servers.install(os.environ, "webhook")
    return bool(shutil.which("webhook"))


@contextmanager
def _process(command: Sequence[str], port: int, path: str) -> Iterator[Endpoint]:
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + _PATIENCE
            while not listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{' '.join(command)} did not start")
                time.sleep(0.02)
            yield Endpoint(f"http://127.0.0.1:{port}{path}", process.pid)
        finally:
            process.terminate()


def _serve_nothing(port: int) -> None:
    async def hook(_request: Request) -> Response:
        return PlainTextResponse("ok")

    starlette = Starlette(routes=[Route(HOOK, hook, methods=["POST"])])
    uvicorn.run(starlette, host="127.0.0.1", port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    _serve_nothing(int(sys.argv[1]))
