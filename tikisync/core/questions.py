"""What a decision must know about Tiki's data before it can be made.

A decision in ``core`` never looks anything up. It names its questions; whoever holds the open transaction
answers all of them at once (``tiki.answers``), and the decision reads the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tikisync.core.categories import Category
from tikisync.core.permission_levels import Levels
from tikisync.core.trackers import Item

A = TypeVar("A")


class Question(Generic[A]):
    """Something to ask Tiki's database; the type parameter is the answer's type."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class UserNamed(Question["str | None"]):
    """Whose login or e-mail address is this? The login as stored, or None (none, or not exactly one)."""

    text: str


@dataclass(frozen=True, slots=True)
class GroupNamed(Question["str | None"]):
    """Is there a group of this name? The name as stored, or None."""

    name: str


@dataclass(frozen=True, slots=True)
class GroupWithId(Question["str | None"]):
    """Which group has this id? Its name, or None."""

    group_id: int


@dataclass(frozen=True, slots=True)
class GroupsIncluding(Question["tuple[str, ...]"]):
    """Which groups directly include this one? Their names, sorted (Tiki: get_including_groups)."""

    group: str  # by name, or by id where it is all digits


@dataclass(frozen=True, slots=True)
class ItemsTitled(Question["tuple[int, ...]"]):
    """Which items of the tracker hold exactly this text in this field? Their ids, lowest first."""

    tracker_id: int
    field_id: int
    text: str


@dataclass(frozen=True, slots=True)
class ItemTracker(Question["int | None"]):
    """In which tracker is this item? The tracker's id, or None where there is no such item."""

    item_id: int


@dataclass(frozen=True, slots=True)
class ItemsWithValue(Question["tuple[int, ...]"]):
    """Which items have this value in the field, as the column's collation compares? For *distinct* (Tiki's SQL)."""

    field_id: int
    value: str


@dataclass(frozen=True, slots=True)
class ItemsListing(Question["tuple[int, ...]"]):
    """Which items have this word in the field, alone or between commas? For *one item per user* (FIND_IN_SET)."""

    field_id: int
    word: str


@dataclass(frozen=True, slots=True)
class ItemsWithKey(Question["tuple[int, ...]"]):
    """Which items of the tracker hold exactly these texts, else texts that differ in case only? Lowest id first."""

    tracker_id: int
    key: tuple[tuple[int, str], ...]  # field id and stored text


@dataclass(frozen=True, slots=True)
class StoredItem(Question[Item | None]):
    """What does this item hold, now and until the transaction ends? None where there is no such item."""

    item_id: int


@dataclass(frozen=True, slots=True)
class FollowingItems(Question["tuple[int, ...]"]):
    """Which items follow this one, by an Item Link field whose option ``cascade`` has this bit? Lowest id first."""

    tracker_id: int
    item_id: int
    cascade: int


@dataclass(frozen=True, slots=True)
class LevelsOf(Question[Levels]):
    """Which rows decide what groups may do in a tracker, and with one of its items? None stands for a new item."""

    groups: tuple[str, ...]
    tracker_id: int
    item_id: int | None
    by_category: bool  # whether Tiki's categories are on


@dataclass(frozen=True, slots=True)
class AllCategories(Question[Mapping[int, Category]]):
    """Which categories does Tiki have? All, by id."""


@dataclass(frozen=True, slots=True)
class CategoriesOf(Question[frozenset[int]]):
    """In which categories is this object? Their ids."""

    object_type: str  # as in tiki_objects.type: 'trackeritem', 'tracker', …
    object_id: str


@dataclass(frozen=True, slots=True)
class FileType(Question["str | None"]):
    """Of which MIME type is this file of a file gallery? None where there is no such file."""

    file_id: int


@dataclass(frozen=True, slots=True)
class ArticleExists(Question[bool]):
    """Is there an article of this id? Yes or no."""

    article_id: int


@dataclass(frozen=True, slots=True)
class PageExists(Question[bool]):
    """Is there a wiki page of this name, as the column's collation compares? Yes or no (Tiki: page_exists)."""

    name: str


class Answers:
    """Answers by question; asking for one that was never asked is a bug and raises KeyError."""

    __slots__ = ("_known",)

    def __init__(self, known: Mapping[Question[Any], Any] | None = None) -> None:
        self._known = dict(known or {})

    def __getitem__(self, question: Question[A]) -> A:
        answer: A = self._known[question]
        return answer
