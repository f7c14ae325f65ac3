"""A bounded worker whose deliveries do to it what their bodies say.

``python -m tests.supervised_process URL NAME HELD``
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.effects import Effects
from tikisync.config import WorkerSettings
from tikisync.core.deaths import Bounds
from tikisync.database import Database
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.bounded import BoundedApplier, limit_memory
from tikisync.pipeline.held import Held
from tikisync.pipeline.supervisor import obey, told
from tikisync.pipeline.worker import Worker

SETTINGS = WorkerSettings(batch=10, poll=20, bounds=Bounds(time_limit=1, memory_limit=256 << 20))


def act(what: bytes) -> None:
    """Crash, hang or eat memory, where the word says so."""
    if what == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == b"hang":
        pow(7, 10**9)  # for minutes, in one instruction of Python's
    elif what == b"eat":
        eaten = [str(number) * 100_000 for number in range(1 << 20)]
        raise AssertionError(len(eaten))


@dataclass
class PoisonedEffects(Effects):
    """Deliveries whose body begins with ``route`` act while they are routed, the others while they are applied."""

    def route(self, delivery: Delivery) -> Iterable[bytes]:
        """Order deliveries by item."""
        if delivery.body.startswith(b"route "):
            act(delivery.body.removeprefix(b"route "))
        return super().route(delivery)


if __name__ == "__main__":
    url, name, held = sys.argv[1:]
    limit_memory(SETTINGS.bounds.memory_limit)
    database = Database(url)
    messages = told(sys.stdin.buffer)
    effects = PoisonedEffects(database, lambda delivery: act(delivery.body), rules=next(messages).fingerprint)
    applier = BoundedApplier(effects, Held(int(held)), SETTINGS.bounds)
    worker = Worker(database, applier, name, SETTINGS, time.time, random.random)
    obey(worker, messages, lambda config: None)
