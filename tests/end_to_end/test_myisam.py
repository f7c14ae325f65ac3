"""Real workers killed over MyISAM tables: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
from pathlib import Path

from tests.arrivals import arrival
from tests.end_to_end.program import running, until
from tests.end_to_end.test_commands import ORDER, RULES
from tikisync.database import Database
from tikisync.inbox import deliveries

NUMBER = 40


def count(database: Database, sql: str) -> int:
    with database.transaction() as tx:
        return int(tx.value(f"SELECT COUNT(*) FROM {sql}"))


def test_killed_workers_leave_every_item_once_and_whole(
    tiki_myisam: Database, tiki_myisam_url: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.ini"
    config.write_text(f"[tiki]\nurl = {tiki_myisam_url}\n{RULES}")
    bodies = [json.dumps({**ORDER, "id": f"A-{number}"}).encode() for number in range(NUMBER)]
    with tiki_myisam.transaction() as tx:
        deliveries.add(tx, [arrival(handler="Shop", user="hook", body=body) for body in bodies])

    for done in (NUMBER // 3, 2 * NUMBER // 3):
        with running("work", config) as worker:
            until(lambda: count(tiki_myisam, "tiki_tracker_items") > done, worker.log)  # noqa: B023
            worker.process.kill()
        with tiki_myisam.transaction() as tx:  # nobody waits a minute for the leases of the dead here
            tx.run("UPDATE tikisync_deliveries SET due_at = 0 WHERE status = 'pending' AND leased_by IS NOT NULL")
    with running("work", config) as worker:
        until(lambda: count(tiki_myisam, "tikisync_deliveries WHERE status = 'done'") == NUMBER, worker.log)
        assert worker.stop() == 0

    fields = count(tiki_myisam, "tiki_tracker_fields WHERE trackerId = 3")
    assert count(tiki_myisam, "tiki_tracker_items") == NUMBER
    assert count(tiki_myisam, "tiki_tracker_item_fields WHERE itemId > 0") == NUMBER * fields
    assert count(tiki_myisam, "tiki_tracker_item_field_logs") == 0
    assert count(tiki_myisam, "tiki_actionlog WHERE action = 'Created' AND objectType = 'trackeritem'") == NUMBER
    assert count(tiki_myisam, "tiki_queue") == NUMBER
    assert count(tiki_myisam, "tikisync_journal") == 0
    with tiki_myisam.transaction() as tx:
        assert tx.value("SELECT items FROM tiki_trackers WHERE trackerId = 3") == NUMBER
