"""A sender that signs, repeats everything until it is answered with 2xx, and remembers what was answered."""

from __future__ import annotations

import base64
import hmac
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tikisync.cli.client import post
from tikisync.errors import PassingError

SECRET = b"shop-secret"  # of the recorded Tiki's handler Shop
STATES = ("open", "paid", "shipped")
_TIMEOUT = 5  # seconds
_SENT_AGAIN = 0.03  # of what was answered, as by a sender that did not get the answer


@dataclass
class Sender:
    """Several threads, each with items of its own; an item's deliveries are sent one after the other."""

    urls: Sequence[str]
    seed: int
    rate: float  # deliveries a second, all threads together
    threads: int = 8
    answered: dict[str, int] = field(default_factory=dict)  # by item: how many of its deliveries, from the first on
    counts: Counter[str] = field(default_factory=Counter)  # sent, answered, retried, sent again
    wrong: list[str] = field(default_factory=list)  # answers that a sender must not get
    go: threading.Event = field(default_factory=threading.Event)  # cleared: nothing new is sent for now

    def start(self) -> None:
        """Start sending."""
        self._stop = threading.Event()
        self.go.set()
        self._running = [threading.Thread(target=self._send_items, args=(n,), daemon=True) for n in range(self.threads)]
        for each in self._running:
            each.start()

    def stop(self) -> None:
        """Send nothing new; what was sent is repeated until it is answered."""
        self._stop.set()
        self.go.set()

    @property
    def is_sending(self) -> bool:
        """Tell whether something is still to be answered."""
        return any(each.is_alive() for each in self._running)

    def _send_items(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")
        item = 0
        while not self._stop.is_set():
            item += 1
            for turn in range(1, chance.randint(2, 25) + 1):
                self._stop.wait(chance.expovariate(self.rate / self.threads))
                self.go.wait()
                if self._stop.is_set():
                    return
                self._deliver(f"{number}-{item}", turn, chance)

    def _deliver(self, item: str, turn: int, chance: random.Random) -> None:
        body = payload(item, turn)
        tries = 0
        while not self._post(body, chance):
            tries += 1
            time.sleep(chance.uniform(0.05, min(0.2 * tries, 2)))
        self.answered[item] = turn
        self.counts.update(answered=1, retried=tries)
        if chance.random() < _SENT_AGAIN:
            self.counts["sent again"] += 1
            self._post(body, chance)

    def _post(self, body: bytes, chance: random.Random) -> bool:
        self.counts["sent"] += 1
        url = chance.choice(self.urls)
        try:
            status, text = post(url, body, signed(body), timeout=_TIMEOUT)
        except PassingError:
            return False
        if status not in (200, 503):
            self.wrong.append(f"answered {status} {text}")
        return 200 <= status < 300


def payload(item: str, turn: int) -> bytes:
    """Return the body of an item's n-th delivery; the first brings a company with it."""
    order = {"kind": "order", "id": item, "total": turn, "state": STATES[turn % 3], "placed": "2024-05-01T12:00:00Z"}
    return json.dumps(order | ({"company": f"Company of {item}"} if turn == 1 else {})).encode()


def signed(body: bytes) -> dict[str, str]:
    """Return the headers of a request with this body."""
    signature = base64.b64encode(hmac.digest(SECRET, body, "sha256")).decode()
    return {"X-Shop-Signature": signature, "Content-Type": "application/json"}
