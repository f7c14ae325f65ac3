"""Deliveries applied for real, in the simplest way: each leaves a row, in the transaction that finishes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tikisync.database import Database
from tikisync.errors import PassingError
from tikisync.inbox import queue
from tikisync.inbox.attempts import Attempt
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.apply import Applied


@dataclass
class Effects:
    """Applies deliveries whose body names an item; ``before_commit`` may raise, or do what else is to happen then."""

    database: Database
    before_commit: Callable[[Delivery], object] = lambda delivery: None
    clock: Callable[[], float] = time.time
    status: str = "done"
    rules: str = "rules"
    together: Callable[[Delivery], bool] = lambda delivery: False  # else it has to be applied by itself
    tried: list[int] = field(default_factory=list)

    def create(self) -> None:
        """Make the table of effects."""
        kind = "INTEGER PRIMARY KEY AUTOINCREMENT" if self.database.is_sqlite else "INT AUTO_INCREMENT PRIMARY KEY"
        with self.database.transaction() as tx:
            tx.run(f"CREATE TABLE effects (id {kind}, item VARCHAR(50), delivery_id BIGINT)")

    def seen(self) -> list[tuple[str, int]]:
        """Return item and delivery of each effect, in the order they came about."""
        with self.database.transaction() as tx:
            rows = tx.all("SELECT item, delivery_id FROM effects ORDER BY id")
        return [(row["item"], row["delivery_id"]) for row in rows]

    def route(self, delivery: Delivery) -> Iterable[bytes]:
        """Order deliveries by item."""
        return [delivery.body.rjust(16)]

    def fingerprint(self) -> str:
        """Name the rules."""
        return self.rules

    def look_anew(self) -> None:
        """Do nothing: what this writes goes by nothing of Tiki's."""

    def apply(self, delivery: Delivery, worker: str) -> Applied:
        """Leave a row and finish."""
        return self._apply([delivery], worker)[delivery.delivery_id]

    def apply_together(self, batch: Sequence[Delivery], worker: str) -> Mapping[int, Applied]:
        """Leave a row for each and finish, all in one transaction."""
        return self._apply([each for each in batch if self.together(each)], worker)

    def _apply(self, batch: Sequence[Delivery], worker: str) -> Mapping[int, Applied]:
        now = int(self.clock() * 1000)
        applied: dict[int, Applied] = {}
        with self.database.transaction() as tx:
            for delivery in batch:
                number, item = delivery.delivery_id, delivery.body.decode()
                self.tried.append(number)
                tx.insert("effects", {"item": item, "delivery_id": number})
                self.before_commit(delivery)
                applied[number] = Applied(self.status, "as told", (f"item {item}",))
            tries = [Attempt(n, worker, now, now, self.status, e.reason, wrote=e.wrote) for n, e in applied.items()]
            if tries and not queue.finish(tx, tries):
                raise PassingError("taken over")
        return applied
