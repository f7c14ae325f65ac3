"""Many rows in one statement: whatever the values hold, on a real server and in SQLite."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tikisync.database import Database
from tikisync.database.literals import STATEMENT

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXT | st.none(), st.binary(max_size=30)), min_size=2, max_size=5))
def test_any_text_and_any_bytes_come_back_as_they_went_in(
    colours: Database, rows: list[tuple[str | None, bytes]]
) -> None:
    with colours.transaction() as tx:
        tx.run("DROP TABLE IF EXISTS bodies")
        binary = "" if tx.is_sqlite else " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        tx.run(f"CREATE TABLE bodies (id INT, name TEXT{binary}, body BLOB)")
        tx.insert_many("bodies", [{"id": n, "name": name, "body": body} for n, (name, body) in enumerate(rows)])
        assert [(row["name"], row["body"]) for row in tx.all("SELECT name, body FROM bodies ORDER BY id")] == rows


def test_numbers_truths_and_dates_are_written_as_the_driver_writes_them(server_colours: Database) -> None:
    row = {"a": -5, "b": Decimal("1.50"), "c": True, "d": datetime(2026, 1, 2, 3, 4, 5), "e": 1.5, "f": None}
    with server_colours.transaction() as tx:
        tx.run("CREATE TABLE kinds (a INT, b DECIMAL(9,2), c INT, d DATETIME, e DOUBLE, f INT)")
        assert tx.insert_tuples("kinds", tuple(row), [tuple(row.values())] * 2) == 2
        assert [dict(each) for each in tx.all("SELECT * FROM kinds")] == [row, row]


def test_what_is_longer_than_a_statement_may_be_is_inserted_in_several(server_colours: Database) -> None:
    rows = [{"name": f"{n}", "body": b"x" * (STATEMENT // 5)} for n in range(7)]
    with server_colours.transaction() as tx:
        tx.run("CREATE TABLE bodies (name VARCHAR(9), body LONGBLOB)")
        tx.insert_many("bodies", rows)
        assert tx.value("SELECT SUM(LENGTH(body)) FROM bodies") == 7 * (STATEMENT // 5)
