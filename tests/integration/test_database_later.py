"""Writes that wait for the next statement: what is carried out is the same, in fewer round trips."""

from __future__ import annotations

import pytest

from tests.colours import shades
from tests.statements import sent
from tikisync.database import Database


def write(database: Database) -> dict[str, int]:
    """Write in every way that may wait, and return what the transaction then sees."""
    with database.transaction() as tx:
        tx.update("colours", {"name": "red"}, {"shade": 5})
        tx.insert_many("colours", [{"name": "pink", "shade": 4}, {"name": "grey", "shade": 1}])
        tx.upsert_many("colours", [{"id": 2, "name": "green", "shade": 7}], key=["id"])
        tx.count("colours", {"shade": [4, 5]}, "shade", 10, {})
        tx.delete("colours", {"name": "grey"})
        tx.later("UPDATE colours SET shade = shade + :more WHERE name = :name", more=1, name="pink")
        return shades(tx)


def test_what_waits_is_seen_by_the_statement_that_it_goes_with(colours: Database) -> None:
    assert write(colours) == {"red": 15, "green": 7, "blue": 3, "pink": 15}


def test_a_server_is_sent_them_together_and_sqlite_one_by_one(colours: Database) -> None:
    with sent(colours) as texts:
        write(colours)
    assert len(texts) == (7 if colours.is_sqlite else 1)


def test_what_waits_at_the_end_of_a_transaction_is_carried_out_then(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.update("colours", {"name": "red"}, {"shade": 5})
    with colours.transaction() as tx:
        assert shades(tx)["red"] == 5


def test_how_many_rows_were_met_and_which_id_a_row_got_is_of_the_last_statement_alone(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.update("colours", {"name": ["red", "green"]}, {"shade": 5})
        assert tx.update_now("colours", {"name": "blue"}, {"shade": 9}) == 1
        tx.delete("colours", {"name": "blue"})
        assert tx.insert("colours", {"name": "pink", "shade": 4}) == 4


def test_where_one_of_them_fails_none_is_kept(colours: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)duplicate|unique"), colours.transaction() as tx:
        tx.update("colours", {"name": "red"}, {"shade": 5})
        tx.insert_many("colours", [{"name": "red", "shade": 9}])
        tx.update("colours", {"name": "green"}, {"shade": 5})
    with colours.transaction() as tx:
        assert shades(tx) == {"red": 1, "green": 2, "blue": 3}


def test_what_still_waited_when_a_transaction_failed_is_never_carried_out(colours: Database) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), colours.transaction() as tx:
            tx.update("colours", {"name": "red"}, {"shade": 5})
            raise ZeroDivisionError
    with colours.transaction() as tx:
        assert shades(tx) == {"red": 1, "green": 2, "blue": 3}


def test_values_are_what_they_are_whatever_marks_are_in_them(colours: Database) -> None:
    names = ["a;b", "100 %s", "it's", 'x"; --', "back\\", ":name", "%%d", "ß;é"]
    with colours.transaction() as tx:
        tx.insert_many("colours", [{"name": name, "shade": 8} for name in names])
        tx.update("colours", {"name": "a;b"}, {"name": "%;"})
        assert set(shades(tx)) >= {*names[1:], "%;"}


def test_a_long_text_does_not_wait(server_colours: Database) -> None:
    with server_colours.transaction() as tx:
        tx.run("ALTER TABLE colours ADD COLUMN told MEDIUMTEXT")
        with sent(server_colours) as texts:
            tx.update("colours", {"name": "red"}, {"shade": 5})
            tx.update("colours", {"name": "red"}, {"told": "x" * 1_000_000})
            assert len(texts) == 1
            tx.update("colours", {"name": "green"}, {"shade": 6})
            assert len(texts) == 1
        assert shades(tx) == {"red": 5, "green": 6}
