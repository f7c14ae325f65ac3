"""Statements over a connection that never waits, on a real server."""

from __future__ import annotations

import ipaddress
import select
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy.engine import URL

from tests import colours as table
from tests import servers
from tikisync.database import Database
from tikisync.database.bulk import Bulk, parameters
from tikisync.database.nonblocking import NonBlockingConnection, Repeated
from tikisync.errors import PassingError, SetupError

ADD = "INSERT INTO colours (name, shade) VALUES"


@pytest.fixture
def connection(server_colours: Database) -> Iterator[NonBlockingConnection]:
    connection = opened(server_colours)
    yield connection
    connection.close()


def opened(database: Database, bulk: Bulk | None = None) -> NonBlockingConnection:
    connection = database.nonblocking(bulk)
    assert connection is not None
    return connection


def answers(connection: NonBlockingConnection, number: int = 1) -> list[int | None]:
    """Wait for so many answers, as an event loop does."""
    found: list[int | None] = []
    while len(found) < number:
        wanted = [connection] if not connection.flush() else []
        readable, _, _ = select.select([connection], wanted, [], 20)
        if readable:
            found += connection.answers()
    return found


def shades(database: Database) -> dict[str, int]:
    with database.transaction() as tx:
        return table.shades(tx)


def test_each_statement_takes_effect_by_itself_and_what_is_sent_together_is_answered_by_the_last(
    server_colours: Database, connection: NonBlockingConnection
) -> None:
    connection.send([f"{ADD} ('blue', 3)", f"{ADD} ('grey', 4), ('pink', 5)"])
    assert answers(connection) == [2]
    assert shades(server_colours) == {"red": 1, "green": 2, "blue": 3, "grey": 4, "pink": 5}


def test_questions_need_not_wait_for_one_another_and_a_refused_one_does_not_harm_the_next(
    server_colours: Database, connection: NonBlockingConnection
) -> None:
    for statements in ([f"{ADD} ('red', 9)"], [f"{ADD} ('blue', 3)"], [f"{ADD} (NULL, 1)", f"{ADD} ('grey', 4)"]):
        connection.send(statements)
    assert answers(connection, 3) == [None, 1, None]
    assert shades(server_colours) == {"red": 1, "green": 2, "blue": 3, "grey": 4}


BULK = Bulk(f"{ADD} (?, ?)", (str, int))


def test_rows_are_sent_in_bulk_where_the_server_is_a_mariadb(server_colours: Database) -> None:
    connection = opened(server_colours, BULK)
    with server_colours.transaction() as tx:
        assert connection.takes_rows == tx.server().startswith("MariaDB")
    if connection.takes_rows:
        connection.send([parameters(["bl\\u'e", -3, None, None, "gr\xfcn", 1 << 40])])
        connection.send([parameters(["blue", 3, "red", 4])])
        connection.send([f"{ADD} ('grey', 4)", parameters(["pink", None])])
        assert answers(connection, 3) == [None, None, 1]
        assert shades(server_colours) == {"red": 1, "green": 2, "grey": 4, "pink": None}
    connection.close()


def test_rows_that_another_transaction_is_in_the_way_of_are_refused_and_none_is_kept(server_colours: Database) -> None:
    connection = opened(server_colours, BULK)
    if connection.takes_rows:
        connection.send(["SET SESSION innodb_lock_wait_timeout = 1"])
        assert answers(connection) == [0]
        with server_colours.transaction() as tx:
            tx.run(f"{ADD} ('pink', 5)")
            connection.send([parameters(["blue", 3, "pink", 4, "grey", 4])])
            assert answers(connection) == [None]
        connection.send([parameters(["blue", 3])])
        assert answers(connection) == [1]
        assert shades(server_colours) == {"red": 1, "green": 2, "pink": 5, "blue": 3}
    connection.close()


def test_rows_whose_statement_is_killed_are_refused_and_none_is_kept(server_colours: Database) -> None:
    connection = opened(server_colours, BULK)
    if connection.takes_rows:
        connection.send(["SET @number = CONNECTION_ID()", "UPDATE colours SET shade = @number WHERE name = 'red'"])
        assert answers(connection) == [1]
        with server_colours.transaction() as tx:
            number = shades(server_colours)["red"]
            tx.run(f"{ADD} ('pink', 5)")
            connection.send([parameters(["blue", 3, "pink", 4, "grey", 4])])
            with server_colours.at_once() as other:
                while not other.value(
                    f"SELECT 1 FROM information_schema.processlist WHERE id = {number} AND info <> ''"
                ):
                    pass
                other.run(f"KILL QUERY {number}")
            assert answers(connection) == [None]
        assert shades(server_colours) == {"red": number, "green": 2, "pink": 5}
    connection.close()


