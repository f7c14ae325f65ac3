"""Recipes as the config chooses and adjusts them: the texts of its keys made values, and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from tikisync.core.algorithms import hashlib_name
from tikisync.core.expressions import similar
from tikisync.core.recipes.handshakes import HANDSHAKES
from tikisync.core.recipes.recipe import CLOCKS, ENCODINGS, KEYS, SCHEMES, VARIABLES, Recipe, pieces
from tikisync.core.recipes.senders import PLAIN, RECIPES

_PLACE = re.compile(r"(?:headers\.[A-Za-z0-9!#$%&'*+.^_`|~-]+|(?:query|body)\.\S+)")
_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}


def named(name: str, adjustments: Mapping[str, str], public_url: str = "") -> tuple[Recipe, list[str]]:
    """Return a recipe as the config chooses and adjusts it, and a sentence for each thing that is wrong with it.

    ``adjustments`` are the ``recipe.*`` keys without that word, with their texts; ``public_url`` is that of [server].
    """
    known = [PLAIN.name, *sorted(RECIPES)]
    if name not in known:
        return PLAIN, [f"recipe: there is no recipe {name!r}{similar(name, known)}; there are {', '.join(known)}"]
    changes: dict[str, Any] = {"public_url": public_url}
    problems = []
    for key, text in adjustments.items():
        if key not in ADJUSTABLE or name == PLAIN.name:
            hint = similar(key, ADJUSTABLE) or f"; there are {', '.join(f'recipe.{each}' for each in ADJUSTABLE)}"
            problems.append(f"recipe.{key}: there is nothing so to adjust{hint}")
            continue
        try:
            changes[key] = ADJUSTABLE[key](text)
        except ValueError as error:
            problems.append(f"recipe.{key}: {error}")
    recipe = replace(RECIPES.get(name, PLAIN), **changes)
    return recipe, problems or list(_contradictions(recipe))


def _contradictions(recipe: Recipe) -> Iterator[str]:
    if recipe.reads("timestamp") != bool(recipe.timestamp) and not recipe.timestamp.startswith("body."):
        yield "recipe.timestamp: it is judged only where it is signed: give both it and {timestamp} in recipe.content"
    if recipe.timestamp.startswith("item.") and not recipe.separator:
        yield "recipe.separator: say what separates the timestamp from the signature"
    if recipe.reads("id") and not recipe.delivery_id:
        yield "recipe.delivery_id: recipe.content holds {id}; say where it stands"
    if recipe.reads("url", "url_other_port", "url_unescaped") and not (recipe.url or recipe.public_url):
        yield f"recipe: {recipe.title} signs the address too; set [server] public_url, or recipe.url here"
    if recipe.reads("webhook_id") and not recipe.webhook_id:
        yield f"recipe.webhook_id: {recipe.title} signs it too; its page of webhooks shows it"
    if recipe.handshake == "meta" and not recipe.verify_token:
        yield "recipe.verify_token: give the token that is entered at the sender when it asks to verify the address"
    if recipe.encoding == "text" and recipe.scheme != "token":
        yield "recipe.encoding: text is for tokens; give hex, base64 or base64url"
    if recipe.scheme != "token" and not recipe.reads("body", "body_crc32", "parameters", "payload"):
        yield "recipe.content: it must hold {body} or what stands for it, or anybody could change the body"
    if recipe.scheme == "hash" and not recipe.reads("secret"):
        yield "recipe.content: a plain hash proves nothing without {secret} in it"


def _word(*known: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in known:
            raise ValueError(f"give one of {', '.join(known)}")
        return text

    return convert


def _text(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _place(text: str) -> str:
    place = text if "." in text else f"headers.{text}"
    if not _PLACE.fullmatch(place):
        raise ValueError("give a header, or a place in the request such as body.event.id or query.secret")
    return place.lower() if place.startswith("headers.") else place


def _timestamp(text: str) -> str:
    return text if text.startswith("item.") else _place(text)


def _signature(text: str) -> tuple[str, ...]:
    places = tuple(_place(part.strip()) for part in text.split(","))
    if any(place.startswith("body.") for place in places):
        raise ValueError("give a header, or query.name where a secret stands in the address")
    return places


def _content(text: str) -> tuple[str, ...]:
    unknown = [name for _, name in pieces(text) if name and name not in VARIABLES]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in VARIABLES)
        raise ValueError(f"there is no {{{unknown[0]}}}; there are: {known}")
    return (_text(text),)


def _algorithm(text: str) -> str:
    name = hashlib_name(text)
    if name is None:
        raise ValueError("give an algorithm of HMAC, such as sha256 or sha1")
    return name


def _tolerance(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})\s*([a-z]+)", text)
    if match is None or match[2] not in _UNITS or not int(match[1]):
        raise ValueError("give a number with a unit (ms, s, min, h), such as 5 min")
    return int(match[1]) * _UNITS[match[2]]


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("give the address as the sender knows it, such as https://www.example.org/tiki-webhooks.php")
    return text


ADJUSTABLE: Mapping[str, Callable[[str], object]] = {
    "signature": _signature,
    "scheme": _word(*SCHEMES),
    "algorithm": _algorithm,
    "encoding": _word(*ENCODINGS),
    "prefix": _text,
    "separator": _text,
    "content": _content,
    "key": _word(*KEYS),
    "timestamp": _timestamp,
    "clock": _word(*CLOCKS),
    "tolerance": _tolerance,
    "delivery_id": _place,
    "event_time": _place,
    "topic": _place,
    "handshake": _word(*HANDSHAKES, "none"),
    "url": _url,
    "webhook_id": _text,
    "verify_token": _text,
}
"""What ``recipe.*`` keys adjust, each with what makes a value of its text or raises ValueError."""
