"""Rotation of secrets: an old and a new handler in Tiki for one sender, both named by the same rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tikisync.core.rules import Rule


def elders(rules: Sequence[Rule]) -> Mapping[str, str]:
    """Return, for each handler that rules name, the first that exactly the same rules name; for most that is itself.

    Whatever arrives for one of them has the same effect as for the other, so it must not have it for both.
    """
    naming: dict[str, list[str]] = {}
    for rule in rules:
        for handler in dict.fromkeys(rule.handlers):
            naming.setdefault(handler, []).append(rule.name)
    first: dict[tuple[str, ...], str] = {}
    return {handler: first.setdefault(tuple(names), handler) for handler, names in naming.items()}
