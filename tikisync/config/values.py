"""How the text of a key becomes its value; each converter raises ValueError that says what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, TypeAlias

from tikisync.core.door import Rate
from tikisync.core.expressions import Expression
from tikisync.core.requests import Network

Converter: TypeAlias = Callable[[str], Any]


def text(given: str) -> str:
    """Take any text but none."""
    if not given:
        raise ValueError("it is empty; give a value or leave the line out")
    return given


def switch(given: str) -> bool:
    """Take yes or no."""
    return bool(choice("yes", "no")(given) == "yes")


def choice(*known: str) -> Converter:
    """Return a converter that takes one of these words, in any case, and returns it as written here."""
    words = {word.lower(): word for word in known}

    def convert(given: str) -> str:
        if given.lower() not in words:
            raise ValueError(f"give one of {', '.join(known)}")
        return words[given.lower()]

    return convert


def expression(given: str) -> Expression:
    """Take an expression."""
    return Expression.compile(given)


def whole(least: int, most: int) -> Converter:
    """Return a converter that takes a whole number within bounds."""

    def convert(given: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", given) or not least <= int(given) <= most:
            raise ValueError(f"give a whole number from {least} to {most}")
        return int(given)

    return convert


def measured(units: Mapping[str, int], least: int, most: int, example: str) -> Converter:
    """Return a converter of a number with a unit, within bounds given in the smallest unit."""

    def convert(given: str) -> int:
        match = re.fullmatch(r"([0-9]{1,9})\s*([A-Za-z]*)", given)
        factor = units.get(match[2].lower()) if match else None
        if match is None or factor is None or not least <= int(match[1]) * factor <= most:
            raise ValueError(f"give a number with a unit ({', '.join(units)}) within bounds, such as {example}")
        return int(match[1]) * factor

    return convert


def header(given: str) -> str:
    """Take the name of an HTTP header (RFC 9110, 5.1); return it in lower case."""
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", given):
        raise ValueError("give the name of a header, such as X-GitHub-Delivery")
    return given.lower()


def public_url(given: str) -> str:
    """Take the address of a site, with a path where Tiki is in one; return it without a slash at the end."""
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", given):
        raise ValueError("give the address of your Tiki as senders know it, such as https://www.example.org")
    return given.rstrip("/")


def secret(given: str) -> str:
    """Take a text that is long enough not to be guessed."""
    if len(given) < 32:
        raise ValueError("give at least 32 random characters, such as those of: openssl rand -hex 32")
    return given


def web_address(given: str) -> str:
    """Take the address of a site; return it with a / at its end."""
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", given):
        raise ValueError("give the address of a site, such as https://www.example.org/tiki/")
    return given.rstrip("/") + "/"


def networks(given: str) -> tuple[Network, ...]:
    """Take addresses and networks in CIDR notation, separated by commas."""
    try:
        return tuple(ip_network(part) for part in names(given))
    except ValueError:
        raise ValueError("give addresses or networks separated by commas, such as 127.0.0.1, 10.0.0.0/8") from None


def rate(given: str) -> Rate:
    """Take a number of requests in a unit of time, such as 600/min, or off."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})\s*/\s*(s|min|h)", given.lower())
    if match is None and given.lower() != "off":
        raise ValueError("give a number of requests in a second, minute or hour, such as 600/min, or off")
    return Rate(int(match[1]), {"s": 1, "min": 60, "h": 3600}[match[2]]) if match else Rate(0, 1)


def names(given: str) -> tuple[str, ...]:
    """Take names separated by commas."""
    return tuple(part.strip() for part in given.split(",") if part.strip())


size = measured({"kib": 1 << 10, "mib": 1 << 20}, 1 << 10, 256 << 20, "1 MiB")
memory = measured({"mib": 1 << 20, "gib": 1 << 30}, 128 << 20, 1 << 40, "512 MiB")
space = measured({"mib": 1 << 20, "gib": 1 << 30}, 1 << 20, 1 << 40, "64 MiB")


def or_off(convert: Converter) -> Converter:
    """Return a converter that takes what another one takes, or off, which becomes 0."""
    return lambda given: 0 if given.lower() == "off" else convert(given)


def duration(least: int, most: int) -> Converter:
    """Return a converter of a time with a unit, within bounds in milliseconds; it gives milliseconds."""
    return measured({"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}, least, most, "30 s")


def keep(given: str) -> int | None:
    """Take for how long something is kept, such as 30 days, or forever; return milliseconds, None for ever."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})\s*(hour|day|week|month|year)s?", given.lower())
    if match is None and given.lower() != "forever":
        raise ValueError("give a number of hours, days, weeks, months or years, such as 30 days, or forever")
    hours = {"hour": 1, "day": 24, "week": 7 * 24, "month": 30 * 24, "year": 365 * 24}
    return int(match[1]) * hours[match[2]] * 3_600_000 if match else None


def seconds(least: int, most: int) -> Converter:
    """Return a converter of a time in whole seconds, within bounds."""
    return measured({"s": 1, "min": 60, "h": 3600}, least, most, "30 s")
