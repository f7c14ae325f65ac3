"""Transactions that write nothing: what they would write is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tikisync.database import Database, Row, Transaction
from tikisync.database.sessions import Session


@contextmanager
def rehearsal(database: Database) -> Iterator[Rehearsal]:
    """Open a transaction that reads the real data and only records what it would write, on any engine."""
    with database.session() as session:
        yield Rehearsal(session)


class Rehearsal(Transaction):
    """A transaction whose writes are recorded in ``writes`` instead of carried out; new rows get the id 0."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.writes: list[tuple[str, str, Row]] = []

    def insert(self, table: str, row: Row, *, childless_in: str = "") -> int:  # noqa: ARG002
        """Record one new row."""
        self.writes.append(("insert", table, row))
        return 0

    def insert_many(self, table: str, rows: Sequence[Row], *, on_duplicate: str = "") -> None:
        """Record new rows."""
        self.writes.extend(("write" if on_duplicate not in ("", "ignore") else "insert", table, row) for row in rows)

    def insert_tuples(
        self, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], *, on_duplicate: str = ""
    ) -> int:
        """Record new rows."""
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        self.insert_many(table, named, on_duplicate=on_duplicate)
        return len(rows)

    def update(self, table: str, where: Row, changes: Row) -> None:
        """Record changed columns beside those that find the rows."""
        self.writes.append(("update", table, {**where, **changes}))

    def update_now(self, table: str, where: Row, changes: Row) -> int:
        """Record changed columns beside those that find the rows."""
        self.update(table, where, changes)
        return 1

    def count(self, table: str, where: Row, column: str, by: int, changes: Row) -> None:
        """Record changed columns, the counting one with its difference."""
        self.update(table, where, {column: f"{by:+}", **changes})

    def delete(self, table: str, where: Row) -> None:
        """Record deleted rows by the columns that find them."""
        self.writes.append(("delete", table, where))

    def run(self, sql: str, **parameters: Any) -> int:
        """Record any other writing statement."""
        self.writes.append(("statement", sql, parameters))
        return 1

    def later(self, sql: str, **parameters: Any) -> None:
        """Record any other writing statement."""
        self.run(sql, **parameters)
