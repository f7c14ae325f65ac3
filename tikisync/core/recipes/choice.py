"""Which recipe a handler is verified by: the one its section in the config names, or one that its header gives away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tikisync.core.algorithms import hashlib_name
from tikisync.core.handlers import Handler
from tikisync.core.recipes.recipe import SIGNED_HANDSHAKES, Recipe
from tikisync.core.recipes.senders import PLAIN, RECIPES
from tikisync.core.recipes.verifying import MAX_SIGNATURES

_ENCODINGS = {"hmac": "hex", "base64 hmac": "base64"}  # of Tiki's types of verification


def for_handler(handler: Handler, recipes: Mapping[str, Recipe]) -> Recipe | None:
    """Return the recipe a handler is verified by, None for Tiki's plain rule alone.

    ``recipes`` are the configured ones by the handler's name. A recipe that nobody named (``inferred``) is tried after
    the plain rule.
    """
    return configured(handler, recipes) if handler.name in recipes else inferred(handler)


def configured(handler: Handler, recipes: Mapping[str, Recipe]) -> Recipe | None:
    """Return the recipe that the config names for a handler, completed by what Tiki says of the handler."""
    recipe = recipes.get(handler.name)
    if recipe is None or recipe.name == PLAIN.name:
        return None
    if recipe.signature and recipe.algorithm and recipe.encoding:
        return recipe
    return replace(
        recipe,
        signature=recipe.signature or (f"headers.{handler.signature_header.lower()}",),
        algorithm=recipe.algorithm or handler.algo,
        encoding=recipe.encoding or _ENCODINGS.get(handler.verification, ""),
    )


def inferred(handler: Handler) -> Recipe | None:
    """Return the recipe that a handler's signature header gives away, None where that is not certain.

    Only senders count that write a prefix before each signature, so that Tiki's plain rule never accepts theirs; and
    the algorithm must be the one that Tiki's admin chose.
    """
    if handler.verification in _ENCODINGS:
        algorithm = hashlib_name(handler.algo)
        for recipe in _GIVEN_AWAY.get(handler.signature_header.lower(), ()):
            if recipe.algorithm == algorithm:
                return recipe
    return None


def signature_headers(handler: Handler, recipes: Mapping[str, Recipe]) -> frozenset[str]:
    """Return the names, in lower case, of the headers in which a handler's sender may send a signature."""
    recipe = for_handler(handler, recipes)
    names = [place.removeprefix("headers.") for place in recipe.signature] if recipe else []
    numbers = range(MAX_SIGNATURES + 1)
    return frozenset(
        [handler.signature_header.lower(), *(name.replace("#", str(n)) for name in names for n in numbers)]
    )


def _given_away() -> dict[str, list[Recipe]]:
    found: dict[str, list[Recipe]] = {}
    for recipe in RECIPES.values():
        if recipe.scheme == "hmac" and recipe.prefix:
            safe = recipe if recipe.handshake in SIGNED_HANDSHAKES else replace(recipe, handshake="")
            for place in recipe.signature:
                found.setdefault(place.removeprefix("headers."), []).append(safe)
    return found


_GIVEN_AWAY = _given_away()
