"""The last refused requests in a file beside the config, for ``tikisync doctor``.

They are no business of the database: what nobody verified never reaches it. The file is bounded (so many requests,
each of bounded size), written at most once a second by a thread of its own, and readable by its owner only.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from tikisync.core import refusals
from tikisync.core.handlers import Handler, Refused
from tikisync.core.refusals import Refusal
from tikisync.core.requests import Request
from tikisync.logs import event

log = logging.getLogger(__name__)


class Refusals:
    """Keeps the last ``keep`` refused requests; several processes may share the file."""

    pause = 1.0  # seconds from a refusal to its being written, together with those that follow it

    def __init__(self, path: Path, keep: int) -> None:
        self._path = path
        self._keep = keep
        self._new: list[Refusal] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._failed = False

    def note(self, request: Request, refused: Refused, handlers: Sequence[Handler]) -> None:
        """Keep a refused request; of a flood only the first ones, so that this stays cheap. Raises nothing."""
        with self._lock:
            if len(self._new) >= self._keep:
                return
            self._new.append(refusals.of(request, refused, handlers))
            if self._timer is None:
                self._timer = threading.Timer(self.pause, self.write)
                self._timer.start()

    def write(self) -> None:
        """Write at once what was noted since the last time."""
        with self._lock:
            new, self._new = self._new, []
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
        try:
            kept = refusals.newest([*stored(self._path), *new], self._keep)
            _replace(self._path, "".join(f"{refusals.written(each)}\n" for each in kept))
            self._failed = False
        except OSError as error:
            if not self._failed:
                event(log, logging.WARNING, "refusals.not_kept", file=str(self._path), error=error.strerror)
            self._failed = True


def stored(path: Path) -> list[Refusal]:
    """Return the refused requests in a file, oldest first; none where it is not there. Raises OSError."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [refusal for line in lines if (refusal := refusals.read(line))]


def _replace(path: Path, text: str) -> None:
    """Write the file anew, whatever somebody else has put in its way, for nobody else to read."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(text)
    fresh.replace(path)
