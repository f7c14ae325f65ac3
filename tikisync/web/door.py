"""The door in memory: counts requests by client and by handler before anything else is done with them."""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from tikisync.config import DoorSettings
from tikisync.core.door import Bucket, Rate, client_of, is_this_host, take
from tikisync.logs import event

log = logging.getLogger(__name__)

MAX_BUCKETS = 10_000  # of each kind; whoever was not seen for longest is forgotten
MAX_NAME = 200  # characters of a handler's name that count: Tiki keeps no more, and strangers make them up

# Where the config gives no rate by address. This host is not counted then: behind a proxy that is not in
# trusted_proxies everybody would be it.
BY_ADDRESS = Rate(6_000, 60)
_ANY = Rate(0, 1)


class Door:
    """Lets requests in, or says how long to wait; ``clock`` is in seconds and steady. Belongs to one event loop."""

    def __init__(self, settings: DoorSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._clients: OrderedDict[str, Bucket] = OrderedDict()
        self._handlers: OrderedDict[str, Bucket] = OrderedDict()
        self._refused = 0  # not told of yet
        self._silent_until = 0.0

    def wait(self, address: str, handler: str | None) -> int:
        """Return 0 for a request that is let in, else the seconds after which another may come.

        ``handler`` is the one that the path names, None where it names none.
        """
        by_address = self._settings.per_address
        if by_address is None:
            by_address = _ANY if is_this_host(address) else BY_ADDRESS
        seconds = self._take(self._clients, by_address, client_of(address))
        if not seconds and handler is not None:
            seconds = self._take(self._handlers, self._settings.per_handler, handler[:MAX_NAME])
        if seconds:
            self._tell(address, handler)
        return math.ceil(seconds)

    def _take(self, buckets: OrderedDict[str, Bucket], rate: Rate, key: str) -> float:
        if not rate.count:
            return 0
        buckets[key], seconds = take(buckets.get(key), rate, self._clock())
        buckets.move_to_end(key)
        if len(buckets) > MAX_BUCKETS:
            buckets.popitem(last=False)
        return seconds

    def _tell(self, address: str, handler: str | None) -> None:
        """Log a refusal and how many there were since the last one told, at most once a second."""
        self._refused += 1
        now = self._clock()
        if now >= self._silent_until:
            told = {"client_ip": address, "path_handler": handler and handler[:MAX_NAME], "count": self._refused}
            event(log, logging.WARNING, "request.refused", reason="too_many_requests", status=429, **told)
            self._refused, self._silent_until = 0, now + 1
