"""The GRANT statements for the least rights that tikisync needs, as MySQL and MariaDB understand them."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping

from tikisync.tiki.rules_page import RIGHTS
from tikisync.tiki.tables import TABLES

DASHBOARD: Mapping[str, str] = {  # it checks passwords
    "users_users": "SELECT (userId, login, email, default_group, hash, waiting, pass_confirm, twoFactorSecret)",
}


RULES_PAGE: Mapping[str, str] = {"tiki_pages": RIGHTS}


def running(
    own: Mapping[str, str],
    without_transactions: Collection[str] = (),
    *,
    dashboard: bool = False,
    rules_page: bool = False,
) -> dict[str, str]:
    """Return rights by table for the running service; ``own`` are those on tikisync's tables.

    A repeat must see what another try left in a table that cannot roll back, so it reads all of those.
    """
    granted = {
        name: table.rights.replace("SELECT", f"SELECT ({', '.join(table.columns.split())})")
        if table.is_private
        else table.rights
        for name, table in TABLES.items()
    }
    more = {name: f"SELECT, {granted[name]}" for name in without_transactions if "SELECT" not in granted[name]}
    return {**granted, **more, **(DASHBOARD if dashboard else {}), **(RULES_PAGE if rules_page else {}), **own}


def setting_up(own: Iterable[str]) -> dict[str, str]:
    """Return rights by table for ``tikisync setup``: to make and upgrade tikisync's own tables, no others."""
    return dict.fromkeys(own, "SELECT, INSERT, CREATE, ALTER, INDEX")


def statements(database: str, user: str, host: str, rights: Mapping[str, str], seen: Container[str]) -> list[str]:
    """Return the GRANT statements that give an existing account these rights.

    ``seen`` holds the tables known to be there. A server refuses grants on others, so where Tiki may do without a
    table, the statement is left to be chosen.
    """
    account = f"{_text(user)}@{_text(host)}"
    unsure = {name for name, table in TABLES.items() if table.is_optional and name not in seen}
    return [
        f"{'-- where this table is there: ' if table in unsure else ''}"
        f"GRANT {granted} ON {_name(database)}.{_name(table)} TO {account};"
        for table, granted in rights.items()
    ]


def _name(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
