"""Whether a request crosses a network on its way to us."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.requests import Request

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via")


def is_local(request: Request) -> bool:
    """Tell whether a request comes from this machine and through no proxy on it."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
