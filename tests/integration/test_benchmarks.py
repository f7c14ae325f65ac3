"""A short run of each benchmark: that it measures what it says, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.benchmarks import applying, load, receive
from tests.benchmarks.receive import DatabaseServer
from tikisync.database import Database

SHORT = ["--connections", "4", "--seconds", "1", "--rounds", "1"]


def bench(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a benchmark; return what it writes as JSON, after a look at its table and its chart."""
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    files = ["--json", str(folder / "figures.json"), "--plot", str(folder / "chart.svg")]
    root = Path(__file__).parents[2]
    done = subprocess.run(command + files, cwd=root, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert "1.00" in done.stdout  # the yardstick beside itself
    found: dict[str, Any] = json.loads((folder / "figures.json").read_text())
    names = {element.text for element in ElementTree.fromstring((folder / "chart.svg").read_text()).iter()}
    assert set(found["figures"]) <= names
    for measured in found["figures"].values():
        assert all(each["requests"] > 0 and 0 < each["p50"] <= each["p99"] for each in measured)
    return found


def test_the_receive_benchmark_measures_tikisync_next_to_an_empty_endpoint(tmp_path: Path) -> None:
    figures = bench(tmp_path, "receive", *SHORT)["figures"]
    assert list(figures) == [receive.EMPTY, receive.TIKISYNC, receive.REFUSING, receive.FLOODED]
    [cost] = [each["cpu"] for each in figures[receive.TIKISYNC]]
    assert cost["service"] > 0  # and the database's too, where it is a process of its own
    assert all(each["memory"] > 0 for each in figures[receive.TIKISYNC])


def test_the_compare_benchmark_measures_tikisync_next_to_what_is_installed(tmp_path: Path) -> None:
    assert next(iter(bench(tmp_path, "compare", *SHORT)["figures"])) == receive.TIKISYNC


def test_the_apply_benchmark_makes_items_of_deliveries_next_to_the_mariadb_client(tmp_path: Path) -> None:
    figures = bench(tmp_path, "apply", "--items", "20", "--rounds", "1", "--processes", "2")["figures"]
    assert {applying.NEW, applying.UPDATES, applying.SINGLY, applying.SEVERAL} <= figures.keys()
    assert all(measured["requests"] == 20 for [measured] in figures.values())


def test_the_end_to_end_benchmark_waits_for_each_items_rows(tmp_path: Path) -> None:
    [[measured]] = bench(tmp_path, "end-to-end", "--seconds", "1", "--rounds", "1")["figures"].values()
    assert measured["requests"] == applying.PACE


def test_the_grow_benchmark_measures_large_sites_next_to_small_ones(tmp_path: Path) -> None:
    sizes = ["--handlers", "20", "--few", "60", "--many", "300"]
    found = bench(tmp_path, "grow", *SHORT, *sizes)
    assert {"a duplicate, 60", "50 look-ups by key, 300"} <= found["figures"].keys()
    assert found["ratios"]["claim and finish 50, 60"] == 1


@pytest.mark.parametrize("client", ["wrk", "python"])
def test_every_request_of_a_benchmark_is_verified_and_stored_under_its_own_delivery_id(
    client: str, sqlite_server: tuple[DatabaseServer, str]
) -> None:
    if client == "wrk" and load.generator() != "wrk":
        pytest.skip("wrk is not installed")
    server, url = sqlite_server
    names = [receive.EMPTY, receive.TIKISYNC]
    figures = receive.measure(server, names, connections=3, seconds=1, rounds=1, client=client)
    assert [measured.failed for [measured] in figures.values()] == [0, 0]
    database = Database(url)
    with database.transaction() as tx:
        kept = tx.first(
            "SELECT COUNT(*) AS number, MIN(size) AS smallest, MAX(size) AS largest, SUM(duplicates) AS duplicates "
            "FROM tikisync_deliveries"
        )
    database.close()
    assert kept
    assert kept["number"] >= figures[receive.TIKISYNC][0].requests
    assert (kept["smallest"], kept["largest"], kept["duplicates"]) == (1024, 1024, 0)


@pytest.fixture
def sqlite_server(tmp_path: Path) -> Iterator[tuple[DatabaseServer, str]]:
    url = f"sqlite:///{tmp_path / 'bench.db'}"
    yield DatabaseServer(lambda: url, "SQLite"), url
