"""A worker in a process of its own, to be killed: ``python -m tests.worker_process URL NAME``."""

from __future__ import annotations

import random
import sys
import threading
import time

from tests.effects import Effects
from tikisync.config import WorkerSettings
from tikisync.database import Database
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.worker import Worker


def take_a_while(delivery: Delivery) -> None:
    """Leave time for being killed between an effect and its commit."""
    time.sleep(0.005)


if __name__ == "__main__":
    database = Database(sys.argv[1])
    settings = WorkerSettings(batch=10, lease=1_000, poll=50)
    worker = Worker(database, Effects(database, take_a_while), sys.argv[2], settings, time.time, random.random)
    worker.run(threading.Event(), threading.Event())
