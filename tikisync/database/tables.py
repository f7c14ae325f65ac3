"""What a server tells about its tables and itself: columns, character sets, engines, indexes, settings, changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tikisync.database import Transaction

_WHOLE_UNICODE = ("utf8mb4", "utf16", "utf16le", "utf32", "gb18030")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: whether an insert has to give it a value, whether it counts up by itself, its character set."""

    name: str
    is_required: bool = False
    is_automatic: bool = False
    charset: str = ""  # '' where it holds no text

    @property
    def is_narrow(self) -> bool:
        """Tell whether it holds text, but not every character of Unicode."""
        return bool(self.charset) and self.charset not in _WHOLE_UNICODE


def columns(tx: Transaction, tables: Iterable[str]) -> dict[str, dict[str, Column]]:
    """Return the columns of tables by their names, in order; tables that are not there are left out."""
    if tx.is_sqlite:
        found = {table: _columns_in_sqlite(tx, table) for table in tables}
        return {table: each for table, each in found.items() if each}
    rows = tx.all(
        "SELECT table_name AS of_table, column_name AS name, is_nullable AS nullable, column_default AS value, "
        "extra AS extra, character_set_name AS charset FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name IN :tables ORDER BY table_name, ordinal_position",
        tables=list(tables),
    )
    by_table: dict[str, dict[str, Column]] = {}
    for row in rows:
        extra = str(row["extra"] or "").lower()
        automatic = "auto_increment" in extra
        given = automatic or "generated" in extra or row["value"] is not None or row["nullable"] == "YES"
        column = Column(str(row["name"]), not given, automatic, str(row["charset"] or ""))
        by_table.setdefault(str(row["of_table"]), {})[column.name] = column
    return by_table


def without_transactions(tx: Transaction, tables: Collection[str]) -> list[str]:
    """Return those of the tables whose storage engine cannot take a statement back, such as MyISAM and Aria."""
    if tx.is_sqlite:
        return []
    sql = (
        "SELECT t.table_name AS name FROM information_schema.tables t "
        "JOIN information_schema.engines e ON e.engine = t.engine "
        "WHERE t.table_schema = DATABASE() AND t.table_name IN :tables AND e.transactions <> 'YES' ORDER BY name"
    )
    return [str(row["name"]) for row in tx.all(sql, tables=list(tables))]


def indexes(tx: Transaction, table: str) -> list[tuple[str, ...]]:
    """Return the columns of each index by which a table's rows can be looked up, in order."""
    if tx.is_sqlite:
        sql = (
            "SELECT l.name AS of_index, i.name AS name FROM pragma_index_list(:table) l, pragma_index_info(l.name) i "
            "ORDER BY l.seq, i.seqno"
        )
    else:
        sql = (
            "SELECT index_name AS of_index, column_name AS name FROM information_schema.statistics "
            "WHERE table_schema = DATABASE() AND table_name = :table AND index_type <> 'FULLTEXT' "
            "ORDER BY index_name, seq_in_index"
        )
    by_index: dict[str, tuple[str, ...]] = {}
    for row in tx.all(sql, table=table):
        by_index[row["of_index"]] = (*by_index.get(row["of_index"], ()), str(row["name"]))
    return list(by_index.values())


def settings(tx: Transaction, *names: str) -> Mapping[str, str]:
    """Return the server's settings by name, as they hold for this connection; those it does not know are left out."""
    if tx.is_sqlite:
        return {}
    rows = tx.all("SHOW VARIABLES WHERE variable_name IN :names", names=names)
    return {str(row["Variable_name"]).lower(): str(row["Value"]) for row in rows}


def _columns_in_sqlite(tx: Transaction, table: str) -> dict[str, Column]:
    rows = tx.all("SELECT name, `notnull` AS filled, dflt_value AS value, pk FROM pragma_table_info(:t)", t=table)
    return {
        str(row["name"]): Column(
            str(row["name"]),
            is_required=bool(row["filled"]) and row["value"] is None and not row["pk"],
            is_automatic=bool(row["pk"]),
        )
        for row in rows
    }


def literal(tx: Transaction, value: str) -> str:
    """Return a text as SQL, for a statement that is to be the same each time."""
    written = value.encode("utf-8", "surrogatepass").hex()
    return f"CAST(X'{written}' AS TEXT)" if tx.is_sqlite else f"_utf8mb4 X'{written}'"


def fingerprint(tx: Transaction, table: str, columns: Sequence[str], where: str) -> str:
    """Return a query, as SQL, for one value that changes with these columns of the rows that meet ``where``.

    A server adds up digests: a thousand rows need not be sent to see that they are what they were.
    """
    if tx.is_sqlite:
        row = " || ' ' || ".join([f"COALESCE(HEX(`{column}`), '-')" for column in columns])
        return f"SELECT GROUP_CONCAT({row}) FROM `{table}` WHERE {where}"  # noqa: S608  names of ours, no value
    return f"SELECT SUM({digest(columns)}) FROM `{table}` WHERE {where}"  # noqa: S608  names of ours, no value


def digest(columns: Sequence[str]) -> str:
    """Return an expression, as a server's SQL, for a number that changes with these columns of a row."""
    names = ", ".join([f"`{column}`" for column in columns])  # X'00' makes bytes of all, whatever their character sets
    return f"CRC32(SHA2(CONCAT_WS(X'00', {names}), 256))"
