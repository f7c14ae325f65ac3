"""A table of colours: what the tests of the database room read and write."""

from __future__ import annotations

from tikisync.database import Transaction

COLOURS = {
    False: "CREATE TABLE colours (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(10) NOT NULL UNIQUE, shade INT)",
    True: "CREATE TABLE colours (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, shade INTEGER)",
}


def create(tx: Transaction, *names: str) -> None:
    """Make the table with these colours; the first has id and shade 1, the second 2."""
    tx.run(COLOURS[tx.is_sqlite])
    tx.insert_many("colours", [{"name": name, "shade": number} for number, name in enumerate(names, 1)])


def shades(tx: Transaction) -> dict[str, int]:
    return {row["name"]: row["shade"] for row in tx.all("SELECT name, shade FROM colours ORDER BY id")}
