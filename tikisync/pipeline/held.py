"""What a worker process has in hand, in memory that its supervisor shares, and can read once it is dead."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

_HEADER = struct.Struct("=ii")  # how many, and whether they are being routed
_MOST = 1000
_SIZE = _HEADER.size + 8 * _MOST


@dataclass(frozen=True, slots=True)
class InHand:
    """Deliveries that are being applied, or routed."""

    ids: tuple[int, ...] = ()
    routing: bool = False


def shareable() -> IO[bytes]:
    """Return an empty file for ``Held``: in memory where the system can, as there may be no folder to write to."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("tikisync"), "w+b")
    return tempfile.TemporaryFile()


class Held:
    """A note of what is in hand; one process writes it, another reads it."""

    def __init__(self, file: IO[bytes] | int) -> None:
        """Use an open file, or its descriptor, that is shared and else empty."""
        number = file if isinstance(file, int) else file.fileno()
        if not isinstance(file, int):
            file.truncate(_SIZE)
        self._memory = mmap.mmap(number, _SIZE)

    @contextmanager
    def noted(self, ids: Collection[int], *, routing: bool = False) -> Iterator[None]:
        """Note these deliveries during the block."""
        numbers = list(ids)[:_MOST]
        struct.pack_into(f"={len(numbers)}q", self._memory, _HEADER.size, *numbers)
        _HEADER.pack_into(self._memory, 0, len(numbers), routing)
        try:
            yield
        finally:
            _HEADER.pack_into(self._memory, 0, 0, False)

    def read(self) -> InHand:
        """Return what was noted last."""
        count, routing = _HEADER.unpack_from(self._memory)
        return InHand(struct.unpack_from(f"={count}q", self._memory, _HEADER.size), bool(routing))
