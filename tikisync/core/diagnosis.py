"""The doctor of signatures: why a request is refused, and which other way of signing would accept it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.choice import for_handler
from tikisync.core.recipes.parts import Parts
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.recipes.verifying import ASYMMETRIC, check
from tikisync.core.requests import Network, Request
from tikisync.core.verification import ANYWHERE, NO_RECIPES, verify

MAX_BODY = 1 << 20  # of one that is tried in other forms too

NOTHING_FITS = (
    "no handler's secret fits, in any way tikisync knows: compare the secret in Tiki (Security, Webhooks) with the "
    "one at the sender, and look for a proxy that alters the body"
)

_NOT_NOW = ("stale_timestamp", "future_timestamp")  # the signature was right
_SIGNATURE = re.compile(rb"signature|hmac|sha256|sha1|digest", re.IGNORECASE)
_HMAC = RECIPES["hmac"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What would make a handler accept the request; ``settings`` are keys of its section in the config."""

    handler: str
    sentence: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def section(self) -> str:
        """The settings as the config file has them, '' where it needs none."""
        lines = (f"[handler {self.handler}]", *(f"{name} = {value}" for name, value in self.settings.items()))
        return "\n".join(lines) if self.settings else ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What verification says of a request; for a refused one, for each handler the least that would accept it."""

    verdict: Verified | Refused
    findings: tuple[Finding, ...] = ()
    senders: tuple[str, ...] = ()  # whose webhooks carry such headers


def diagnose(
    request: Request,
    handlers: Sequence[Handler],
    recipes: Mapping[str, Recipe] = NO_RECIPES,
    public_url: str = "",
    allow: Mapping[str, Sequence[Network]] = ANYWHERE,
) -> Diagnosis:
    """Say what becomes of a request, and where it is refused, try all we know with every handler's secret.

    ``recipes`` and ``allow`` are the config's by the handler's name, as verification takes them, ``public_url`` is
    that of [server]. A request whose address is not known is judged as if it came from an allowed one. Nothing of a
    secret shows.
    """
    verdict = verify(request, handlers, recipes, allow if request.client_ip else ANYWHERE)
    if isinstance(verdict, Verified):
        return Diagnosis(verdict)
    if isinstance(elsewhere := verify(request, handlers, recipes), Verified):
        name = elsewhere.handler.name
        widened = ", ".join([*map(str, allow[name]), request.client_ip])
        sentence = f"its signature is that of handler {name}, which does not allow the address {request.client_ip}"
        return Diagnosis(verdict, (Finding(name, sentence, {"allow": widened}),))
    bodies = [(remark, Parts(replace(request, body=body))) for remark, body in _bodies(request.body).items()]
    findings = (_least(handler, for_handler(handler, recipes), bodies, public_url) for handler in handlers)
    senders = tuple(recipe.title for recipe in recognised(request))
    return Diagnosis(verdict, tuple(finding for finding in findings if finding), senders)


def recognised(request: Request) -> tuple[Recipe, ...]:
    """Return the recipes by which the request may be signed, going by its headers, the most telling ones first."""
    parts = Parts(request)

    def telling(recipe: Recipe) -> int:
        """Count the places the recipe knows that are there; 0 where there is no signature with its prefix."""
        signatures = [value for place in recipe.signature for value in parts.at(place)]
        if not any(recipe.prefix.encode("utf-8") in value for value in signatures):
            return 0
        return 1 + sum(bool(parts.at(place)) for place in (recipe.timestamp, recipe.delivery_id, recipe.topic) if place)

    return tuple(sorted(filter(telling, RECIPES.values()), key=telling, reverse=True))


def _least(
    handler: Handler, used: Recipe | None, bodies: Sequence[tuple[str, Parts]], public_url: str
) -> Finding | None:
    """Return what accepts the request with the least change to what is set up, None where nothing does."""
    secrets = {"": handler.secret}
    if handler.secret != handler.secret.strip():
        secrets["without the spaces around the secret"] = handler.secret.strip()
    for (secret_remark, secret), (body_remark, parts) in product(secrets.items(), bodies):
        for recipe, settings in _attempts(used, handler, parts, public_url):
            verdict = check(recipe, replace(handler, secret=secret), parts)
            remarks = [remark for remark in (secret_remark, body_remark) if remark]
            if isinstance(verdict, Verified):
                return _finding(handler, used, recipe, settings, remarks)
            if verdict and verdict.reason in _NOT_NOW:
                return _finding(
                    handler, used, recipe, settings, [*remarks, f"but {verdict.detail.partition('): ')[2]}"]
                )
    return None


def _attempts(
    used: Recipe | None, handler: Handler, parts: Parts, public_url: str
) -> Iterator[tuple[Recipe, dict[str, str]]]:
    """Yield recipes to try, with the settings that differ from the recipe of their name; the plainest first."""
    known = [replace(recipe, public_url=public_url) for recipe in recognised(parts.request)]
    recipes = [*([used] if used else []), *known, *_unknown_senders(handler, parts)]
    yield from ((recipe, {}) for recipe in recipes)
    for recipe in recipes:
        if recipe.scheme not in (*ASYMMETRIC, "token"):
            yield from sorted(_variants(recipe), key=lambda attempt: len(attempt[1]))


def _unknown_senders(handler: Handler, parts: Parts) -> Iterator[Recipe]:
    for name in parts.headers:
        if _SIGNATURE.search(name) or name == handler.header:
            signature = (f"headers.{name.decode('latin-1')}",)
            yield replace(_HMAC, signature=signature, algorithm="sha256", encoding="hex")


def _variants(recipe: Recipe) -> Iterator[tuple[Recipe, dict[str, str]]]:
    for encoding, key, algorithm, prefix in product(
        ("hex", "base64"),
        ("text", "base64", "whsec", "hex"),
        ("sha256", "sha1", "sha512"),
        dict.fromkeys((recipe.prefix, "", "sha256=", "sha1=", "sha512=", "v1=", "v1,")),
    ):
        changes = {"encoding": encoding, "key": key, "algorithm": algorithm, "prefix": prefix}
        changed = {name: value for name, value in changes.items() if getattr(recipe, name) != value}
        if changed:
            varied = replace(recipe, encoding=encoding, key=key, algorithm=algorithm, prefix=prefix)
            yield varied, {f"recipe.{name}": value for name, value in changed.items()}


def _bodies(body: bytes) -> dict[str, bytes]:
    """Return the body as received and as it may have been sent, by what to say of it."""
    bodies = {"": body}
    if len(body) <= MAX_BODY:
        bodies["without the line break at the end of the body"] = body.rstrip(b"\r\n")
        bodies["with a line break (LF) after the body"] = body + b"\n"
        bodies["with a line break (CR LF) after the body"] = body + b"\r\n"
        if compact := _compact(body):
            bodies["with the body's JSON written without spaces"] = compact
    return {remark: text for remark, text in bodies.items() if not remark or text != body}


def _compact(body: bytes) -> bytes:
    try:
        value = json.loads(body)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (ValueError, RecursionError):
        return b""


def _finding(
    handler: Handler, used: Recipe | None, recipe: Recipe, settings: dict[str, str], remarks: list[str]
) -> Finding:
    """Put in words what accepts the request."""
    if any("body" in remark for remark in remarks):
        remarks = [*remarks, "so something on the way here has altered it"]
    tail = "".join(f", {remark}" for remark in remarks)
    if recipe.name == _HMAC.name and recipe is not used:
        header = recipe.signature[0].removeprefix("headers.")
        if not recipe.prefix and recipe.key == "text" and recipe.content == _HMAC.content:  # what Tiki's rule can do
            verification = {"hex": "hmac", "base64": "base64 hmac"}[recipe.encoding]
            sentence = f"with the signature header {header}, verification {verification}, algorithm {recipe.algorithm}"
            return Finding(handler.name, f"handler {handler.name} accepts it {sentence} in Tiki{tail}")
        own = {"recipe.signature": header, "recipe.algorithm": recipe.algorithm, "recipe.encoding": recipe.encoding}
        settings = own | settings
    if recipe is not used:
        settings = {"recipe": recipe.name, **settings}
    ways = " and ".join(f"{name} = {value}" for name, value in settings.items() if name != "recipe")
    sentence = f"this verifies as {recipe.title} with the secret of handler {handler.name}"
    return Finding(handler.name, sentence + (f" and {ways}" if ways else "") + tail, settings)
