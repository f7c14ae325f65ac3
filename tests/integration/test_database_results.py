"""Rows as a server sends them: whatever types their columns have, they are read as the driver reads them."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tikisync.database import Database, Transaction

COLUMNS: dict[str, tuple[str, Any]] = {
    "tiny": ("TINYINT", -5),
    "big": ("BIGINT UNSIGNED", 2**64 - 1),
    "year": ("YEAR", 2026),
    "bits": ("BIT(10)", b"\x02\x01"),
    "price": ("DECIMAL(20,4)", Decimal("-1.5000")),
    "float_": ("FLOAT", 1.5),
    "double_": ("DOUBLE", -2.5e-300),
    "day": ("DATE", date(2026, 1, 2)),
    "moment": ("DATETIME(6)", datetime(2026, 1, 2, 3, 4, 5, 678)),
    "stamp": ("TIMESTAMP NULL", datetime(2026, 1, 2, 3, 4, 5)),
    "span": ("TIME", timedelta(hours=-30)),
    "letters": ("CHAR(3) CHARACTER SET latin1", "äöü"),
    "words": ("VARCHAR(20) CHARACTER SET utf8mb4", "Łódź 🎨"),
    "text_": ("MEDIUMTEXT", "ž" * 40_000),
    "choice": ("ENUM('a', 'b')", "b"),
    "choices": ("SET('a', 'b')", "a,b"),
    "raw": ("VARBINARY(300)", bytes(range(256))),
    "blob_": ("LONGBLOB", b"\0\xff" * 2**20),
    "told": ("JSON", json.dumps({"a": "ž"}, ensure_ascii=False)),
    "empty": ("VARCHAR(3)", ""),
}


@pytest.fixture
def kinds(server_colours: Database) -> Database:
    """A database with a row of each type's value, and one of NULLs."""
    with server_colours.transaction() as tx:
        tx.run(f"CREATE TABLE kinds ({', '.join(f'`{name}` {kind}' for name, (kind, _) in COLUMNS.items())})")
        tx.insert("kinds", {name: value for name, (_, value) in COLUMNS.items()})
        tx.insert("kinds", dict.fromkeys(COLUMNS))
    return server_colours


def as_the_driver_reads(tx: Transaction, sql: str) -> list[dict[str, Any]]:
    cursor = tx._session.connection.connection.cursor()
    cursor.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_a_value_of_any_type_comes_back_as_it_went_in(kinds: Database) -> None:
    with kinds.transaction() as tx:
        row, nulls = tx.all("SELECT * FROM kinds")
    assert row == {name: value for name, (_, value) in COLUMNS.items()}
    assert {name: type(value) for name, value in row.items()} == {n: type(value) for n, (_, value) in COLUMNS.items()}
    assert nulls == dict.fromkeys(COLUMNS)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM kinds",
        "SELECT COUNT(*) AS n, SUM(tiny) AS s, AVG(price) AS a, MAX(words) AS m, 1.0, 'x', NULL, X'00' FROM kinds",
        "SELECT CAST('0000-00-00' AS DATE), CAST(words AS BINARY), HEX(raw), IF(tiny, 1, 'a') FROM kinds",
        "SHOW COLUMNS FROM kinds",
        "SELECT * FROM kinds WHERE tiny = 7",
    ],
)
def test_results_of_any_kind_are_read_as_the_driver_reads_them(kinds: Database, sql: str) -> None:
    with kinds.transaction() as tx:
        assert tx.all(sql) == as_the_driver_reads(tx, sql)


def test_a_row_larger_than_a_packet_comes_in_one_piece(kinds: Database) -> None:
    half = "SELECT REPEAT(X'FF', 9000000)"
    with kinds.transaction() as tx:
        row = tx.first(f"SELECT ({half}) AS a, ({half}) AS b, 'c' AS c")
        assert row == {"a": b"\xff" * 9_000_000, "b": b"\xff" * 9_000_000, "c": "c"}
        assert tx.value("SELECT 1") == 1


def test_a_row_that_just_fills_a_packet_ends_there(kinds: Database) -> None:
    length = 2**24 - 1 - 4  # four bytes tell it
    with kinds.transaction() as tx:
        assert tx.value(f"SELECT REPEAT('x', {length})") == "x" * length
        assert tx.value("SELECT 1") == 1


def test_an_error_amid_the_rows_leaves_the_connection_as_it_was(kinds: Database) -> None:
    with kinds.transaction() as tx:
        with pytest.raises(Exception, match="more than 1 row"):
            tx.all("SELECT (SELECT tiny FROM kinds LIMIT 1 OFFSET 0), (SELECT 1 UNION SELECT 2)")
        with pytest.raises(Exception, match="more than 1 row"):
            tx.all(
                "SELECT IF(seq = 3, (SELECT 1 UNION SELECT 2), seq) AS n FROM (SELECT 1 AS seq UNION ALL SELECT 3) AS s"
            )
        assert tx.value("SELECT COUNT(*) FROM kinds") == 2
