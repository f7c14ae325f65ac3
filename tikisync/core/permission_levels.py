"""The levels of Tiki's permissions: which rows decide about an object (Tiki 24.4: lib/core/Perms/ResolverFactory)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import TypeAlias

TRACKER, ITEM, CATEGORY = "tracker", "trackeritem", "category"
Object: TypeAlias = tuple[str, int | str]  # type and id, as Tiki names objects; a wiki page's id is its name
Grant: TypeAlias = tuple[str, str]  # group and permission (tiki_p_…), both spelled as stored


def object_id(of: Object) -> str:
    """Return the ``objectId`` under which ``users_objectpermissions`` keeps an object's rows."""
    return md5(f"{of[0]}{str(of[1]).strip().lower()}".encode(), usedforsecurity=False).hexdigest()


def grant(group: str, permission: str) -> Grant:
    """Return a permission row; Tiki reads names without their prefix too."""
    return group, permission if permission.startswith("tiki_p_") else f"tiki_p_{permission}"


@dataclass(frozen=True, slots=True)
class Levels:
    """The permission rows that can have a say: the site's, and those of each object that was looked up."""

    everywhere: Collection[Grant]
    on: Mapping[Object, Collection[Grant]]  # trackers, items and categories; empty where an object has no row
    categories: Mapping[Object, Collection[int]] = field(default_factory=dict)  # none while feature_categories is off
    by_role: Mapping[int, Collection[Grant]] = field(default_factory=dict)  # of categories made from a template

    def deciding(self, *objects: Object) -> tuple[str, Collection[Grant]]:
        """Return where, in words, and what the rows are that decide alone: the first level that has any.

        The levels are the object's own rows, those of all its categories together, the same for its parent (given
        as the next object), then the site's. KeyError: an object was never looked up.
        """
        for of in objects:
            kind, number = of
            shown = f"{'item' if kind == ITEM else kind} {number}"
            if self.on[of]:
                return f"the permissions of {shown}", self.on[of]
            shared: set[Grant] = set()
            for category in self.categories.get(of, ()):
                shared.update(self.on[CATEGORY, category], self.by_role.get(category, ()))
            if shared:
                return f"the permissions of the categories of {shown}", shared
        return "the global permissions", self.everywhere
