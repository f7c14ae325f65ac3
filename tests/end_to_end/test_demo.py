"""``tikisync demo``, as a newcomer runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading

import httpx2

from tests.end_to_end.program import PATIENCE, run


def test_the_demo_shows_what_became_of_each_webhook_and_the_items_with_their_history() -> None:
    done = run("demo")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for shown in (
        "200 ok",
        "403 Webhook not authorized.",
        "new-order: created item 1 of tracker Orders",
        "payment: updated item 1 of tracker Orders",
        "enquiry: created item 2 of tracker Enquiries",
        "a duplicate",
        "ignored",
        "74.90EUR",
        "version 1 by webshop: State was 'open'",
        "tikisync demo --keep",
        "tikisync check && tikisync serve",
    ):
        assert shown in done.stdout, done.stdout


def test_the_demo_as_json_tells_the_same() -> None:
    told = json.loads(run("demo", "--json").stdout)

    assert [webhook["answer"][:3] for webhook in told["webhooks"]] == ["200", "200", "200", "403", "200", "200"]
    assert [item["title"].split(",")[0] for item in told["items"]] == ["Orders", "Enquiries"]


def test_a_kept_demo_runs_until_it_is_interrupted_and_leaves_cleanly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tikisync", "demo", "--keep"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    guard = threading.Timer(PATIENCE, process.kill)
    guard.start()
    assert process.stdout is not None
    shown = ""
    while "Ctrl-C ends the demo" not in shown and process.poll() is None:
        shown += process.stdout.readline()
    found = re.search(r"(http://127.0.0.1:\d+/tikisync/): login admin, password (\w+)", shown)
    assert found, shown
    given = {"login": "admin", "password": found[2]}
    answer = httpx2.post(f"{found[1]}login", data=given, headers={"sec-fetch-site": "same-origin"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, True)
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=PATIENCE)
    guard.cancel()

    assert "The service keeps running" in shown
    assert "The demo has ended." in rest
    assert (process.returncode, errors) == (0, "")
