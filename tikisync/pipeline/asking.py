"""Many decisions made side by side: what all of them ask next is looked up at once."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from tikisync.core.questions import (
    Answers,
    FollowingItems,
    ItemsListing,
    ItemsTitled,
    ItemsWithKey,
    ItemsWithValue,
    ItemTracker,
    Question,
)
from tikisync.database import Transaction
from tikisync.errors import TikisyncError
from tikisync.tiki.answers import answer

T = TypeVar("T")

Asking: TypeAlias = Generator[Iterable[Question[Any]], Answers, T]
"""A decision that yields what it must know, and is sent the answers."""

Known: TypeAlias = Mapping[Question[Any], Any]

_ABOUT_ITEMS = (FollowingItems, ItemsListing, ItemsTitled, ItemsWithKey, ItemsWithValue, ItemTracker)


def answered(tx: Transaction, asking: Sequence[Asking[T]]) -> list[tuple[T | TikisyncError, Known]]:
    """Return what each decision comes to, or its error, and what it learned that writing an item may change."""
    results: dict[int, T | TikisyncError] = {}
    known: list[dict[Question[Any], Any]] = [{} for _ in asking]
    answers: Answers | None = None
    going = dict(enumerate(asking))
    while going:
        asked: dict[int, list[Question[Any]]] = {}
        for place, each in going.items():
            try:
                asked[place] = list(next(each) if answers is None else each.send(answers))
            except StopIteration as end:
                results[place] = end.value
            except TikisyncError as error:
                results[place] = error
        going = {place: going[place] for place in asked}
        answers = answer(tx, (question for questions in asked.values() for question in questions))
        for place, questions in asked.items():
            known[place] |= {each: answers[each] for each in questions if type(each) in _ABOUT_ITEMS}
    return [(results[place], known[place]) for place in range(len(asking))]


def still_hold(tx: Transaction, known: Sequence[tuple[Known, int]]) -> bool:
    """Tell whether everything that decisions went by is as it was, each but for the item (its id) that it wrote."""
    now = answer(tx, (question for each, _ in known for question in each))
    return all(
        _others(before, item_id) == _others(now[question], item_id)
        for each, item_id in known
        for question, before in each.items()
    )


def _others(answer: Any, item_id: int) -> Any:
    return set(answer) - {item_id} if isinstance(answer, tuple) else answer
