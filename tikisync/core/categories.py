"""Tiki's categories: a tree, of which a tracker field offers a part (lib/core/Tracker/Field/Category.php, 24.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tikisync.core.effects import Categorize, Effect
from tikisync.errors import NotPermittedError

SEPARATOR = "::"


@dataclass(frozen=True, slots=True)
class Category:
    """One row of ``tiki_categories``; the parent of a root is 0."""

    category_id: int
    name: str
    parent_id: int = 0


def offered(categories: Mapping[int, Category], parent_id: int, *, deep: bool) -> dict[int, str]:
    """Return the categories below a parent (0: below the roots' root) by id, each with its path from there.

    ``deep`` takes in all descendants, else only children count.
    """
    paths: dict[int, str] = {}
    for category in categories.values():
        names = [category.name]
        ancestor = category.parent_id
        for _ in categories:  # no more steps than there are categories: a loop of parents must not hang
            if ancestor == parent_id or not deep or ancestor not in categories:
                break
            names.append(categories[ancestor].name)
            ancestor = categories[ancestor].parent_id
        if ancestor == parent_id and category.category_id != parent_id:
            paths[category.category_id] = SEPARATOR.join(reversed(names))
    return paths


def named(paths: Mapping[int, str], text: str) -> list[int]:
    """Return the categories with this path, else those whose path ends in this name or ``Parent::Child``."""
    whole = [category_id for category_id, path in paths.items() if path == text]
    return whole or [category_id for category_id, path in paths.items() if path.endswith(SEPARATOR + text)]


def permitted(
    effects: Iterable[Effect],
    current: frozenset[int],
    *,
    may_add: Callable[[int], bool],
    may_remove: Callable[[int], bool],
    user: str,
) -> Iterator[Effect]:
    """Return the effects without categories that Tiki adds by itself but the user may not add objects to.

    ``current`` are the item's categories now; the predicates tell by category id what the user may do. Raises
    NotPermittedError for a category that a rule adds or removes. (Tiki stores the value and leaves the item as it was.)
    """
    effects = list(effects)
    wanted = {each for effect in effects if isinstance(effect, Categorize) for each in effect.wanted}
    for effect in effects:
        if not isinstance(effect, Categorize):
            yield effect
            continue
        refused = {each for each in effect.wanted - current if not may_add(each)}
        for category_id in refused - effect.inherited:
            raise _refusal(user, "add the item to", category_id)
        for category_id in (current & effect.managed) - wanted:
            if not may_remove(category_id):
                raise _refusal(user, "remove the item from", category_id)
        fallback = effect.fallback if effect.fallback and may_add(effect.fallback) else None
        yield replace(effect, wanted=effect.wanted - refused, fallback=fallback)


def _refusal(user: str, what: str, category_id: int) -> NotPermittedError:
    return NotPermittedError(
        f"user {user} may not {what} category {category_id}",
        hint="it takes tiki_p_modify_object_categories on the item and tiki_p_add_object or tiki_p_remove_object "
        "on the category",
    )
