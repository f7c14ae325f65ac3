"""The statements of the database room do the same on a real server and in SQLite."""

from __future__ import annotations

import pytest

from tests.colours import shades
from tikisync.database import Database
from tikisync.database.rehearsal import rehearsal
from tikisync.errors import ConflictError, TikiError


def test_a_transaction_is_kept_at_its_end_and_undone_by_an_exception(colours: Database) -> None:
    with colours.transaction() as tx:
        assert tx.insert("colours", {"name": "pink", "shade": 4}) == 4
    with pytest.raises(ZeroDivisionError), colours.transaction() as tx:
        tx.insert("colours", {"name": "grey", "shade": 5})
        raise ZeroDivisionError
    with colours.transaction() as tx:
        assert list(shades(tx)) == ["red", "green", "blue", "pink"]


def test_queries_return_rows_a_row_or_a_value(colours: Database) -> None:
    with colours.transaction() as tx:
        assert [dict(row) for row in tx.all("SELECT name FROM colours WHERE shade > :n ORDER BY id", n=1)] == [
            {"name": "green"},
            {"name": "blue"},
        ]
        assert dict(tx.first("SELECT name, shade FROM colours WHERE id = :id", id=2) or {}) == {
            "name": "green",
            "shade": 2,
        }
        assert tx.first("SELECT name FROM colours WHERE id = 9") is None
        assert tx.value("SELECT COUNT(*) FROM colours") == 3
        assert tx.value("SELECT name FROM colours WHERE id = 9") is None


def test_a_column_that_a_row_has_not_is_told_as_missing_in_the_table(colours: Database) -> None:
    with pytest.raises(TikiError, match=r"lacks a table or column .*hue"), colours.transaction() as tx:
        assert tx.all("SELECT * FROM colours")[0]["hue"]


@pytest.mark.parametrize("names", [["red", "blue"], ("red", "blue"), {"red", "blue"}, frozenset({"red", "blue"})])
def test_a_collection_as_a_parameter_is_an_in_list(colours: Database, names: object) -> None:
    with colours.transaction() as tx:
        assert len(tx.all("SELECT id FROM colours WHERE name IN :names", names=names)) == 2


def test_an_empty_in_list_finds_nothing(colours: Database) -> None:
    with colours.transaction() as tx:
        assert tx.all("SELECT id FROM colours WHERE name IN :names", names=[]) == []
        assert len(tx.all("SELECT id FROM colours WHERE name NOT IN :names", names=[])) == 3
        tx.delete("colours", {"name": []})
        assert len(shades(tx)) == 3


def test_one_statement_serves_in_lists_of_every_length_and_single_values(colours: Database) -> None:
    sql = "SELECT COUNT(*) FROM colours WHERE shade IN :shades"
    with colours.transaction() as tx:
        assert [tx.value(sql, shades=list(range(length))) for length in (0, 1, 2, 3, 4)] == [0, 0, 1, 2, 3]


def test_update_counts_the_rows_it_met_even_where_nothing_changed(colours: Database) -> None:
    with colours.transaction() as tx:
        assert tx.update_now("colours", {"name": "red"}, {"shade": 1}) == 1
        assert tx.update_now("colours", {"name": ["red", "blue"]}, {"shade": 7}) == 2
        assert tx.update_now("colours", {"name": "none"}, {"shade": 7}) == 0
        assert shades(tx) == {"red": 7, "green": 2, "blue": 7}


