"""Tiki's tables, made from the recorded schema: as a server has them, or the same in SQLite."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests import golden
from tikisync.database import Transaction


def create(tx: Transaction, *, engine: str = "InnoDB") -> None:
    """Make Tiki's tables, empty; on a server with the storage ``engine`` named."""
    for table, recorded in golden.fixture()["schema"].items():
        if tx.is_sqlite:
            for statement in _for_sqlite(table, recorded):
                tx.run(statement)
        else:
            tx.run(recorded["create"].replace("ENGINE=InnoDB", f"ENGINE={engine}"))


def _for_sqlite(table: str, recorded: Mapping[str, Any]) -> Iterator[str]:
    automatic = [column["name"] for column in recorded["columns"] if column["extra"] == "auto_increment"]
    primary = [name for index in recorded["indexes"] if index["name"] == "PRIMARY" for name, _ in index["columns"]]
    counted = automatic if automatic == primary or not set(automatic) & set(primary) else []  # SQLite's rowid
    parts = [_column_for_sqlite(column, counted=column["name"] in counted) for column in recorded["columns"]]
    if primary and primary != counted:
        parts.append(f"{'UNIQUE' if counted else 'PRIMARY KEY'} ({_quoted(primary)})")
    yield f"CREATE TABLE `{table}` ({', '.join(parts)})"
    for index in recorded["indexes"]:
        if index["name"] != "PRIMARY" and index["type"] != "FULLTEXT":
            kind = "UNIQUE INDEX" if index["unique"] else "INDEX"
            columns = _quoted([name for name, _ in index["columns"]])
            yield f"CREATE {kind} `{table}_{index['name']}` ON `{table}` ({columns})"


def _column_for_sqlite(column: Mapping[str, Any], *, counted: bool) -> str:
    if counted:
        return f"`{column['name']}` INTEGER PRIMARY KEY AUTOINCREMENT"
    kind = re.split(r"[( ]", column["type"])[0]
    affinity = {"int": "INTEGER", "tinyint": "INTEGER", "decimal": "NUMERIC", "longblob": "BLOB", "blob": "BLOB"}
    definition = f"`{column['name']}` {affinity.get(kind, 'TEXT COLLATE NOCASE')}"
    if not column["nullable"]:
        definition += " NOT NULL"
    if column["default"] is not None:
        definition += f" DEFAULT {column['default'].replace('current_timestamp()', 'CURRENT_TIMESTAMP')}"
    return definition


def _quoted(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
