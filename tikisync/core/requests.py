"""A received request, as verification and rules read it, and whose address it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

TIKI_PATH = "/tiki-webhooks.php"
HANDLER_PREFIX = "/webhooks/"


@dataclass(slots=True)  # nobody changes one, but to forbid it would make each take three times as long
class Request:
    """One POST, its body whole and nothing of it parsed; ``repr`` shows neither headers nor body."""

    method: str
    path: str  # percent-decoded, as UTF-8
    query: str  # still encoded, without the question mark
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)  # as received, names in lower case
    body: bytes = field(repr=False)
    received_at: int  # milliseconds since the epoch, UTC
    client_ip: str
    handler_name: str | None = None  # the only handler to try, where the path names one
    receipt: str = ""  # names this one receipt among all; '' where that is not known

    def header(self, name: bytes) -> bytes:
        """Return the value of a header (its name in lower case) as ``combined_headers`` has it; b'' where it is not."""
        return b", ".join([value.strip(b" \t") for each, value in self.headers if each == name])

    def combined_headers(self) -> dict[bytes, bytes]:
        """Return the value of each header; the values of a repeated one joined by a comma and a space.

        So does Apache before PHP sees them, and nginx since 1.23 (RFC 9110, 5.2 and 5.3): a signature header sent
        twice is a value that equals no signature.
        """
        combined: dict[bytes, bytes] = {}
        for name, value in self.headers:
            value = value.strip(b" \t")
            combined[name] = combined[name] + b", " + value if name in combined else value
        return combined


def handler_in(path: str) -> str | None:
    """Return the handler that a path names, None where it names none."""
    return path[len(HANDLER_PREFIX) :] or None if path.startswith(HANDLER_PREFIX) else None


def client_address(peer: str, forwarded_for: Sequence[str], trusted_proxies: Sequence[Network]) -> str:
    """Return the address of the client behind the proxies we trust.

    ``forwarded_for`` holds the addresses of the X-Forwarded-For headers in their order. They are believed from
    right to left, as far as each was written by a trusted proxy; what is no address ends the belief.
    """
    client = _plain(peer)
    for claimed in reversed(forwarded_for):
        if not _is_trusted(client, trusted_proxies):
            break
        try:
            client = str(ip_address(_plain(claimed)))
        except ValueError:
            break
    return client


def _is_trusted(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:  # the peer of a Unix socket has no address
        return False
    return any(parsed in network for network in networks)


def _plain(address: str) -> str:
    """Return an address without spaces, brackets, port, and the mapping of IPv4 into IPv6."""
    address = address.strip()
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    return address.removeprefix("::ffff:") if "." in address else address
