"""How often a login may be tried: counted by login and address, by address, and by login."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

WINDOW = 900  # seconds in which tries count
PER_PAIR = 5  # of one login from one address
PER_ADDRESS = 20
PER_LOGIN = 100  # from anywhere: high, or a stranger could keep an admin out
MAX_KEYS = 20_000  # remembered; beyond that the oldest are forgotten
MAX_LOGIN = 200  # characters that count: Tiki keeps no more


@dataclass(slots=True)
class LoginLimit:
    """The tries of the last quarter of an hour; times are seconds of any clock that only goes forward."""

    _tries: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def wait(self, login: str, address: str, now: float) -> int:
        """Return after how many seconds the login may be tried from there; 0: now."""
        return max(self._wait(key, limit, now) for key, limit in _keys(login, address).items())

    def count(self, login: str, address: str, now: float) -> None:
        """Count a try before it is judged, so that many at once do not get by."""
        for key in _keys(login, address):
            self._tries.setdefault(key, deque()).append(now)
        while len(self._tries) > MAX_KEYS:
            del self._tries[next(iter(self._tries))]

    def succeeded(self, login: str, address: str) -> None:
        """Forget the tries of a login from an address: its owner is in."""
        self._tries.pop((_folded(login), _network(address)), None)

    def _wait(self, key: tuple[str, str], limit: int, now: float) -> int:
        tries = self._tries.get(key)
        while tries and tries[0] <= now - WINDOW:
            tries.popleft()
        if not tries:
            self._tries.pop(key, None)
            return 0
        return int(tries[-limit] + WINDOW - now) + 1 if len(tries) >= limit else 0


def _keys(login: str, address: str) -> dict[tuple[str, str], int]:
    login, address = _folded(login), _network(address)
    return {(login, address): PER_PAIR, ("", address): PER_ADDRESS, (login, ""): PER_LOGIN}


def _folded(login: str) -> str:
    return login[:MAX_LOGIN].casefold()


def _network(address: str) -> str:
    """Return the network that an IPv6 address belongs to: who has one has 2**64 of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
