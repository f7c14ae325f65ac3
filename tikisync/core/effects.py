"""Rows beside the field's own that a value causes, as data; ``tiki`` carries them out.

Each effect names what should hold afterwards, not the steps, so carrying it out twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that must hold in other tables once the item is written."""

    field_id: int


@dataclass(frozen=True, slots=True)
class Categorize(Effect):
    """Of the ``managed`` categories the item is in exactly the ``wanted``; in all others it stays as it is.

    ``inherited`` are those wanted that Tiki adds by itself (the tracker's), ``fallback`` the one it adds where no
    category field of the item names any (``users_groups.groupDefCat``): lacking the right to them is no fault.
    """

    wanted: frozenset[int]
    managed: frozenset[int]
    inherited: frozenset[int] = frozenset()
    fallback: int | None = None


@dataclass(frozen=True, slots=True)
class Relate(Effect):
    """The item's ``relation`` leads to exactly these objects, each (type, id); ``invert``: whichever end it is."""

    relation: str
    targets: tuple[tuple[str, str], ...]
    invert: bool = False


@dataclass(frozen=True, slots=True)
class Attach(Effect):
    """The item's ``relation`` leads to all ``attached`` and none of the ``detached`` objects of one type."""

    relation: str
    target_type: str
    attached: tuple[int, ...]
    detached: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag(Effect):
    """The item has exactly these tags, each as written in the field."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetAttributes(Effect):
    """The item has these attributes (``tiki_object_attributes``); the value ``''`` means it has none of that name."""

    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SetLanguage(Effect):
    """Where the item is part of a set of translations, it is the one in this language."""

    language: str


@dataclass(frozen=True, slots=True)
class LinkPages(Effect):
    """The field's text links exactly these wiki pages and includes exactly those (``tiki_links``, a relation)."""

    pages: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