def test_a_repeated_statement_is_prepared_anew_after_trouble_and_where_it_is_another(
    server_colours: Database,
) -> None:
    connection = opened(server_colours, BULK)
    if connection.takes_rows:
        raised = [
            Repeated(f"UPDATE colours SET shade = shade + ? WHERE name = '{name}'", 10) for name in ("red", "green")
        ]
        for statement in (raised[0], raised[0], raised[1], Repeated("nonsense ?", 1), raised[1], raised[0]):
            connection.send([statement])
        assert answers(connection, 6) == [1, 1, 1, None, 1, 1]
        connection.send([Repeated("nonsense ?", 1)])
        assert answers(connection) == [None]
        connection.send([raised[0]])
        assert answers(connection) == [1]
        assert shades(server_colours) == {"red": 41, "green": 22}
    connection.close()


def test_a_statement_longer_than_the_socket_takes_at_once_arrives_whole(
    server_colours: Database, connection: NonBlockingConnection
) -> None:
    connection.send([f"UPDATE colours SET shade = LENGTH('{'x' * 900_000}') WHERE name = 'red'"])
    assert answers(connection) == [1]
    assert shades(server_colours)["red"] == 900_000


def test_it_reads_what_others_have_committed_like_every_other_connection(
    server_colours: Database, connection: NonBlockingConnection
) -> None:
    with server_colours.transaction() as tx:
        [isolation] = [value for value in map(tx.value, ISOLATION) if value]
    connection.send([f"UPDATE colours SET name = LEFT({isolation}, 10) WHERE shade = 1"])
    assert answers(connection) == [1]
    assert "READ-COMMI" in shades(server_colours)


ISOLATION = (  # how the server calls it: MySQL and MariaDB 11.1, then MariaDB before
    "SELECT IF(VERSION() LIKE '%MariaDB%', NULL, '@@transaction_isolation')",
    "SELECT IF(VERSION() LIKE '%MariaDB%', '@@tx_isolation', NULL)",
)


def test_a_connection_that_the_server_ends_is_trouble_that_passes(
    server_colours: Database, connection: NonBlockingConnection
) -> None:
    connection.send(["UPDATE colours SET shade = CONNECTION_ID() WHERE name = 'red'"])
    assert answers(connection) == [1]
    with server_colours.at_once() as tx:
        tx.run(f"KILL {shades(server_colours)['red']}")
    with pytest.raises(PassingError):
        answers(connection)


def test_what_cannot_be_connected_to_is_the_same_error_as_for_every_other_connection() -> None:
    database = Database("mysql+pymysql://nobody:wrong@127.0.0.1:1/tiki")
    with pytest.raises(PassingError) as trouble:
        database.nonblocking()
    assert trouble.value.reason == "database_away"


def test_sqlite_has_no_server_to_wait_for(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tiki.db'}")
    assert database.nonblocking() is None
    database.close()


@pytest.fixture
def encrypting(tmp_path: Path) -> Iterator[URL]:
    """The URL of a server of this machine's programs with a certificate, to be encrypted to."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    flags = [f"--ssl-cert={certificate_file}", f"--ssl-key={key_file}"]
    try:
        server = servers.on_this_machine({}, lambda _line: None, *flags)
    except servers.NoServerError as error:
        pytest.skip(str(error))
    yield server.url.set(database="mysql").update_query_dict({"ssl_ca": str(certificate_file)})
    server.stop()


def test_an_encrypted_connection_does_not_wait_either(encrypting: URL) -> None:
    database = Database(encrypting)
    with database.at_once() as tx:
        tx.run("CREATE DATABASE site")
    database.close()
    site = Database(encrypting.set(database="site"))
    with site.transaction() as tx:
        table.create(tx, "red")
    connection = opened(site)
    update = f"UPDATE colours SET shade = LENGTH('{'x' * 900_000}') WHERE name = 'red'"
    for _ in range(3):
        connection.send([update, "UPDATE colours SET shade = shade + 1"])
    assert answers(connection, 3) == [1, 1, 1]
    assert shades(site) == {"red": 900_001}
    connection.close()
    site.close()
    with pytest.raises(SetupError):
        Database(encrypting.update_query_dict({"ssl_ca": "nowhere.pem"}))
