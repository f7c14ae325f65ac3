"""A short run of each benchmark: that it measures what it says, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import load, receive
from tikisync.database import Database


def test_the_receive_benchmark_measures_two_endpoints_and_prints_their_ratio(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "receive", "--json", str(tmp_path / "figures.json")]
    options = ["--connections", "4", "--seconds", "1", "--rounds", "1"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command + options, cwd=root, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "1.00" in done.stdout  # the yardstick beside itself
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert list(figures) == [receive.EMPTY, receive.TIKISYNC]
    for [measured] in figures.values():
        assert measured["requests"] > 0
        assert 0 < measured["p50"] <= measured["p99"]


@pytest.mark.parametrize("client", ["wrk", "python"])
def test_every_request_of_a_benchmark_is_verified_and_stored_under_its_own_delivery_id(
    client: str, tmp_path: Path
) -> None:
    if client == "wrk" and load.generator() != "wrk":
        pytest.skip("wrk is not installed")
    url = f"sqlite:///{tmp_path / 'bench.db'}"
    figures = receive.measure(url, connections=3, seconds=1, rounds=1, client=client)
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
