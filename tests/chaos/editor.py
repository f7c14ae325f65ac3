"""Somebody who edits the same items in SQL, in transactions that lock in another order than tikisync's."""

from __future__ import annotations

import random
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import pymysql
from sqlalchemy.engine import URL

from tests import servers

TRACKER, REMARK = 3, 56  # Orders and its field orderRemark in the recorded Tiki


@dataclass
class Editor:
    """Counts up each item's remark now and then, and ceaselessly while ``busy`` is set."""

    url: URL
    seed: int
    kept: Counter[int] = field(default_factory=Counter)  # edits by item
    unknown: Counter[int] = field(default_factory=Counter)  # edits that nobody knows of whether they were committed
    deadlocks: int = 0
    busy: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start editing."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._edit, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Return once the edit in hand is over."""
        self._stop.set()
        self._thread.join()

    def _edit(self) -> None:
        chance = random.Random(self.seed)
        while not self._stop.is_set():
            with suppress(pymysql.Error, servers.NoServerError), servers.connect(self.url) as connection:
                connection.autocommit(False)
                while not self._stop.is_set():
                    self._stop.wait(0.005 if self.busy.is_set() else 0.3)
                    self._edit_some(connection, chance)
            self._stop.wait(0.2)

    def _edit_some(self, connection: pymysql.Connection[pymysql.cursors.DictCursor], chance: random.Random) -> None:
        """Edit three items: first the tracker, then the items from the latest to the earliest."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT itemId FROM tiki_tracker_items WHERE trackerId = %s ORDER BY itemId DESC LIMIT 12",
                           [TRACKER])  # fmt: skip
            found = [row["itemId"] for row in cursor.fetchall()]
            items = sorted(chance.sample(found, min(3, len(found))), reverse=True)
            try:
                if chance.random() < 0.5:
                    cursor.execute("UPDATE tiki_trackers SET lastModif = lastModif + 1 WHERE trackerId = %s", [TRACKER])
                    self._stop.wait(0.03 if self.busy.is_set() else 0)
                for item in items:
                    cursor.execute(
                        "INSERT INTO tiki_tracker_item_fields (itemId, fieldId, value) VALUES (%s, %s, 1) "
                        "ON DUPLICATE KEY UPDATE value = value + 1",
                        [item, REMARK],
                    )
                    cursor.execute("UPDATE tiki_tracker_items SET lastModif = lastModif + 1 WHERE itemId = %s", [item])
                connection.commit()
                self.kept.update(items)
            except pymysql.Error as error:
                if error.args[0] not in (1205, 1213):
                    self.unknown.update(items)
                    raise
                self.deadlocks += 1
                connection.rollback()
