"""A database user with just the printed rights does all that users, permissions and contacts need, and no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import make_url

from tests.databases import ServerAdmin
from tikisync.core.contacts import ContactChange
from tikisync.database import Database
from tikisync.errors import SetupError
from tikisync.tiki import contacts, grants, permissions, preferences, trackers, users


@pytest.fixture
def restricted(tiki: Database, server_admin: ServerAdmin) -> Iterator[Database]:
    """The Tiki's database as a user who has been granted what the statements for running say."""
    url = make_url(server_admin.create_user(tiki.shown))
    present = {next(iter(row.values())) for row in server_admin.run(f"SHOW TABLES FROM `{url.database}`")}
    own = [table for table in present if table.startswith("tikisync_")]
    for statement in grants.statements(str(url.database), str(url.username), "%", grants.running(own), present):
        server_admin.run(statement)
    database = Database(url)
    yield database
    database.close()


def test_the_printed_rights_are_enough_to_decide_and_to_write_contacts(restricted: Database) -> None:
    with restricted.transaction() as tx:
        user = users.find(tx, "hook")
        assert user is not None
        rights = permissions.load(tx, user, trackers.load(tx, "Orders"), None, preferences.load(tx, {}))
        assert permissions.with_categories(tx, rights, [2]).can_categorize(2)
        for wanted in (
            ContactChange("crm", "a@example.org", extra={"City": "Paris"}, groups=("Sync",)),
            ContactChange("crm", "a@example.org", last_name="X", extra={"City": "Rome"}, groups=()),
            ContactChange("crm", "a@example.org", extra={"City": ""}),
        ):
            contacts.write(tx, user, wanted)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT hash FROM users_users",
        "UPDATE users_users SET email = ''",
        "INSERT INTO users_usergroups (userId, groupName) VALUES (2, 'Admins')",
        "INSERT INTO users_grouppermissions (groupName, permName) VALUES ('Sync', 'tiki_p_admin')",
        "UPDATE tiki_preferences SET value = 'y'",
        "UPDATE tiki_webhooks SET secret = ''",
        "CREATE TABLE tikisync_more (id INT)",
        "DROP TABLE tiki_queue",
    ],
)
def test_the_printed_rights_allow_nothing_else(restricted: Database, statement: str) -> None:
    with pytest.raises(SetupError, match="refuses the user"), restricted.transaction() as tx:
        tx.run(statement)
