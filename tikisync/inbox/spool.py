"""The spool: verified requests in a local folder, until the database is back to take them.

All processes of this machine that have the folder share it, so that deliveries stay in the order they were answered in,
whoever answered them. The file ``waiting`` is there exactly while something waits in it. Who reads or writes a file
holds the folder's lock; who stores what waits, and may take long, holds the lock of that file besides.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tikisync.core.spool_records import FILE_HEAD_SIZE, HEAD_SIZE
from tikisync.core.spooled import Spooled, packed, unpacked
from tikisync.errors import PassingError
from tikisync.inbox.spool_file import UNREADABLE, Reading, SpoolFile, sync_folder
from tikisync.logs import event

log = logging.getLogger(__name__)

WAITING, REJECTED, DAMAGED = "waiting", "rejected", "damaged"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a spool holds."""

    waiting: int = 0  # deliveries
    oldest: int | None = None  # when the first of them was received: milliseconds since the epoch, UTC
    rejected: int = 0  # deliveries
    damaged: int = 0  # files with what could not be read
    size: int = 0  # bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """The requests that have waited longest, and what could not be read among them."""

    requests: Sequence[Spooled]
    damaged: Sequence[bytes]
    reading: Reading


class Spool:
    """The spool in a folder; what waits and what was rejected take ``limit`` bytes together, at most."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._waiting = SpoolFile(folder / WAITING)
        self._rejected = SpoolFile(folder / REJECTED)
        self._turn = threading.RLock()
        self._is_locked = False
        self._known: set[str] | None = None  # receipts of what was rejected; None: to be read

    def prepare(self) -> None:
        """Make the folder; raise PassingError where that cannot be."""
        with self._errors_as_ours():
            if not self.folder.is_dir():
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(self.folder.parent)
            if not self.is_writable():
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def has_room(self) -> bool:
        """Tell whether it takes another request, if it is not a large one."""
        with suppress(OSError):
            return self.is_writable() and self._waiting.size + self._rejected.size < self._limit
        return False

    def is_writable(self) -> bool:
        """Tell whether this process may write there, or make the folder."""
        folders = (self.folder, *self.folder.absolute().parents)
        there = next(each for each in folders if os.path.exists(each))  # noqa: PTH110  raises nothing
        return there.is_dir() and os.access(there, os.W_OK | os.X_OK)

    def waits(self) -> bool:
        """Tell whether anything waits, of this process or another."""
        return os.path.exists(self._waiting.path)  # noqa: PTH110  one system call, for every group of requests

    def add(self, requests: Sequence[Spooled], *, joining: bool = False) -> int | None:
        """Keep requests for good, in order; return how many, for there may be no room for the last ones.

        With ``joining``, return None, and keep none, where nothing waits any more. Raises PassingError where the disk
        does not take them; then none is kept.
        """
        payloads = [packed(each) for each in requests]
        self.prepare()
        with self._errors_as_ours(), self.locked():
            if joining and not self.waits():
                return None
            room = self._limit - self._rejected.size - (self._waiting.size or FILE_HEAD_SIZE)
            fitting = 0
            while fitting < len(payloads) and (room := room - HEAD_SIZE - len(payloads[fitting])) >= 0:
                fitting += 1
            if fitting:
                self._waiting.append(payloads[:fitting])
        if fitting < len(payloads):
            event(log, logging.ERROR, "spool.full", left_out=len(payloads) - fitting, limit=self._limit)
        return fitting

    @contextmanager
    def draining(self) -> Iterator[bool]:
        """Hold the lock that lets only one drain; tell whether it is ours and anything waits."""
        with self._errors_as_ours():
            try:
                descriptor = os.open(self._waiting.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                yield False
                return
            try:
                self._known = None
                yield _is_ours(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock, against other threads and processes; it may be taken again inside."""
        with self._turn:
            if self._is_locked:
                yield
                return
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._is_locked = True
                yield
            finally:
                self._is_locked = False
                os.close(descriptor)

    def oldest(self, most: int, size: int) -> Batch:
        """Return what has waited longest, so many requests and bytes at most; raise PassingError."""
        with self._errors_as_ours(), self.locked():
            reading = self._waiting.read(most, size)
        requests, damaged = [], list(reading.damaged)
        for payload in reading.payloads:
            try:
                requests.append(unpacked(payload))
            except ValueError:
                damaged.append(payload)
        return Batch(requests, damaged, reading)

    def finish(self, batch: Batch, rejected: Sequence[Spooled]) -> int:
        """Forget a batch, now that it is stored, but for those ``rejected``; return how many bytes are left.

        Raises PassingError; then the batch will come again.
        """
        with self._errors_as_ours(), self.locked():
            if rejected:
                self._reject(rejected)
            if batch.damaged:
                self._keep_damaged(batch.damaged)
            return self._waiting.remove(batch.reading)

    def rejected(self) -> list[Spooled]:
        """Return what was rejected, oldest first."""
        return self._all(self._rejected)

    def waiting(self) -> list[Spooled]:
        """Return what waits, oldest first."""
        return [replace(each, rejected=None) for each in self._all(self._waiting)]  # some were rejected before

    def retry(self) -> int:
        """Let all that was rejected wait again; return how many. Raises PassingError."""
        if not self._is_there():
            return 0
        with self._errors_as_ours(), self.locked():
            if not self._rejected.size:
                return 0
            payloads = list(self._rejected.payloads())
            if self._waiting.size:
                self._waiting.append(payloads)
                self._rejected.delete()
            else:  # so the file stays its owner's, whoever does this
                self._rejected.path.rename(self._waiting.path)
                sync_folder(self.folder)
            return len(payloads)

    def discard(self) -> int:
        """Delete all that was rejected and what is damaged; return how many were rejected. Raises PassingError."""
        if not self._is_there():
            return 0
        with self._errors_as_ours(), self.locked():
            number = self._rejected.count()
            self._rejected.delete()
            for path in self._damaged():
                path.unlink()
            return number

    def standing(self) -> Standing:
        """Return how things stand; raise PassingError where the folder cannot be read."""
        if not self._is_there():
            return Standing()
        with self._errors_as_ours(), self.locked():
            waiting, rejected, damaged = self._waiting.count(), self._rejected.count(), len(self._damaged())
            size = self._waiting.size + self._rejected.size
            oldest = next(iter(self.oldest(1, 0).requests), None) if waiting else None
        return Standing(waiting, oldest.request.received_at if oldest else None, rejected, damaged, size)

    def _reject(self, rejected: Sequence[Spooled]) -> None:
        """Keep what was rejected, but nothing that was kept already before a crash."""
        if self._known is None:
            self._known = {each.request.receipt for each in _readable(self._rejected)} - {""}
        if new := [each for each in rejected if each.request.receipt not in self._known]:
            self._rejected.append([packed(each) for each in new])
            self._known.update(each.request.receipt for each in new if each.request.receipt)

    def _all(self, file: SpoolFile) -> list[Spooled]:
        if not self._is_there():
            return []
        with self._errors_as_ours(), self.locked():
            return list(_readable(file))

    def _is_there(self) -> bool:
        with self._errors_as_ours():
            return self.folder.is_dir() and any(self.folder.iterdir())

    def _damaged(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.name.startswith((DAMAGED, UNREADABLE))]

    def _keep_damaged(self, damaged: Sequence[bytes]) -> None:
        path = self.folder / DAMAGED
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:  # noqa: PTH123
            file.writelines(damaged)
            file.flush()
            os.fsync(file.fileno())
        event(log, logging.ERROR, "spool.damaged", file=path.name, bytes=sum(map(len, damaged)))

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PassingError(
                f"the spool in {self.folder} cannot be used: {error.strerror}",
                hint="give the disk room, and the user that the service runs as the folder; or set [server] spool",
                reason="spool_full" if error.errno in _FULL else "spool_unusable",
            ) from error


def _readable(file: SpoolFile) -> Iterator[Spooled]:
    for payload in file.payloads():
        with suppress(ValueError):  # of another version
            yield unpacked(payload)


def _is_ours(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0  # else another has drained it meanwhile
