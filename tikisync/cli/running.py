"""What runs beside the command in the foreground: what applies deliveries, drains the spool, watches the config."""

from __future__ import annotations

import signal
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from tikisync.app import App, watch
from tikisync.errors import SetupError
from tikisync.pipeline.supervisor import Supervisor

if TYPE_CHECKING:
    from tikisync.pipeline.worker import Worker

_PATIENCE = 9  # seconds for what may be broken off anywhere, if the database hangs


def require_ready(app: App) -> None:
    """Raise SetupError where the database is not set up for the service."""
    problems = app.unready()
    if problems:
        raise SetupError("; ".join(problems), hint="run `tikisync setup`, then `tikisync check`", reason="not_set_up")


class Background:
    """Threads that live as long as the ``with`` block; leaving it finishes the delivery in hand and closes connections.

    ``worker`` is what applies deliveries: a supervisor, a worker in this process, or None. With ``receive``, what the
    spool holds is stored.
    """

    def __init__(self, app: App, worker: Supervisor | Worker | None, *, receive: bool = False) -> None:
        self.wake = threading.Event()
        self._app, self._worker, self._seen = app, worker, app.config
        self._stop = threading.Event()
        watching, follow = (app.path, app.reload, self._stop), {"look": self._follow}
        self._threads = [threading.Thread(target=watch, args=watching, kwargs=follow, name="config")]
        if worker:
            apart = isinstance(worker, Supervisor)
            told = (self._stop, self.wake)
            self._threads.append(threading.Thread(target=worker.run, args=told, name="worker", daemon=apart))
            retention = app.retention().run
            self._threads.append(threading.Thread(target=retention, args=(self._stop,), name="retention", daemon=True))
        if receive and (drainer := app.drainer(self.wake.set)):
            self._threads.append(threading.Thread(target=drainer.run, args=(self._stop,), name="spool", daemon=True))
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, lambda *_: self._reload())

    def _reload(self) -> None:
        if self._app.reload():
            self._follow()

    def _follow(self) -> None:
        """Look for edits of Tiki's page, and let a worker of another process go by the config as it is now."""
        self._app.refresh()
        now = self._app.config
        if now is not self._seen and isinstance(self._worker, Supervisor):
            self._worker.reload()
        self._seen = now

    def __enter__(self) -> Background:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self.wake.set()
        until = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()) if thread.daemon else None)
        self._app.close()
