"""One append-only file of the spool. Who reads or writes it through ``SpoolFile`` holds the folder's lock meanwhile."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tikisync.core import spool_records
from tikisync.core.spool_records import DAMAGED, FILE_HEAD_SIZE, MARK, RECORD, TOKEN_SIZE, TORN, Entry
from tikisync.logs import event

log = logging.getLogger(__name__)

UNREADABLE = "unreadable-"  # how a file is renamed that does not begin as one of ours

_WINDOW = 1 << 18  # bytes that are read at a time, at least


@dataclass(frozen=True, slots=True)
class Reading:
    """The oldest records of a file, up to the place ``stop``, and what between them is damaged."""

    payloads: Sequence[bytes]
    damaged: Sequence[bytes]
    stop: int


class SpoolFile:
    """The records of one file, in order; there is no file where there are none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self._token = b""
        self._end = FILE_HEAD_SIZE  # of what is known to be whole
        self._place = FILE_HEAD_SIZE  # up to which all is done with
        self._removed = 0  # records before that place
        self._records = 0  # all

    @property
    def size(self) -> int:
        """The file's size in bytes; 0 where there is none. Raises OSError."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, payloads: Sequence[bytes]) -> None:
        """Add records and return when the disk has them; raise OSError where it does not take all of them."""
        with self._opened() as descriptor:
            if descriptor is None:
                self._create(payloads)
            else:
                self._write(descriptor, payloads)

    def read(self, most: int, size: int) -> Reading:
        """Return the oldest records that are not removed, so many and so many bytes at most, but one in any case."""
        payloads: list[bytes] = []
        damaged: list[bytes] = []
        with self._opened() as descriptor:
            stop = self._place
            for entry, data in self._entries(descriptor):
                if entry.kind == RECORD:
                    size -= entry.stop - entry.start
                    if payloads and (len(payloads) == most or size < 0):
                        break
                    payloads.append(entry.payload(data))
                elif entry.kind == DAMAGED:
                    damaged.append(data[entry.start : entry.stop])
                stop = entry.stop
        return Reading(payloads, damaged, stop)

    def payloads(self) -> Iterator[bytes]:
        """Yield the records that are not removed, one by one."""
        with self._opened() as descriptor:
            for entry, data in self._entries(descriptor):
                if entry.kind == RECORD:
                    yield entry.payload(data)

    def count(self) -> int:
        """Return how many records are not removed."""
        with self._opened():
            return self._records - self._removed

    def remove(self, reading: Reading) -> int:
        """Forget what was read, for good; return how many bytes are left. Raises OSError."""
        self._place, self._removed = reading.stop, self._removed + len(reading.payloads)
        with self._opened() as descriptor:
            if descriptor is not None and any(entry.kind != MARK for entry, _ in self._entries(descriptor)):
                with suppress(OSError):  # without it, what comes after us does these again, which does no harm
                    self._write(descriptor, [spool_records.mark(self._place, self._removed)], MARK)
                return self.size - self._place
        self.delete()
        return 0

    def delete(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)
        self._forget()

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """Open the file and look at what is new in it, None where there is none."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            self._forget()
            yield None
            return
        try:
            yield descriptor if self._look(descriptor) else None
        finally:
            os.close(descriptor)

    def _look(self, descriptor: int) -> bool:
        """Learn what others wrote, and cut off what a crash left of a record; tell whether this is a spool's file."""
        token = spool_records.token_of(os.pread(descriptor, FILE_HEAD_SIZE, 0))
        if token is None:
            self._put_aside(descriptor)
            return False
        if token != self._token:
            self._forget()
            self._token = token
        data = FileBytes(descriptor)
        for entry in spool_records.walk(data, token, self._end):
            if entry.kind == TORN:  # never answered: the lock that we hold now was held until all of it was on the disk
                event(log, logging.WARNING, "spool.torn", file=self.path.name, bytes=entry.stop - entry.start)
                os.ftruncate(descriptor, entry.start)
                break
            if entry.kind == MARK:
                place, removed = spool_records.read_mark(entry.payload(data))
                self._place, self._removed = max((self._place, self._removed), (place, removed))
            self._records += entry.kind == RECORD
            self._end = entry.stop
        return True

    def _put_aside(self, descriptor: int) -> None:
        """Move away a file that does not begin as one of ours; one that a crash left empty is just removed."""
        self._forget()
        if not any(FileBytes(descriptor)[:FILE_HEAD_SIZE]):  # its first record was never answered
            self.path.unlink()
            return
        aside = self.path.with_name(f"{UNREADABLE}{os.fstat(descriptor).st_ino}")
        self.path.rename(aside)
        event(log, logging.ERROR, "spool.damaged", file=aside.name, bytes=os.fstat(descriptor).st_size)

    def _create(self, payloads: Sequence[bytes]) -> None:
        token = secrets.token_bytes(TOKEN_SIZE)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self._token = token
            _write_all(descriptor, spool_records.file_head(token), 0)
            self._write(descriptor, payloads)
            sync_folder(self.path.parent)
        except OSError:
            self._forget()
            with suppress(OSError):
                self.path.unlink()
            raise
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, payloads: Sequence[bytes], kind: str = RECORD) -> None:
        records = bytearray()
        for payload in payloads:
            records += spool_records.encoded(self._token, self._end + len(records), payload, kind)
        try:
            _write_all(descriptor, records, self._end)
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, self._end)
            raise
        self._end += len(records)
        self._records += len(payloads) * (kind == RECORD)

    def _entries(self, descriptor: int | None) -> Iterator[tuple[Entry, FileBytes]]:
        """Yield what is not done with yet; nothing where there is no file."""
        if descriptor is None:
            return
        data = FileBytes(descriptor)
        for entry in spool_records.walk(data, self._token, self._place):
            yield entry, data


class FileBytes:
    """The bytes of an open file, of the length that it has now, read as they are asked for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._window, self._window_start = b"", 0

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice) -> bytes:
        start, stop, _ = place.indices(self._size)
        at = start - self._window_start
        if at < 0 or stop - self._window_start > len(self._window):
            self._window = os.pread(self._descriptor, max(stop - start, _WINDOW), start)
            self._window_start, at = start, 0
        return self._window[at : at + stop - start]

    def find(self, wanted: bytes, start: int) -> int:
        """Return where these bytes stand from a place on, -1 where nowhere."""
        while start < self._size:
            found = self[start : start + _WINDOW].find(wanted)
            if found >= 0:
                return start + found
            start += _WINDOW - len(wanted) + 1
        return -1


def sync_folder(folder: Path) -> None:
    """Make it last which files a folder has."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes | bytearray, start: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, start)
        view, start = view[written:], start + written