def test_a_column_can_be_both_looked_for_and_changed(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.update("colours", {"shade": 1, "name": "red"}, {"shade": 9})
        assert shades(tx)["red"] == 9


def test_delete_takes_the_rows_that_match_all_columns(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.delete("colours", {"name": ["red", "green"], "shade": 2})
        assert list(shades(tx)) == ["red", "blue"]


def test_inserting_ignores_updates_or_refuses_duplicates_as_told(colours: Database) -> None:
    rows = [{"name": "red", "shade": 8}, {"name": "pink", "shade": 4}]
    with colours.transaction() as tx:
        tx.insert_many("colours", rows, on_duplicate="ignore")
        assert shades(tx) == {"red": 1, "green": 2, "blue": 3, "pink": 4}
        tx.insert_many("colours", rows, on_duplicate="shade = colours.shade + 10")
        assert shades(tx) == {"red": 11, "green": 2, "blue": 3, "pink": 14}
        tx.insert_many("colours", [])
    with pytest.raises(Exception, match=r"(?i)duplicate|unique"), colours.transaction() as tx:
        tx.insert_many("colours", rows)


def test_rows_are_inserted_by_column_name_not_by_order(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.insert_many("colours", [{"name": "pink", "shade": 4}, {"shade": 5, "name": "grey"}])
        assert shades(tx) | {"pink": 4, "grey": 5} == shades(tx)


def test_upsert_inserts_new_rows_and_updates_those_there(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.upsert_many(
            "colours", [{"id": 1, "name": "rose", "shade": 9}, {"id": 7, "name": "pink", "shade": 4}], key=["id"]
        )
        assert shades(tx) == {"rose": 9, "green": 2, "blue": 3, "pink": 4}
        tx.upsert_many("colours", [], key=["id"])


def test_upsert_of_rows_that_are_all_key_leaves_those_there_alone(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.run("CREATE TABLE pairs (a INT, b INT, PRIMARY KEY (a, b))")
        tx.insert("pairs", {"a": 1, "b": 1})
        tx.upsert_many("pairs", [{"a": 1, "b": 1}, {"a": 1, "b": 2}], key=["a", "b"])
        assert tx.value("SELECT COUNT(*) FROM pairs") == 2


def test_text_of_all_planes_and_bytes_come_back_as_they_went_in(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.run("CREATE TABLE bodies (body BLOB)")
        tx.insert("bodies", {"body": bytes(range(256))})
        tx.insert("colours", {"name": "ž%:s🎨`'\\"})
        assert tx.value("SELECT body FROM bodies") == bytes(range(256))
        assert tx.value("SELECT name FROM colours WHERE id = 4") == "ž%:s🎨`'\\"


def test_columns_engine_and_server_are_told(colours: Database) -> None:
    with colours.transaction() as tx:
        assert list(tx.columns("colours")) == ["id", "name", "shade"]
        assert list(tx.columns("sounds")) == []
        assert tx.engine("colours") == ("SQLite" if tx.is_sqlite else "InnoDB")
        assert tx.engine("sounds") == ""
        name, version = tx.server().split()
        assert name == "SQLite" if tx.is_sqlite else name in ("MariaDB", "MySQL")
        assert version[0].isdigit()


def test_a_locked_row_makes_others_wait(server_colours: Database) -> None:
    query = "SELECT shade FROM colours WHERE id = 1"
    with server_colours.transaction() as holder:
        assert holder.value(query + holder.for_update) == 1
        with pytest.raises(ConflictError), server_colours.transaction() as other:
            other.run("SET SESSION innodb_lock_wait_timeout = 1")
            other.value(query + other.for_update)


def test_a_rehearsal_reads_the_real_rows_and_records_what_it_would_write(colours: Database) -> None:
    with rehearsal(colours) as tx:
        assert list(shades(tx)) == ["red", "green", "blue"]
        assert tx.insert("colours", {"name": "pink"}) == 0
        tx.insert_many("colours", [{"name": "grey"}, {"name": "gold"}])
        tx.insert_many("colours", [{"name": "red", "shade": 3}], on_duplicate="ignore")
        tx.upsert_many("colours", [{"id": 1, "shade": 4}], key=["id"])
        tx.update("colours", {"id": 2}, {"shade": 5})
        tx.count("colours", {"id": 2}, "shade", -1, {"name": "green"})
        tx.delete("colours", {"id": 3})
        tx.run("DELETE FROM colours WHERE id > :id", id=0)
        assert tx.writes == [
            ("insert", "colours", {"name": "pink"}),
            ("insert", "colours", {"name": "grey"}),
            ("insert", "colours", {"name": "gold"}),
            ("insert", "colours", {"name": "red", "shade": 3}),
            ("write", "colours", {"id": 1, "shade": 4}),
            ("update", "colours", {"id": 2, "shade": 5}),
            ("update", "colours", {"id": 2, "shade": "-1", "name": "green"}),
            ("delete", "colours", {"id": 3}),
            ("statement", "DELETE FROM colours WHERE id > :id", {"id": 0}),
        ]
    with colours.transaction() as tx:
        assert shades(tx) == {"red": 1, "green": 2, "blue": 3}


def test_counting_adds_to_the_column_and_sets_others(colours: Database) -> None:
    with colours.transaction() as tx:
        tx.count("colours", {"id": 2}, "shade", 3, {"name": "teal"})
        assert tx.first("SELECT name, shade FROM colours WHERE id = 2") == {"name": "teal", "shade": 5}
