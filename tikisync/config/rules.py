"""``[rule NAME]`` sections: read, and checked for what is wrong whatever delivery may arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any, TypeAlias

from tikisync.config.ini import Section
from tikisync.config.values import Converter, choice, expression, names, text
from tikisync.core.changes import CLOSE, DELETE, WRITE
from tikisync.core.document import NAMES
from tikisync.core.expressions import Expression, similar
from tikisync.core.rules import EACH_NAMES, IGNORE, Rule, status_code

KEYS: Mapping[str, Converter] = {
    "handler": names,
    "when": expression,
    "each": expression,
    "tracker": text,
    "key": names,
    "item": expression,
    "status": expression,
    "version": expression,
    "action": choice(WRITE, CLOSE, DELETE, IGNORE),
}
FIELD, TRUST, CONTACT = "field.", ".trust", "contact."
PATTERNS = ("field.NAME", "field.NAME.trust", "contact.NAME")

Problems: TypeAlias = Iterator[tuple[str, str]]  # key ('' for the section) and what is wrong


def converter(key: str) -> Converter | None:
    """Return the converter of a rule's key, None for a key that no rule has."""
    if key.startswith(FIELD):
        name = key.removeprefix(FIELD).removesuffix(TRUST)
        known = choice("html", "wiki") if key.endswith(TRUST) else expression
        return known if name and "." not in name else None
    if key.startswith(CONTACT) and key != CONTACT:
        return expression
    return KEYS.get(key)


def rule(name: str, given: Mapping[str, Any]) -> Rule:
    """Return the rule that a section's converted keys make."""
    fields = {key.removeprefix(FIELD): value for key, value in given.items() if key.startswith(FIELD)}
    return Rule(
        name=name,
        handlers=given.get("handler", ()),
        when=given.get("when"),
        each=given.get("each"),
        tracker=given.get("tracker", ""),
        key=given.get("key", ()),
        item=given.get("item"),
        fields={field: value for field, value in fields.items() if not field.endswith(TRUST)},
        trust={field.removesuffix(TRUST): value for field, value in fields.items() if field.endswith(TRUST)},
        status=given.get("status"),
        version=given.get("version"),
        action=given.get("action", WRITE),
        contact={key.removeprefix(CONTACT): value for key, value in given.items() if key.startswith(CONTACT)},
    )


def problems(section: Section, given: Mapping[str, Any]) -> Problems:
    """Find what does not fit together; ``given`` are the keys whose text could be converted."""
    if "handler" not in section.entries or given.get("handler") == ():
        yield "handler", "name the handler in Tiki's admin whose deliveries this rule is for: handler = Shop"
    for key, value in given.items():
        if isinstance(value, Expression):
            yield from ((key, what) for what in _expression(key, value, "each" in section.entries))
    if "action" in section.entries and "action" not in given:
        return  # what else would be wrong depends on it
    if given.get("action") == IGNORE:
        for key in section.entries:
            if key not in ("handler", "when", "each", "action"):
                yield key, "a rule with action = ignore writes nothing; remove this line"
        return
    keys = section.entries.keys()
    if "tracker" in keys:
        yield from _item(keys, given)
    else:
        yield from _no_item(keys)
    if any(key.startswith(CONTACT) for key in keys) and f"{CONTACT}email" not in keys:
        yield "", "a contact is found by its e-mail address: add contact.email = …"


def _item(keys: Set[str], given: Mapping[str, Any]) -> Problems:
    fields = {key.removeprefix(FIELD) for key in keys if key.startswith(FIELD) and not key.endswith(TRUST)}
    action, key_fields = given.get("action", WRITE), given.get("key", ())
    for name in dict.fromkeys(key_fields):
        if name not in fields:
            yield "key", f"say where its value comes from: field.{name} = …{similar(name, fields)}"
        if key_fields.count(name) > 1:
            yield "key", f"{name} is named twice"
    for key in keys:
        if key.startswith(FIELD) and key.endswith(TRUST):
            name = key.removeprefix(FIELD).removesuffix(TRUST)
            if name not in fields:
                yield key, f"there is no field.{name} here to trust{similar(name, fields)}"
    if {"key", "item"} <= keys:
        yield "item", "give key or item, not both: key finds an item by its fields, item names its id"
    if "version" in keys and not keys & {"key", "item"}:
        yield "version", "each delivery makes a new item here, so there is nothing to compare; give key or item"
    if action == WRITE and not fields and "status" not in keys:
        yield "", "it would write nothing: add a line field.NAME = … for each field, by its permanent name"
    if action != WRITE and not keys & {"key", "item"}:
        yield "action", f"say which item to {action}: give key, or item with its id"
    if action != WRITE and "status" in keys:
        yield "status", f"action = {action} takes no status; remove this line"
    if action == DELETE:
        for name in sorted(fields.difference(key_fields)):
            yield f"{FIELD}{name}", "an item that is deleted takes no values; remove this line or name the field in key"


def _no_item(keys: Set[str]) -> Problems:
    if not any(key.startswith(CONTACT) for key in keys):
        yield "", "it would write nothing: name the tracker to write to (tracker = …), or give contact.email = …"
        return
    for key in keys:
        if key in ("key", "item", "status", "version", "action") or key.startswith(FIELD):
            yield key, "this is for tracker items; name the tracker to write to (tracker = …) or remove this line"


def _expression(key: str, value: Expression, has_each: bool) -> Iterator[str]:
    known = (*NAMES, *EACH_NAMES) if has_each and key != "each" else NAMES
    for name in sorted(value.names.difference(known)):
        if name in EACH_NAMES and key != "each":
            yield f"{name} is known only in a rule with each = …"
        else:
            hint = similar(name, known) or f"; it has {', '.join(known)}, and text goes in single quotes: '{name}'"
            yield f"there is no {name} in a delivery{hint}"
    for path in sorted(value.paths):
        if path[0] == "headers" and len(path) > 1 and path[1] != path[1].lower():
            yield f'header names are in lower case here: headers."{path[1].lower()}"'
    if key == "status" and not value.names:
        try:
            status_code(value.evaluate({}))
        except ValueError as error:  # of ExpressionError's kind too
            yield str(error)
