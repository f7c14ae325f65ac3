"""The door: how many requests are let in, and for which handlers an address may come at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from tikisync.core.requests import Network


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` requests in ``period`` seconds: so many at once, and again as time goes by; a count of 0: no limit."""

    count: int
    period: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens left at a moment (seconds of any steady clock)."""

    tokens: float
    at: float


def take(bucket: Bucket | None, rate: Rate, now: float) -> tuple[Bucket, float]:
    """Take a token for one request; return the bucket and the seconds until there is one, 0 where it was let in.

    None is a bucket that nobody has taken from lately: a full one.
    """
    tokens = float(rate.count)
    if bucket is not None:
        tokens = min(tokens, bucket.tokens + max(now - bucket.at, 0) * rate.count / rate.period)
    if tokens >= 1:
        return Bucket(tokens - 1, now), 0
    return Bucket(tokens, now), (1 - tokens) * rate.period / rate.count


@lru_cache(maxsize=1024)
def client_of(address: str) -> str:
    """Return what one client's addresses share: an IPv4 address is one client's, of IPv6 its whole /64."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(parsed) >> 64 << 64))


@lru_cache(maxsize=1024)
def is_this_host(address: str) -> bool:
    """Tell whether an address is a loopback one, or none at all as a Unix socket's peer has."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return True


def is_allowed(address: str, networks: Sequence[Network]) -> bool:
    """Tell whether an address is in one of the networks; where there are none, every address is allowed."""
    if not networks:
        return True
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
