"""A node of a Galera cluster: what is asked of it, and that it is left when it has lost the others."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.chaos import galera
from tests.chaos.galera import GaleraNode
from tests.chaos.site import until
from tests.databases import ServerAdmin
from tests.end_to_end.program import free_port
from tests.tcp_proxy import Proxy
from tikisync.database import Database
from tikisync.database import tables as database_tables
from tikisync.database.bulk import Bulk
from tikisync.errors import PassingError
from tikisync.pipeline import check_database


@pytest.fixture(scope="module")
def node() -> Iterator[GaleraNode]:
    """The only node of a cluster, in a folder that the user it runs as may reach."""
    folder = Path(tempfile.mkdtemp(prefix="tikisync-galera-"))
    try:
        library = galera.provider(print, programs=())
        started = GaleraNode(folder / "node", free_port(), galera.flags(0, [free_port()], library))
    except servers.NoServerError as missing:
        servers.without(missing, os.environ)
    started.start("--wsrep-new-cluster")
    until(started.is_synced, started.told)
    yield started
    started.stop()
    shutil.rmtree(folder)


@pytest.fixture
def url(node: GaleraNode) -> str:
    admin = ServerAdmin(node.url)
    return admin.create_database()


def test_each_connection_waits_for_what_other_nodes_committed_before(url: str) -> None:
    database = Database(url)

    with database.transaction() as tx:
        assert tx.value("SELECT @@wsrep_sync_wait") & 1
    database.close()


def test_rows_are_not_sent_in_bulk_for_a_cluster_loses_some(url: str) -> None:
    database = Database(url)
    connection = database.nonblocking(Bulk("INSERT INTO nowhere VALUES (?)", (int,)))
    assert connection
    assert not connection.takes_rows
    connection.close()
    database.close()


def test_a_node_that_takes_no_statements_any_more_is_left_for_another(url: str, node: GaleraNode) -> None:
    other = Proxy("127.0.0.1", node.port)
    database, admin = (
        Database(url.replace(f":{node.port}/", f":{node.port},127.0.0.1:{other.port}/")),
        ServerAdmin(node.url),
    )
    with database.transaction() as tx:
        tx.run("CREATE TABLE colours (id INT PRIMARY KEY)")

    admin.run("SET GLOBAL wsrep_reject_queries = ALL")
    try:
        with pytest.raises(PassingError, match="WSREP"), database.transaction() as tx:
            tx.all("SELECT * FROM colours")
    finally:
        admin.run("SET GLOBAL wsrep_reject_queries = NONE")

    with database.transaction() as tx:
        assert tx.all("SELECT * FROM colours") == []
        assert tx._session.connection.connection.driver_connection.port == other.port  # type: ignore[union-attr]
    database.close()
    other.cut()


def test_a_node_that_has_lost_its_cluster_is_not_used(url: str, node: GaleraNode) -> None:
    admin, database = ServerAdmin(node.url), Database(url)
    admin.run("SET GLOBAL wsrep_cluster_address = ''")
    try:
        with pytest.raises(PassingError, match="this node of a Galera cluster is not ready"), database.transaction():
            pass
    finally:
        admin.run("SET GLOBAL wsrep_cluster_address = 'gcomm://'")
        until(node.is_synced, node.told)
    with database.transaction() as tx:
        assert tx.value("SELECT 1") == 1
    database.close()


def test_a_nodes_own_settings_suit(url: str) -> None:
    database = Database(url)
    with database.transaction() as tx:
        settings = database_tables.settings(tx, "wsrep_on", *check_database.GALERA)
    database.close()

    assert settings["wsrep_on"] == "ON"
    assert list(check_database.galera(settings, [])) == []
