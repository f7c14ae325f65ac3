"""SQL as the drivers take it: parameters in the statements' order, lists written out, inserts of each kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tikisync.database.literals import NOTHING

COLLECTIONS = (list, tuple, set, frozenset)

PARAMETER = re.compile(r"(?<![:\w]):(\w+)")


@lru_cache(maxsize=2048)
def placed(sql: str) -> tuple[str, Sequence[str]]:
    """Return a statement with ``%s`` for each ``:name`` parameter, and the names in their order."""
    return PARAMETER.sub("%s", sql.replace("%", "%%")), PARAMETER.findall(sql)


def bound(sql: str, parameters: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Return a statement with ``?`` for each ``:name`` parameter, and the values in their order; lists for ``IN``."""
    values: list[Any] = []

    def place(match: re.Match[str]) -> str:
        value = parameters[match[1]]
        if not isinstance(value, COLLECTIONS):
            values.append(value)
            return "?"
        values.extend(value)
        return f"({', '.join('?' * len(value)) or NOTHING})"

    return PARAMETER.sub(place, sql), tuple(values)


@lru_cache(maxsize=256)
def insert(table: str, columns: tuple[str, ...], sqlite: bool, on_duplicate: str = "") -> str:
    """Return the INSERT of a row with these columns; ``on_duplicate`` as ``Transaction.insert_many`` takes it."""
    names = ", ".join(f"`{column}`" for column in columns)
    places = ", ".join(["?" if sqlite else "%s"] * len(columns))
    verb, suffix = "INSERT", ""
    if on_duplicate == "ignore":
        verb = "INSERT OR IGNORE" if sqlite else "INSERT IGNORE"
    elif on_duplicate:
        suffix = f" ON CONFLICT DO UPDATE SET {on_duplicate}" if sqlite else f" ON DUPLICATE KEY UPDATE {on_duplicate}"
    return f"{verb} INTO `{table}` ({names}) VALUES ({places}){suffix}"


def matches(where: Mapping[str, Any]) -> str:
    """Return the condition, as SQL with parameters, that columns equal (or are among) the values of ``where``."""
    operators = {name: "IN" if isinstance(value, COLLECTIONS) else "=" for name, value in where.items()}
    return " AND ".join(f"`{name}` {operator} :{name}" for name, operator in operators.items())
