"""What a Tiki user may do with a tracker, an item, a field or a category, decided on the permission rows that count.

Facts: Tiki 24.4, lib/core/Perms (levels and checks) and lib/core/Tracker/Item.php (owners, statuses, fields).
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from tikisync.core.permission_levels import CATEGORY, ITEM, TRACKER, Grant, Levels, Object
from tikisync.core.trackers import Field, Item, Tracker
from tikisync.errors import NotPermittedError, TikiError

ADMIN, TRACKER_ADMIN = "tiki_p_admin", "tiki_p_admin_trackers"
FEATURES = ("feature_trackers", "feature_categories", "feature_freetags")

# The permission that implies another, while the preference is on; every other one here belongs to the trackers.
_TRACKERS = (TRACKER_ADMIN, "feature_trackers")
_IMPLIED_BY: Mapping[str, tuple[str, str]] = {
    "tiki_p_view_freetags": ("tiki_p_admin_freetags", "feature_freetags"),
    "tiki_p_add_object": ("tiki_p_admin_categories", "feature_categories"),
    "tiki_p_remove_object": ("tiki_p_admin_categories", "feature_categories"),
    "tiki_p_modify_object_categories": (ADMIN, "feature_categories"),
}
_BY_STATUS = {"p": "_pending", "c": "_closed"}


@dataclass(frozen=True)
class Rights:
    """What a user may do in a tracker, and with an item of it; ``item`` None asks about a new one."""

    user: str  # login; '' is a visitor
    groups: tuple[str, ...]
    tracker: Tracker
    item: Item | None
    levels: Levels
    features: frozenset[str]  # which of FEATURES are on
    _checked: dict[tuple[str, tuple[Object, ...]], bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def administers_tracker(self) -> bool:
        """Tell whether nothing in the tracker is closed to the user."""
        return self._may(TRACKER_ADMIN, *self._tracker)

    @cached_property
    def can_create(self) -> bool:
        """Tell whether the user may create items."""
        return self._may("tiki_p_create_tracker_items", *self._tracker)

    @cached_property
    def can_view(self) -> bool:
        """Tell whether the user may see the item."""
        return (
            self.item is None
            or self._owns_for("Modify")
            or self._owns_for("View")
            or self._may(self._permission("view_trackers"))
        )

    @cached_property
    def can_modify(self) -> bool:
        """Tell whether the user may change the item's values and status (a new item: create it)."""
        if self.item is None:
            return self.can_create
        return self._owns_for("Modify") or self._may(self._permission("modify_tracker_items"))

    @property
    def can_remove(self) -> bool:
        """Tell whether the user may delete the item."""
        if self.item is None:
            return False
        return self._owns_for("Remove") or self._may(self._permission("remove_tracker_items"))

    @cached_property
    def can_set_status(self) -> bool:
        """Tell whether a status the user asks for counts; Tiki's item page ignores it otherwise.

        The recordings show that the option showStatusAdminOnly hides the status but leaves this as it is.
        """
        return self.administers_tracker or (self.can_modify and self.tracker.is_on("showStatus"))

    def can_view_field(self, definition: Field) -> bool:
        """Tell whether the user may see this field of the item."""
        if self._may(TRACKER_ADMIN):
            return True
        if not self.can_view or (definition.type == "F" and not self._may("tiki_p_view_freetags")):
            return False
        if definition.is_hidden == "c" and self._owns_for("Modify"):
            return True
        return definition.is_hidden != "y" and self._shares(definition.visible_by)

    def can_set_field(self, definition: Field, *, creating: bool) -> bool:
        """Tell whether the user may set this field, of the item or of a new one."""
        return not self.why_not_set(definition, creating=creating)

    def why_not_set(self, definition: Field, *, creating: bool) -> str:
        """Say what keeps the user from setting this field, or ''."""
        on = replace(self, item=None) if creating and self.item else self
        if on._may(TRACKER_ADMIN):
            return ""
        if not on.can_modify:
            return f"it may not {'create items' if on.item is None else 'modify the item'} at all"
        if on.item is not None and not on.can_view_field(definition):
            return "it may not see the field"
        if definition.is_hidden in ("i", "a"):
            return "" if on.item is None else "the field can be set only while an item is created"
        if definition.is_hidden == "c":
            return "" if on._owns_for("Modify") else "only the item's owner may edit the field"
        if definition.is_hidden == "p":
            return "only tracker administrators may edit the field"
        if not on._shares(definition.editable_by):
            return f"only the groups {', '.join(sorted(definition.editable_by))} may edit the field"
        return ""

    def can_categorize(self, category: int) -> bool:
        """Tell whether the user may put the item into a category; its rows must have been looked up."""
        return self._may("tiki_p_modify_object_categories") and self._may("tiki_p_add_object", (CATEGORY, category))

    def can_uncategorize(self, category: int) -> bool:
        """Tell whether the user may take the item out of a category; its rows must have been looked up."""
        return self._may("tiki_p_modify_object_categories") and self._may("tiki_p_remove_object", (CATEGORY, category))

    def require_create(self) -> None:
        """Raise NotPermittedError unless the user may create items."""
        place = f"create items in tracker {self.tracker.name}"
        self._require(self.can_create, place, "tiki_p_create_tracker_items", self._tracker)

    def require_modify(self) -> None:
        """Raise NotPermittedError unless the user may modify the item."""
        self._require(self.can_modify, f"modify {self._shown}", self._permission("modify_tracker_items"), self._place)

    def require_remove(self) -> None:
        """Raise NotPermittedError unless the user may delete the item."""
        self._require(self.can_remove, f"delete {self._shown}", self._permission("remove_tracker_items"), self._place)

    def require_field(self, definition: Field, *, creating: bool) -> None:
        """Raise NotPermittedError unless the user may set this field."""
        if why := self.why_not_set(definition, creating=creating):
            raise NotPermittedError(
                f"user {self.user} may not set field {definition.perm_name} of tracker {self.tracker.name}: {why}",
                hint="see who may view and edit the field in the tracker's field settings, or remove it from the rule",
                reason="field_not_permitted",
            )

    @property
    def _tracker(self) -> tuple[Object, ...]:
        return ((TRACKER, self.tracker.tracker_id),)

    @property
    def _place(self) -> tuple[Object, ...]:
        return self._tracker if self.item is None else ((ITEM, self.item.item_id), *self._tracker)

    @property
    def _shown(self) -> str:
        which = f"item {self.item.item_id}" if self.item and self.item.item_id else "items"
        return f"{which} of tracker {self.tracker.name}"

    def _permission(self, what: str) -> str:
        status = self.item.status if self.item else ""
        return f"tiki_p_{what}{_BY_STATUS.get(status, '')}"

    def _may(self, permission: str, *objects: Object) -> bool:
        """Check a permission on the objects, the item and its tracker where none is given."""
        checked = permission, objects
        if checked not in self._checked:
            self._checked[checked] = self._check(permission, *objects)
        return self._checked[checked]

    def _check(self, permission: str, *objects: Object) -> bool:
        if self._has(ADMIN, self.levels.everywhere):
            return True
        _, grants = self.levels.deciding(*(objects or self._place))
        implied_by, feature = _IMPLIED_BY.get(permission, _TRACKERS)
        return self._has(permission, grants) or (feature in self.features and self._has(implied_by, grants))

    def _has(self, permission: str, grants: Collection[Grant]) -> bool:
        return any((group, permission) in grants for group in self.groups)

    def _shares(self, groups: frozenset[str]) -> bool:
        return not groups or not groups.isdisjoint(self.groups)

    def _owns_for(self, operation: str) -> bool:
        """Tell whether an option of the tracker lets owners View, Modify or Remove, and the user is one."""
        on = self.tracker.is_on
        by_user = on(f"writerCan{operation}") or (operation == "View" and on("userCanSeeOwn"))
        by_group = on(f"writerGroupCan{operation}") or (operation == "View" and on("groupCanSeeOwn") and self.user)
        return bool(
            (by_user and self.user and self.user in self._owners()) or (by_group and self._owner_group() in self.groups)
        )

    def _owners(self) -> Collection[str]:
        if self.item is None:
            return (self.user,)
        users = [each for each in self.tracker.fields if each.type == "u"]
        owning = [each for each in users if each.number("owner") == 1] or _self_assigned(users)
        return {login for each in owning for login in _logins(self.item.value(each.field_id))}

    def _owner_group(self) -> str | None:
        if self.item is None:
            return None
        groups = [each for each in self.tracker.fields if each.type == "g"]
        owning = [each for each in groups if each.text("owner") not in ("", "0")] or _self_assigned(groups)
        return self.item.value(owning[0].field_id) if owning else None

    def _require(self, allowed: bool, doing: str, permission: str, objects: tuple[Object, ...]) -> None:
        if "feature_trackers" not in self.features:
            raise TikiError("trackers are switched off in Tiki", hint="switch on the preference feature_trackers")
        if allowed:
            return
        where, _ = self.levels.deciding(*objects)
        groups = (
            f"none of its groups ({', '.join(self.groups)}) has" if self.groups else "it is in no group, so it lacks"
        )
        raise NotPermittedError(
            f"user {self.user} may not {doing}: {groups} {permission} in {where}, which decide here",
            hint=f"grant {permission} to one of the user's groups in {where}, or give the handler another user",
            reason=f"lacks_{permission.removeprefix('tiki_p_')}",
        )


def _self_assigned(fields: list[Field]) -> list[Field]:
    """Return the first field that Tiki fills with the creator or the creator's group."""
    return [each for each in fields if each.number("autoassign") == 1][:1]


def _logins(stored: str) -> set[str]:
    """Read a user field: logins as CSV; nobody where it cannot be read."""
    try:
        rows = list(csv.reader([stored], skipinitialspace=True))
    except csv.Error:
        return set()
    return {login.strip() for row in rows for login in row} - {""}
