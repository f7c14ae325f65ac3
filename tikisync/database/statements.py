"""SQL as the drivers take it: parameters in the statements' order, lists written out, inserts of each kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

COLLECTIONS = (list, tuple, set, frozenset)

_NOTHING = "SELECT NULL FROM (SELECT 1) AS one WHERE 1 = 0"  # what an empty list has
PARAMETER = re.compile(r"(?<![:\w]):(\w+)")


def bound(sql: str, parameters: Mapping[str, Any], *, sqlite: bool) -> tuple[str, tuple[Any, ...]]:
    """Return a statement with ``:name`` parameters, and their values, as the driver takes them; lists for ``IN``."""
    lengths = {name: len(value) for name, value in parameters.items() if isinstance(value, COLLECTIONS)}
    statement, names = _placed(sql, tuple(lengths.items()), sqlite)
    values: list[Any] = []
    for name in names:
        if name in lengths:
            values.extend(parameters[name])
        else:
            values.append(parameters[name])
    return statement, tuple(values)


@lru_cache(maxsize=2048)
def _placed(sql: str, lengths: tuple[tuple[str, int], ...], sqlite: bool) -> tuple[str, tuple[str, ...]]:
    """Return the statement with a place for each value, and the names in their order."""
    place, lists = "?" if sqlite else "%s", dict(lengths)

    def places(match: re.Match[str]) -> str:
        length = lists.get(match[1])
        return place if length is None else f"({', '.join([place] * length) or _NOTHING})"

    text = sql if sqlite else sql.replace("%", "%%")
    return PARAMETER.sub(places, text), tuple(match[1] for match in PARAMETER.finditer(sql))


@lru_cache(maxsize=256)
def insert(table: str, columns: tuple[str, ...], sqlite: bool, on_duplicate: str = "", rows: int = 1) -> str:
    """Return the INSERT of rows with these columns; ``on_duplicate`` as ``Transaction.insert_many`` takes it."""
    names = ", ".join(f"`{column}`" for column in columns)
    row = f"({', '.join(['?' if sqlite else '%s'] * len(columns))})"
    places = ", ".join([row] * rows)
    verb, suffix = "INSERT", ""
    if on_duplicate == "ignore":
        verb = "INSERT OR IGNORE" if sqlite else "INSERT IGNORE"
    elif on_duplicate:
        suffix = f" ON CONFLICT DO UPDATE SET {on_duplicate}" if sqlite else f" ON DUPLICATE KEY UPDATE {on_duplicate}"
    return f"{verb} INTO `{table}` ({names}) VALUES {places}{suffix}"


def matches(where: Mapping[str, Any]) -> str:
    """Return the condition, as SQL with parameters, that columns equal (or are among) the values of ``where``."""
    operators = {name: "IN" if isinstance(value, COLLECTIONS) else "=" for name, value in where.items()}
    return " AND ".join(f"`{name}` {operator} :{name}" for name, operator in operators.items())
