"""Errors of the database come as ours, by whose fault they are, and show no secret."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.engine import URL, make_url

from tests import colours as table
from tests.colours import shades
from tests.databases import ServerAdmin
from tikisync.database import Database
from tikisync.errors import ConflictError, DataRefusedError, PassingError, SetupError, TikiError, TikisyncError


def test_a_deadlock_is_a_conflict_for_one_and_nothing_for_the_other(server_colours: Database) -> None:
    both_hold_one = threading.Barrier(2)
    outcomes: list[str] = []

    def update(first: int, second: int) -> None:
        try:
            with server_colours.transaction() as tx:
                tx.update_now("colours", {"id": first}, {"shade": 10})
                both_hold_one.wait(10)
                tx.update_now("colours", {"id": second}, {"shade": 10})
            outcomes.append("done")
        except ConflictError as error:
            outcomes.append(error.reason)

    threads = [threading.Thread(target=update, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["conflict", "done"]


def test_a_lost_connection_passes_and_the_next_transaction_works(
    server_colours: Database, server_admin: ServerAdmin
) -> None:
    with pytest.raises(PassingError) as lost, server_colours.transaction() as tx:
        tx.insert("colours", {"name": "pink"})
        server_admin.run(f"KILL {tx.value('SELECT CONNECTION_ID()')}")
        tx.insert("colours", {"name": "grey"})
    assert lost.value.reason == "database_away"
    with server_colours.transaction() as tx:
        assert list(shades(tx)) == ["red", "green"]


def test_a_server_that_does_not_answer_counts_as_away_and_the_next_transaction_works(server_colours: Database) -> None:
    impatient = server_colours.impatient(1)
    with pytest.raises(PassingError) as late, impatient.transaction() as tx:
        tx.value("SELECT SLEEP(20)")
    assert late.value.reason == "database_away"
    with impatient.transaction() as tx:
        assert list(shades(tx)) == ["red", "green"]
    impatient.close()


def test_a_connection_lost_while_it_rested_costs_one_attempt(
    server_colours: Database, server_admin: ServerAdmin
) -> None:
    with server_colours.transaction() as tx:
        resting = tx.value("SELECT CONNECTION_ID()")
    server_admin.run(f"KILL {resting}")
    with pytest.raises(PassingError), server_colours.transaction() as tx:
        shades(tx)
    with server_colours.transaction() as tx:
        assert len(shades(tx)) == 2


def test_a_lost_connection_takes_all_that_are_as_old_with_it(
    server_colours: Database, server_admin: ServerAdmin
) -> None:
    def ids() -> set[int]:
        with server_colours.transaction() as one, server_colours.transaction() as other:
            return {tx.value("SELECT CONNECTION_ID()") for tx in (one, other)}

    before = ids()
    with pytest.raises(PassingError), server_colours.transaction() as tx:
        server_admin.run(f"KILL {tx.value('SELECT CONNECTION_ID()')}")
        shades(tx)
    assert not ids() & before  # the server may have been started anew


def test_a_connection_that_was_lost_is_not_used_again_within_the_transaction(
    server_colours: Database, server_admin: ServerAdmin
) -> None:
    with pytest.raises(PassingError), server_colours.transaction() as tx:
        server_admin.run(f"KILL {tx.value('SELECT CONNECTION_ID()')}")
        with suppress(Exception):
            shades(tx)
        tx.update_now("colours", {"id": 1}, {"shade": 9})
    with server_colours.transaction() as tx:
        assert shades(tx)["red"] == 1


def test_an_interrupt_amid_a_statement_costs_no_more_than_the_connection(server_colours: Database) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt), server_colours.transaction() as tx:
            tx.insert("colours", {"name": "pink"})
            tx.value("SELECT SLEEP(20)")
    finally:
        signal.signal(signal.SIGALRM, before)
    with server_colours.transaction() as tx:
        assert list(shades(tx)) == ["red", "green"]


def test_a_server_that_is_not_there_passes() -> None:
    database = Database("mysql+pymysql://root:hunter2@127.0.0.1:1/tiki")
    with pytest.raises(PassingError) as away, database.transaction():
        pass
    assert "hunter2" not in str(away.value)
    database.close()


def test_no_free_connection_passes(fresh_database: Callable[[], str]) -> None:
    database = Database(fresh_database(), pool_size=1, connect_timeout=1)
    with ExitStack() as held, pytest.raises(PassingError) as none_free:
        for _ in range(20):
            held.enter_context(database.transaction())
    assert none_free.value.reason == "database_away"
    database.close()


def test_a_missing_table_or_column_says_what_to_set_up(colours: Database) -> None:
    for sql in ("SELECT * FROM tiki_webhooks", "SELECT hue FROM colours"):
        with pytest.raises(TikiError) as missing, colours.transaction() as tx:
            tx.all(sql)
        assert "tikisync setup" in missing.value.hint
        assert ("tiki_webhooks" if "tiki" in sql else "hue") in str(missing.value)


def test_a_missing_database_says_so(fresh_database: Callable[[], str]) -> None:
    database = Database(make_url(fresh_database()).set(database="tikisync_test_none"))
    with pytest.raises(TikiError, match="tikisync_test_none"), database.transaction():
        pass
    database.close()


def test_a_wrong_password_is_the_set_ups_fault(server_admin: ServerAdmin, fresh_database: Callable[[], str]) -> None:
    database = Database(make_url(server_admin.create_user(fresh_database())).set(password="hunter2"))
    with pytest.raises(SetupError) as denied, database.transaction():
        pass
    assert denied.value.reason == "database_denied"
    assert "hunter2" not in str(denied.value)
    database.close()


def test_a_user_without_a_right_is_the_set_ups_fault(
    server_admin: ServerAdmin, fresh_database: Callable[[], str]
) -> None:
    url = fresh_database()
    owner = Database(url)
    with owner.transaction() as tx:
        table.create(tx)
    owner.close()
    database = Database(server_admin.create_user(url, "SELECT ON colours"))
    with pytest.raises(SetupError) as denied, database.transaction() as tx:
        assert shades(tx) == {}
        tx.insert("colours", {"name": "red"})
    assert denied.value.reason == "database_denied"
    assert "tikisync grants" in denied.value.hint
    database.close()


def test_a_password_is_sent_in_utf_8_as_php_sends_it(
    server_admin: ServerAdmin, fresh_database: Callable[[], str]
) -> None:
    url = server_admin.create_user(fresh_database(), "SELECT", password="p@ss/wörd: žluť 🎨")
    database = Database(url)
    with database.transaction() as tx:
        assert tx.value("SELECT 1") == 1
    assert "žluť" not in repr(database)
    database.close()


@pytest.fixture
def url_from_elsewhere(fresh_database: Callable[[], str]) -> URL:
    """The URL of an empty database with a host that is not known to be this machine."""
    url = make_url(fresh_database())
    return url.set(host="127.1") if url.host in ("127.0.0.1", "localhost") else url


def test_a_server_elsewhere_may_do_without_encryption(url_from_elsewhere: URL) -> None:
    database = Database(url_from_elsewhere)
    with database.transaction() as tx:
        assert tx.value("SELECT 1") == 1
    database.close()


def test_a_server_that_the_named_authority_does_not_vouch_for_is_refused(
    url_from_elsewhere: URL, tmp_path: Path
) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_bytes(self_signed_certificate())
    database = Database(url_from_elsewhere.update_query_dict({"ssl_ca": str(authority)}))
    with pytest.raises(SetupError) as refused, database.transaction():
        pass
    assert refused.value.reason == "database_tls"
    database.close()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_holds_no_certificates_is_the_set_ups_fault(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "authority.pem"
    if content:
        path.write_text(content)
    with pytest.raises(SetupError, match=r"authority.pem, ssl_ca in the database URL"):
        Database(f"mysql+pymysql://tiki@db.example/tiki?ssl_ca={path}")


def self_signed_certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority that vouches for nobody here")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "row",
    [{"name": "a name too long for its column"}, {"name": "red", "shade": "dark"}, {"name": "red", "shade": 2**40}],
    ids=["too long", "no number", "out of range"],
)
def test_a_value_the_column_has_no_room_for_is_refused(database: Database, row: dict[str, object]) -> None:
    with database.transaction() as tx:
        table.create(tx)
    with pytest.raises(DataRefusedError, match=r"name|shade") as refused, database.transaction() as tx:
        tx.insert("colours", row)
    assert "too long for its" not in str(refused.value)
    assert "dark" not in str(refused.value)


def test_a_character_the_column_has_no_room_for_is_refused(database: Database) -> None:
    with database.transaction() as tx:
        tx.run("CREATE TABLE old (name VARCHAR(10)) CHARACTER SET latin1")
    with pytest.raises(DataRefusedError), database.transaction() as tx:
        tx.insert("old", {"name": "Łódź"})
    with pytest.raises(DataRefusedError) as refused, database.transaction() as tx:
        tx.update("old", {"name": "Łódź"}, {"name": ""})
    assert "xC5" not in str(refused.value)


def test_a_duplicate_is_no_error_of_ours(colours: Database) -> None:
    """Where a duplicate can happen, the statement says what then; elsewhere it is a bug."""
    with pytest.raises(Exception, match=r"(?i)duplicate|unique") as duplicate, colours.transaction() as tx:
        tx.insert("colours", {"name": "red"})
    assert not isinstance(duplicate.value, TikisyncError)


def test_a_bug_in_a_statement_is_told_without_the_values_in_it(colours: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)null") as bug, colours.transaction() as tx:
        tx.update("colours", {"shade": 654321}, {"shade": 1})
        tx.insert_many("colours", [{"name": None, "shade": 123456}])
    assert not isinstance(bug.value, TikisyncError)
    assert "INSERT INTO `colours`" in str(bug.value)
    assert "123456" not in str(bug.value)
    assert "654321" not in str(bug.value)


def test_a_locked_sqlite_file_is_a_conflict(tmp_path: Path) -> None:
    holder, other = (Database(f"sqlite:///{tmp_path / 'colours.db'}") for _ in range(2))
    with other.transaction() as tx:
        tx.run("PRAGMA busy_timeout = 10")
    with holder.transaction(), pytest.raises(ConflictError), other.transaction():
        pass
    holder.close()
    other.close()


def test_sqlite_files_that_cannot_be_used_are_the_set_ups_fault(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but a text that is longer than a header")
    for path in (tmp_path / "none" / "tiki.db", tmp_path / "text.db"):
        database = Database(f"sqlite:///{path}")
        with pytest.raises(SetupError, match="cannot be used") as unusable, database.transaction():
            pass
        assert str(path) in str(unusable.value)
        database.close()


@pytest.mark.parametrize("url", ["no url", "", "mysql:/x", "mysql+pymysql://tiki@host:port/tiki"])
def test_a_url_that_cannot_be_read_shows_how_one_looks(url: str) -> None:
    with pytest.raises(SetupError) as unreadable:
        Database(url)
    assert "mysql+pymysql://" in unreadable.value.hint


@pytest.mark.parametrize("url", ["mysql://tiki:hunter2@host/tiki", "postgresql://tiki:hunter2@host/tiki"])
def test_another_kind_of_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SetupError) as other:
        Database(url)
    assert "hunter2" not in str(other.value) + other.value.hint


def test_a_password_never_shows() -> None:
    database = Database("mysql+pymysql://tiki:hunter2@db.example/tiki")
    assert "hunter2" not in repr(database) + str(database) + database.shown
    assert "db.example/tiki" in database.shown
    database.close()
