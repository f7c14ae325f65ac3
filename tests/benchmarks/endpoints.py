"""The servers that are measured, each a process of its own: ``python -m tests.benchmarks.endpoints``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.benchmarks.load import DELIVERY_ID
from tikisync import logs
from tikisync.config import HandlerSettings, ServerSettings
from tikisync.database import Database
from tikisync.pipeline.overview import unready
from tikisync.pipeline.receive import Receiver
from tikisync.web import application, server

HANDLER = "Forge"  # one of the recorded Tiki's handlers


@contextmanager
def running(kind: str, *arguments: str) -> Iterator[int]:
    """Run the ``empty`` or the ``tikisync`` endpoint (with its database's URL) in a process; yield its port."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", __name__, kind, *arguments]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        try:
            if not line:
                raise RuntimeError(f"the {kind} endpoint did not start")
            yield int(line)
        finally:
            process.terminate()


def _empty() -> None:
    """What Starlette costs with nothing to do: the yardstick."""

    async def hook(_request: Request) -> Response:
        return PlainTextResponse("ok")

    starlette = Starlette(routes=[Route("/tiki-webhooks.php", hook, methods=["POST"])])
    listener = server.listen("127.0.0.1", 0)
    _say_port("127.0.0.1", listener.getsockname()[1])
    uvicorn.Server(uvicorn.Config(starlette, log_config=None, access_log=False)).run(sockets=[listener])


def _tikisync(url: str) -> None:
    """The product with everything on: live handlers, protection from duplicates, headers and body kept, its log."""
    logs.configure()
    database = Database(url)
    receiver = Receiver(database, {HANDLER: HandlerSettings(delivery_id=DELIVERY_ID.lower(), duplicates="id")}, {})
    web = application.create(receiver, ServerSettings(), ready=lambda: unready(database))
    server.serve(web, "127.0.0.1", 0, on_ready=_say_port)


def _say_port(_host: str, port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "empty":
        _empty()
    else:
        _tikisync(sys.argv[2])
