"""A rule as the text of its section, for people to look at and to edit."""

from __future__ import annotations

from collections.abc import Iterator

from tikisync.core.changes import WRITE
from tikisync.core.rules import Rule


def section(rule: Rule) -> str:
    """Return the ``[rule NAME]`` section that reads as this rule."""
    return "\n".join([f"[rule {rule.name}]", *(f"{key} = {value}" for key, value in _entries(rule))])


def _entries(rule: Rule) -> Iterator[tuple[str, str]]:
    texts = {"when": rule.when, "each": rule.each, "item": rule.item, "status": rule.status, "version": rule.version}
    given = {name: expression.text for name, expression in texts.items() if expression}
    yield "handler", ", ".join(rule.handlers)
    yield from ((name, given[name]) for name in ("when", "each") if name in given)
    if rule.action != WRITE:
        yield "action", rule.action
    if rule.tracker:
        yield "tracker", rule.tracker
    if rule.key:
        yield "key", ", ".join(rule.key)
    yield from ((name, given[name]) for name in ("item",) if name in given)
    for name, expression in rule.fields.items():
        yield f"field.{name}", expression.text
        if name in rule.trust:
            yield f"field.{name}.trust", rule.trust[name]
    yield from ((name, given[name]) for name in ("status", "version") if name in given)
    yield from ((f"contact.{name}", expression.text) for name, expression in rule.contact.items())
