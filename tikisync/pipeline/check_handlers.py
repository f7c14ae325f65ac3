"""What keeps Tiki's handlers and their sections in the config from working together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tikisync.config import Config
from tikisync.core.recipes.choice import configured, for_handler
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.verification import Handler, misconfiguration
from tikisync.pipeline.finding import ERROR, WARNING, Finding

_WHERE = "Tiki's admin (Security, Webhooks)"

_ANYBODYS = ("authorization", "x-signature")  # headers that tell nothing of the sender


def check(handlers: Sequence[Handler], config: Config) -> Iterator[Finding]:
    """Yield what is wrong with the handlers, and with the sections that are for them."""
    if not handlers:
        yield Finding(WARNING, _WHERE, "Tiki has no webhook handlers yet", "add one for each sender")
    for handler in handlers:
        yield from _handler(handler, config)
    names = {handler.name for handler in handlers}
    for name in config.handlers:
        if name not in names:
            yield Finding(ERROR, f"[handler {name}]", "Tiki has no handler of this name", f"use a name from {_WHERE}")


def _handler(handler: Handler, config: Config) -> Iterator[Finding]:
    where = f"handler {handler.name}"
    recipe = configured(handler, config.recipes)
    if wrong := misconfiguration(handler, config.recipes):
        section = f", or [handler {handler.name}] in the config" if recipe else ""
        yield Finding(ERROR, where, wrong.detail, f"edit the handler in {_WHERE}{section}")
    if not handler.user_exists:
        message = f"it acts as user {handler.user!r}, and Tiki has no such user"
        yield Finding(ERROR, where, message, f"choose another user in {_WHERE}")
    if recipe:
        yield from _recipe(handler, recipe)
    elif handler.name not in config.recipes and for_handler(handler, config.recipes) is None:
        yield from _unnamed(handler)
    if not any(handler.name in rule.handlers for rule in config.rules):
        message = "no rule is for it: its deliveries are kept and ignored"
        yield Finding(WARNING, where, message, f"write a [rule …] with handler = {handler.name}")


def _recipe(handler: Handler, recipe: Recipe) -> Iterator[Finding]:
    """Say where a recipe contradicts Tiki's handler, or gives less protection than it seems."""
    where = f"[handler {handler.name}]"
    headers = [place.removeprefix("headers.") for place in recipe.signature if place.startswith("headers.")]
    fits = handler.signature_header.lower() in headers or any("#" in header for header in headers)
    if headers and not fits:
        yield Finding(
            WARNING, where,
            f"recipe {recipe.name} looks for the signature in {' or '.join(headers)}, not in "
            f"{handler.signature_header} as Tiki's handler says",
            f"write {headers[0]} as the handler's signature header in {_WHERE}; or, if that is wrong, recipe.signature "
            "here",
        )  # fmt: skip
    address = recipe.url or recipe.public_url
    if recipe.scheme == "token" and address.startswith("http://"):
        yield Finding(
            WARNING, where, f"recipe {recipe.name} shows its secret in every request, and {address} is not encrypted",
            "let the sender use https, and write so in [server] public_url",
        )  # fmt: skip


def _unnamed(handler: Handler) -> Iterator[Finding]:
    """Say so where the signature header is a known sender's, but Tiki's plain rule is what verifies it."""
    place = f"headers.{handler.signature_header.lower()}"
    names = [recipe.name for recipe in RECIPES.values() if place in recipe.signature]
    if names and handler.signature_header.lower() not in _ANYBODYS:
        choice = " or ".join(f"recipe = {name}" for name in names)
        yield Finding(
            WARNING, f"handler {handler.name}",
            f"{handler.signature_header} is the header of {RECIPES[names[0]].title}, but Tiki's plain rule verifies it",
            f"write [handler {handler.name}] with {choice} into the config; or, to keep it so, recipe = plain",
        )  # fmt: skip
