"""What transactions read again and again, read anew only when it changed.

The server tells whether it did: it digests the rows of all queries in question in one statement, much quicker than
it sends them and the driver reads them. So what an admin changes counts from the very next transaction on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tikisync.database.statements import PARAMETER

if TYPE_CHECKING:
    from tikisync.database import Transaction

T = TypeVar("T")

_MOST_ROWS = 1000  # of a query that is digested for every transaction
_MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class _Query:
    """SQL for a value that changes with the rows of a query, and its parameters, of names that no other's have."""

    digest: str
    parameters: Mapping[str, Any]
    lasts: bool  # whether looking for a change is cheaper than carrying it out


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    queries: tuple[_Query, ...]
    digests: tuple[str, ...]  # of before the value was read; none where it is for one transaction only


class Memory:
    """What was read ``once``, for transactions that follow each other, in one thread."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry] = {}
        self._recordings: list[list[_Query]] = []
        self._numbers = count()

    def begin(self, tx: Transaction, *, check: bool) -> None:
        """Forget what was for one transaction only, and, with ``check``, what has changed since it was read."""
        kept = {what: each for what, each in self._entries.items() if each.digests}
        if not check:
            self._entries = kept
            return
        if len(kept) > _MOST_ENTRIES:
            kept = {}
        queries = {query.digest: query for each in kept.values() for query in each.queries}  # many share some
        digests = dict(zip(queries, _digests(tx, list(queries.values())), strict=True))
        now = {what: tuple(digests[query.digest] for query in each.queries) for what, each in kept.items()}
        self._entries = {what: each for what, each in kept.items() if each.digests == now[what]}

    def once(self, tx: Transaction, what: Hashable, read: Callable[[], T]) -> T:
        """Return what is known under this name, read if it is not."""
        entry = self._entries.get(what)
        if entry is None:
            entry = self._entries[what] = self._read(tx, read)
        for recording in self._recordings[-1:]:  # whoever asks goes by the same rows
            recording.extend(entry.queries)
        return cast("T", entry.value)

    def record(self, sql: str, parameters: Mapping[str, Any], columns: Iterable[str], rows: int) -> None:
        """Note a query that was carried out, and found so many rows."""
        if not self._recordings:
            return
        prefix = f"q{next(self._numbers)}_"
        parts = ", ".join(f"COALESCE(HEX(`{column}`), '-')" for column in columns)  # of no matter which character set
        row = f"CONCAT_WS(' ', {parts})"
        number = f"CAST(CONV(LEFT(SHA2({row}, 256), 16), 16, 10) AS UNSIGNED)"
        own = PARAMETER.sub(rf":{prefix}\1", sql)
        digest = f"(SELECT CONCAT(COUNT(*), ' ', COALESCE(SUM({number}), 0)) FROM ({own}) AS q) AS {prefix}"  # noqa: S608  names of ours, values bound
        lasts = rows <= _MOST_ROWS and "information_schema" not in sql
        query = _Query(digest, {f"{prefix}{name}": value for name, value in parameters.items()}, lasts)
        self._recordings[-1].append(query)

    def _read(self, tx: Transaction, read: Callable[[], Any]) -> _Entry:
        with self._recorded() as queries:
            value = read()
        if tx.is_sqlite or not all(each.lasts for each in queries):
            return _Entry(value, tuple(queries), ())
        with self._recorded():  # for nobody
            return _Entry(digests=tuple(_digests(tx, queries)), value=read(), queries=tuple(queries))

    @contextmanager
    def _recorded(self) -> Iterator[list[_Query]]:
        self._recordings.append([])
        yield self._recordings[-1]
        self._recordings.pop()


def _digests(tx: Transaction, queries: Sequence[_Query]) -> list[str]:
    if not queries:
        return []
    parameters = {name: value for query in queries for name, value in query.parameters.items()}
    row = tx.first(f"SELECT {', '.join(query.digest for query in queries)}", **parameters)
    return [str(value) for value in row.values()] if row else []
