"""What one captured request teaches: a recipe, ids, times and a first rule, as lines for the config file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tikisync.core import matching
from tikisync.core.diagnosis import recognised
from tikisync.core.document import document
from tikisync.core.handlers import Handler, Refused
from tikisync.core.matching import Part
from tikisync.core.payload import parse
from tikisync.core.recipes.adjusting import named
from tikisync.core.recipes.parts import Parts
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.requests import Request
from tikisync.core.trackers import Json, Tracker
from tikisync.core.verification import verify

_DELIVERY_ID = re.compile(r"(delivery|event|webhook|message|notification|idempotency).*(id|key|uuid|guid)$")
_IDENTIFIES = ("id", "number", "code", "key", "sku", "uuid", "reference", "ref", "email")  # the best first
_NEWNESS = ("updated", "modified", "changed", "timestamp", "occurred", "triggered", "time")
_RIGHT_BUT_LATE = ("stale_timestamp", "future_timestamp")


def learn(
    request: Request, name: str, handler: Handler | None = None, tracker: Tracker | None = None, public_url: str = ""
) -> list[str]:
    """Return sections of a config that fit the request, with comments; ``name`` is what Tiki calls the handler.

    ``handler`` is that handler where Tiki has it, so that no recipe is proposed which would refuse the request;
    ``public_url`` is that of [server]. Nothing of the payload but its names is in the lines. Raises PayloadError.
    """
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in request.combined_headers().items()}
    body = parse(request.body, headers.get("content-type", ""), headers.get("content-encoding", ""))
    recipe = _recipe(request, handler)
    lines = [f"[handler {name}]", *_handler(request, recipe, public_url), ""]
    if tracker is None:
        return [*lines, "; With --tracker, a first rule is proposed. What the payload holds:", *_listed(body)]
    place = recipe.topic if recipe else ""
    made = document(
        body=body,
        headers=headers,
        query=request.query,
        handler=name,
        received_at=request.received_at,
        topic_place=place,
    )
    return [*lines, *_rule(name, tracker, body, made["topic"], _event_time(request, recipe))]


def _recipe(request: Request, handler: Handler | None) -> Recipe | None:
    """Return the most telling recipe, but none that refuses what the handler accepts."""
    candidates = recognised(request)
    if handler is None:
        return candidates[0] if candidates else None
    for recipe in candidates:
        verdict = verify(request, [handler], {handler.name: recipe})
        if not isinstance(verdict, Refused) or verdict.reason in _RIGHT_BUT_LATE:
            return recipe
    accepted = not isinstance(verify(request, [handler]), Refused)
    return candidates[0] if candidates and not accepted else None


def _handler(request: Request, recipe: Recipe | None, public_url: str) -> Iterator[str]:
    at = Parts(request).at
    if recipe:
        _, problems = named(recipe.name, {}, public_url)
        yield f"; These look like webhooks of {recipe.title}."
        yield from (f"; {problem}" for problem in problems)
        yield f"{'; ' * bool(problems)}recipe = {recipe.name}"
        if recipe.event_time and at(recipe.event_time):
            yield f"; the time of the event: {recipe.event_time}"
        if recipe.delivery_id and at(recipe.delivery_id):
            yield f"; the delivery's id: {recipe.delivery_id}"
            return
    else:
        yield "; No sender is recognised by its headers; Tiki's plain rule needs no recipe."
    found = [name.decode("latin-1") for name, value in request.headers if len(value) >= 8]
    if ids := [name for name in found if _DELIVERY_ID.search(name)]:
        yield f"delivery_id = {ids[0]}"


def _event_time(request: Request, recipe: Recipe | None) -> str:
    """Return the expression of the event's time as the recipe knows it, '' where it is not there."""
    if recipe is None or not Parts(request).at(recipe.event_time or "headers."):
        return ""
    kind, _, rest = recipe.event_time.partition(".")
    if kind == "headers":
        return f'headers."{rest}"'
    return kind + "".join(f"[{each}]" if each.isdigit() else f".{each}" for each in rest.split("."))


def _rule(name: str, tracker: Tracker, body: Json, topic: Json, event_time: str) -> Iterator[str]:
    many = isinstance(body, list)
    found = matching.parts(body[0] if isinstance(body, list) and body else body, "each" if many else "body")
    matched = matching.match(tracker, found)
    values = dict(_values(tracker, matched, found))
    key = _key(tracker, {field: part for field, part in matched.items() if field in values})
    off = "; " * (not values)  # a rule that sets nothing would be refused
    if off:
        yield "; No field of the tracker fits by its name; say what belongs where, and take the semicolons away."
    yield f"{off}[rule {re.sub('[^a-z0-9]+', '-', f'{name} {tracker.name}'.lower()).strip('-') or 'first'}]"
    yield f"{off}handler = {name}"
    if isinstance(topic, str) and topic and topic.isprintable() and not {"'", "\\"} & set(topic):
        yield f"{off}when = topic == '{topic}'"
    if many:
        yield f"{off}each = body"
    plain = re.fullmatch(r"[\w .()-]*[^\W\d][\w .()-]*", tracker.name) and tracker.name == tracker.name.strip()
    yield f"{off}tracker = {tracker.name if plain else tracker.tracker_id}"
    yield (
        f"key = {key}"
        if key
        else "; key = the field by which an item is found again; without it each delivery makes one"
    )
    yield from (f"field.{field} = {expression}" for field, expression in values.items())
    yield from _left_over(tracker, matched, values)
    if key and (version := _newness(found) or ("" if many else event_time)):
        yield "; old news does not overwrite newer:"
        yield f"version = {version}"


def _values(tracker: Tracker, matched: Mapping[str, Part], found: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """Yield fields and their expressions; an amount of money only with its currency."""
    currencies = [part.expression for part in found if "currency" in part.words and isinstance(part.value, str)]
    for field in tracker.fields:
        part = matched.get(field.perm_name)
        if part and field.type != "b":
            yield field.perm_name, part.expression
        elif part and currencies:
            yield field.perm_name, f"{{amount: {part.expression}, currency: {currencies[0]}}}"


def _left_over(tracker: Tracker, matched: Mapping[str, Part], values: Mapping[str, str]) -> Iterator[str]:
    for field in tracker.fields:
        if field.perm_name in matched and field.perm_name not in values:
            amount = matched[field.perm_name].expression
            yield f"; field.{field.perm_name} = {{amount: {amount}, currency: 'EUR'}}   say which currency it is"
        elif field.is_mandatory and field.perm_name not in values:
            yield f"; field.{field.perm_name} = it is mandatory, and nothing here fits it by its name"


def _key(tracker: Tracker, matched: Mapping[str, Part]) -> str:
    """Return the field that identifies the item best, going by the name of what fills it."""
    types = {field.perm_name: field.type for field in tracker.fields}
    for word in _IDENTIFIES:
        for field, part in matched.items():
            if word in part.words and types[field] in ("t", "n", "m") and not isinstance(part.value, list):
                return field
    return ""


def _newness(found: Sequence[Part]) -> str:
    """Return the expression of what says how new the payload is, '' where nothing does."""
    moments = [part for part in found if matching.is_moment(part.value)]
    for word in _NEWNESS:
        for part in moments:
            if word in part.words and len(part.names) <= 2:
                return part.expression
    return ""


def _listed(body: Json) -> Iterator[str]:
    first = body[0] if isinstance(body, list) and body else body
    for part in matching.parts(first, "each" if isinstance(body, list) else "body"):
        yield f";   {part.expression}"
