"""A TCP proxy that can be cut, as a network or a server that goes away."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """Forwards connections to its own port on 127.0.0.1 to another; ``cut`` breaks all and refuses new ones.

    While ``flows`` is not set, it accepts connections and lets nothing through. A connection over which ``forbidden``
    is sent is broken, and counted in ``violations``.
    """

    def __init__(self, host: str, port: int, forbidden: bytes = b"") -> None:
        self._target = (host, port)
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._tear_after: int | None = None
        self._forbidden = forbidden
        self.violations = 0
        self.port = 0
        self.flows = threading.Event()
        self.flows.set()
        self.restore()

    def restore(self) -> None:
        """Accept connections (again)."""
        if self._listener:
            return
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Break all connections and accept no more."""
        listener, self._listener = self._listener, None
        _close(*([listener] if listener else []), *self._open)

    def tear(self, after: int) -> None:
        """Break the connection over which the byte comes that is the next after so many, in the middle of it all."""
        self._tear_after = after

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(self._target)
                except OSError:  # the target is away: so are we
                    _close(near)
                    continue
                self._open |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.flows.wait()
                if self._forbidden and self._forbidden in data:
                    self.violations += 1
                    break
                left, self._tear_after = self._tear_after, None
                if left is not None and left < len(data):
                    target.sendall(data[:left])
                    break
                self._tear_after = left and left - len(data)
                target.sendall(data)
        self._open -= {source, target}
        _close(source, target)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
