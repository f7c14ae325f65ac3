"""The HTTP server: uvicorn over one listening socket, until SIGTERM or SIGINT."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from tikisync.errors import SetupError
from tikisync.web import systemd
from tikisync.web.exchange import HookProtocol
from tikisync.web.protocol import MAX_CONNECTIONS

BUSY_CONNECTIONS = MAX_CONNECTIONS + 100  # with more than these, none of which waits for its sender: 503
GRACE = 5  # seconds for the requests in hand once told to stop


def serve(application: ASGIApp, host: str, port: int, then: Callable[[], object] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was received and return; systemd hears when requests are taken.

    ``then`` is called once they are, in a thread. The address counts where systemd hands no socket over. Raises
    SetupError where it is not free.
    """

    def ready() -> None:
        systemd.notify("READY=1")
        threading.Thread(target=then, name="then", daemon=True).start()

    listener = systemd.inherited() or listen(host, port)
    _Server(application, ready).run(sockets=[listener])
    systemd.notify("STOPPING=1")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; raise SetupError where that is not to be had."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise SetupError(
            f"cannot listen on {host} port {port} ({error})",
            hint="choose another host or port in [server], or stop what has taken it",
            reason="address_unavailable",
        ) from error


class Running:
    """The server in a thread of this process, over a bound socket; ``stop`` it."""

    def __init__(self, application: ASGIApp, listener: socket.socket) -> None:
        self._ready = threading.Event()
        self._server = _Server(application, self._ready.set)
        self._thread = threading.Thread(target=self._run, args=(listener,), name="server")
        self._thread.start()

    def wait_until_ready(self, seconds: float = 10) -> None:
        """Return once requests are taken; raise SetupError where that takes too long."""
        if not self._ready.wait(seconds):
            self.stop()
            raise SetupError(f"the server did not start within {seconds} seconds", hint="see the log")

    def stop(self) -> None:
        """Accept nothing new, answer what was received, and end."""
        self._server.should_exit = True
        self._thread.join()

    def _run(self, listener: socket.socket) -> None:
        with suppress(SystemExit):  # how uvicorn ends where the application does not start; it has logged why
            self._server.run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, application: ASGIApp, on_ready: Callable[[], object]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=HookProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=BUSY_CONNECTIONS,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal; uvicorn would raise it again afterwards and so end the process with an error."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in previous.items():
                signal.signal(each, handler)
