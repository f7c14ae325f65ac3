"""Tiki's tracker field types: how a JSON value becomes what Tiki stores.

Each module here has its types in ``TYPES``; to add a module, name it in the list below.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from tikisync.core.fields import (
    addresses,
    categories,
    choices,
    countries,
    dates,
    files,
    language,
    links,
    location,
    numbers,
    pages,
    people,
    relations,
    tags,
    text,
    virtual,
)
from tikisync.core.fields.kind import FieldType
from tikisync.core.trackers import MOST_KNOWN, Field

_MODULES = (
    *(addresses, categories, choices, countries, dates, files, language, links),
    *(location, numbers, pages, people, relations, tags, text, virtual),
)

FIELD_TYPES: Mapping[str, FieldType] = {
    code: kind for module in _MODULES for kind in module.TYPES for code in kind.codes
}
"""All types by Tiki's code, those that no rule can write among them (their ``problem`` says why)."""


@lru_cache(MOST_KNOWN)
def unwritable(definition: Field) -> str:
    """Say why no rule can write the field, ``''`` where one can: its type, its options, its encryption."""
    if definition.encryption_key_id:
        return "it is encrypted, and only a person logged in to Tiki holds its key"
    kind = FIELD_TYPES.get(definition.type)
    return kind.problem(definition) if kind else f"tikisync does not know its type {definition.type!r}"
