"""How a file of the spool is written: records of which a reader can tell whether they are whole, whatever broke off.

A file begins with a line for people and a random token. A record begins with the first bytes of the token, and its
digest is keyed with the token and covers the record's place. So neither what a sender sends nor what a disk still holds
of another file passes for a record, and after a damaged one the next is found.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

RECORD, MARK, TORN, DAMAGED = "record", "mark", "torn", "damaged"

TOKEN_SIZE = 24  # random bytes
_TITLE = b"tikisync spool 1\n"
_CHECK_SIZE = 8
FILE_HEAD_SIZE = len(_TITLE) + TOKEN_SIZE + _CHECK_SIZE

_DIGEST_SIZE = 16
_HEAD = struct.Struct(f">8scI{_DIGEST_SIZE}s")  # beginning of the token, kind, length of the payload, digest
HEAD_SIZE = _HEAD.size
_LETTERS = {RECORD: b"R", MARK: b"M"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_MARK = struct.Struct(">QQ")
_BLOCK = 1 << 16  # bytes that are looked at together


class Bytes(Protocol):
    """Bytes that can be looked into at any place: ``bytes`` itself, or a file."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, place: slice, /) -> bytes:
        """Return some of them."""
        ...

    def find(self, wanted: bytes, start: int, /) -> int:
        """Return where these bytes stand from a place on, -1 where nowhere."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a file from ``start`` to ``stop``.

    ``torn`` is the beginning of a record at the end of the file, as a crash leaves it; ``damaged`` is anything else
    that is no record.
    """

    kind: str  # record, mark, torn, damaged
    start: int
    stop: int

    def payload(self, data: Bytes) -> bytes:
        """Return what the record holds."""
        return data[self.start + HEAD_SIZE : self.stop]


def file_head(token: bytes) -> bytes:
    """Return the first bytes of a file with this token."""
    return _TITLE + token + _check(token)


def token_of(head: bytes) -> bytes | None:
    """Return the token of a file that begins so; None where this is no file of the spool."""
    token = head[len(_TITLE) : -_CHECK_SIZE]
    return token if len(head) == FILE_HEAD_SIZE and head == file_head(token) else None


def encoded(token: bytes, start: int, payload: bytes, kind: str = RECORD) -> bytes:
    """Return a record to be written at the place ``start`` of its file."""
    letter = _LETTERS[kind]
    return _HEAD.pack(token[:8], letter, len(payload), _digest(token, start, letter, payload)) + payload


def mark(place: int, removed: int) -> bytes:
    """Return the payload of a mark: all up to a place is done with, which were so many records."""
    return _MARK.pack(place, removed)


def read_mark(payload: bytes) -> tuple[int, int]:
    """Return the place and the number that a mark says."""
    place, removed = _MARK.unpack(payload)
    return place, removed


def walk(data: Bytes, token: bytes, start: int) -> Iterator[Entry]:
    """Yield all that stands in a file from a place on, without gaps."""
    at = start
    while at < len(data):
        entry = _entry(data, token, at)
        if entry is None:
            stop = _next_record(data, token, at + 1)
            is_torn = stop == len(data) and _is_torn(data, token, at)
            entry = Entry(TORN if is_torn else DAMAGED, at, stop)
        yield entry
        at = entry.stop


def _entry(data: Bytes, token: bytes, at: int) -> Entry | None:
    head = data[at : at + HEAD_SIZE]
    if len(head) < HEAD_SIZE:
        return None
    beginning, letter, length, digest = _HEAD.unpack(head)
    entry = Entry(_KINDS.get(letter, ""), at, at + HEAD_SIZE + length)
    if beginning != token[:8] or not entry.kind or entry.stop > len(data):
        return None
    return entry if _digest(token, at, letter, entry.payload(data)) == digest else None


def _next_record(data: Bytes, token: bytes, start: int) -> int:
    """Return where the next whole record begins, the end of the data where none does."""
    at = data.find(token[:8], start)
    while at >= 0 and _entry(data, token, at) is None:
        at = data.find(token[:8], at + 1)
    return at if at >= 0 else len(data)


def _is_torn(data: Bytes, token: bytes, at: int) -> bool:
    """Tell whether the rest is the beginning of a record, or the zeros that a file system gives for what was not saved.

    A record of the right length with a wrong digest is not: a crash does not do that to what was written in one go.
    """
    rest = data[at : at + HEAD_SIZE]
    if len(rest) < HEAD_SIZE:
        return token.startswith(rest[:8]) or not rest.strip(b"\0")
    beginning, _, length, _ = _HEAD.unpack(rest)
    if beginning == token[:8]:
        return bool(at + HEAD_SIZE + length > len(data))
    return not any(data[place : place + _BLOCK].strip(b"\0") for place in range(at, len(data), _BLOCK))


def _digest(token: bytes, start: int, letter: bytes, payload: bytes) -> bytes:
    digest = hashlib.blake2b(struct.pack(">QcI", start, letter, len(payload)), key=token, digest_size=_DIGEST_SIZE)
    digest.update(payload)
    return digest.digest()


def _check(token: bytes) -> bytes:
    return hashlib.blake2b(token, digest_size=_CHECK_SIZE).digest()
