"""Databases and users of the tests on a server; all carry names of their own, and nothing else is touched."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import URL, make_url

from tests import servers
from tikisync.database import Database, Transaction
from tikisync.pipeline import administer

PREFIX = "tikisync_test_"
_COUNTER = re.compile(r" AUTO_INCREMENT=(\d+)")


class _UndoneError(Exception):
    pass


@contextmanager
def undone(database: Database) -> Iterator[Transaction]:
    """Open a transaction whose statements are all carried out, and rolled back at the end of the block."""
    try:
        with database.transaction() as tx:
            yield tx
            tx.flush()
            raise _UndoneError
    except _UndoneError:
        pass


class ServerAdmin:
    """Makes databases and users on the server at ``url``, and drops those it made."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection = servers.connect(url)
        self._databases: list[str] = []
        self._users: list[str] = []
        self.run("SET SESSION foreign_key_checks = 0, lock_wait_timeout = 10, innodb_lock_wait_timeout = 10")

    def run(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Carry out a statement (``%s`` for each parameter); return its rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return list(cursor.fetchall())

    def create_database(self) -> str:
        """Make an empty database; return its URL, of a user who may do everything."""
        name = PREFIX + secrets.token_hex(6)
        self.run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        self._databases.append(name)
        return _written(self._url.set(database=name, query={"charset": "utf8mb4"}))

    def drop_database(self, url: str) -> None:
        """Drop a database that ``create_database`` made."""
        self._databases.remove(_name(url))
        self.run(f"DROP DATABASE `{_name(url)}`")

    def create_user(self, url: str, *privileges: str, password: str = "") -> str:
        """Make a user with only these privileges; return the database's URL as that user.

        A privilege is what GRANT takes, such as ``SELECT, INSERT ON tiki_queue``; without a table it is for the whole
        database.
        """
        name, password = PREFIX + secrets.token_hex(6), password or secrets.token_hex(12)
        self.run(f"CREATE USER '{name}'@'%%' IDENTIFIED BY %s", password)
        self._users.append(name)
        for privilege in privileges:
            rights, _, table = privilege.partition(" ON ")
            self.run(f"GRANT {rights} ON `{_name(url)}`.{f'`{table}`' if table else '*'} TO '{name}'@'%'")
        return _written(make_url(url).set(username=name, password=password))

    def create_service_user(self, url: str) -> str:
        """Make a user with just the rights that ``tikisync grants`` prints for the running service; return its URL."""
        user = make_url(self.create_user(url))
        database = Database(url)
        for statement in administer.grants(database, str(user.username), "%"):
            if not statement.startswith("--"):
                self.run(statement)
        database.close()
        return _written(user)

    def close(self) -> None:
        """Drop what is left of what this admin made."""
        for name in self._databases:
            self.run(f"DROP DATABASE IF EXISTS `{name}`")
        for name in self._users:
            self.run(f"DROP USER IF EXISTS '{name}'@'%'")
        self._connection.close()


class TikiDatabase(Database):
    """A Tiki's database as tikisync's own user sees it; ``admin`` is the same to somebody who may do everything."""

    def __init__(self, url: str, admin: Database | None = None) -> None:
        super().__init__(url)
        self.admin = admin or self

    @property
    def url(self) -> str:
        """The URL with its password, for config files."""
        return _written(self._url)


class Template:
    """A database filled once, from which others are made equal again: only the tables that differ are touched."""

    def __init__(self, admin: ServerAdmin, fill: Callable[[Transaction], None]) -> None:
        self._admin = admin
        url = admin.create_database()
        self._name = _name(url)
        database = Database(url)
        with database.transaction() as tx:
            fill(tx)
        database.close()
        self._tables = self._state_of(self._name)

    def restore(self, url: str) -> None:
        """Make the database at ``url`` equal to this template, automatic ids to come included."""
        name = _name(url)
        found = self._state_of(name)
        for table in found.keys() - self._tables.keys():
            self._admin.run(f"DROP TABLE `{name}`.`{table}`")
        for table, (definition, checksum) in self._tables.items():
            if found.get(table) != (definition, checksum):
                self._restore_table(name, table, definition, found.get(table, ("", None))[0])

    def _restore_table(self, name: str, table: str, definition: str, found: str) -> None:
        place, original = f"`{name}`.`{table}`", f"`{self._name}`.`{table}`"
        if _COUNTER.sub("", found) == _COUNTER.sub("", definition):
            self._admin.run(f"DELETE FROM {place}")
        else:
            self._admin.run(f"DROP TABLE IF EXISTS {place}")
            self._admin.run(f"CREATE TABLE {place} LIKE {original}")
        self._admin.run(f"INSERT INTO {place} SELECT * FROM {original}")
        if "AUTO_INCREMENT" in definition:
            counter = _COUNTER.search(definition)
            self._admin.run(f"ALTER TABLE {place} AUTO_INCREMENT = {counter.group(1) if counter else 1}")

    def _state_of(self, name: str) -> dict[str, tuple[str, Any]]:
        """Return definition (with the counter of automatic ids) and checksum of each table."""
        tables = [next(iter(row.values())) for row in self._admin.run(f"SHOW TABLES FROM `{name}`")]
        if not tables:
            return {}
        places = [f"`{name}`.`{table}`" for table in tables]
        checksums = [row["Checksum"] for row in self._admin.run(f"CHECKSUM TABLE {', '.join(places)}")]
        definitions = [self._admin.run(f"SHOW CREATE TABLE {place}")[0]["Create Table"] for place in places]
        return dict(zip(tables, zip(definitions, checksums, strict=True), strict=True))


def _name(url: str) -> str:
    return str(make_url(url).database)


def _written(url: URL) -> str:
    return url.render_as_string(hide_password=False)
