"""Users (``u``) and groups (``g``) (Tiki: Field/UserSelector.php, GroupSelector.php and their forms, 24.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from tikisync.core import php
from tikisync.core.fields.assigned import CREATOR, MODIFIER, AssignedType
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.fields.scalars import plain
from tikisync.core.questions import GroupNamed, GroupsIncluding, GroupWithId, Question, UserNamed
from tikisync.core.trackers import Field, Json


class UserType(AssignedType):
    """Stored as a login, or several as one line of CSV."""

    codes = ("u",)
    label = "User Selector"
    preferences: ClassVar = {"u": ("trackerfield_userselector",)}
    accepts = "a user's login or e-mail address, or a list of them where the field takes several"

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:
        """Ask whose logins or addresses these are."""
        names = (UserNamed(name) for name in self._names(definition, value))
        return [*names, *self.untouched_questions(definition, context)]

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the logins as Tiki has them; refuse a user whom it does not have (Tiki would leave them out)."""
        self.require_choice(definition, context)
        names = self._names(definition, value)
        logins = [login for login in (context.answers[UserNamed(name)] for name in names) if login]
        if len(logins) < len(names):
            raise self.refuse(
                definition, value, "with one that belongs to no user, or to several", reason="unknown_user"
            )
        return self.store(definition, _line(definition, logins))

    def untouched_questions(self, definition: Field, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask for the groups whose members may choose the value."""
        return [GroupWithId(int(group)) for group in definition.choices("canChangeGroupIds") if group.isdecimal()]

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return the creator, or the modifier at every update; those who may choose the value leave it as it is."""
        assignment, old = self.assignment(definition), _logins(context.old)
        if assignment == MODIFIER and (context.creating or not self.may_choose(definition, context)):
            return Stored(_line(definition, [*old, context.user]) if _takes_several(definition) else context.user)
        if assignment == CREATOR and (context.creating or (context.takes_ownership and not old)):
            return Stored(context.user)
        return super().untouched(definition, context)

    def may_choose(self, definition: Field, context: Context) -> bool:
        """Tell whether the user administers the tracker or is in a group of the option ``canChangeGroupIds``."""
        groups = (context.answers[question] for question in self.untouched_questions(definition, context))
        return super().may_choose(definition, context) or any(group in context.user_groups for group in groups)

    def _names(self, definition: Field, value: Json) -> list[str]:
        several = _takes_several(definition)
        names = [plain(name) for name in (value if isinstance(value, list) else [value])]
        if None in names or (len(names) > 1 and not several):
            raise self.refuse(definition, value)
        given = [name for name in names if name]
        return _logins(given[0]) if given and several and isinstance(value, str) else given


class GroupType(AssignedType):
    """Stored as the group's name."""

    codes = ("g",)
    label = "Group Selector"
    preferences: ClassVar = {"g": ("trackerfield_groupselector",)}
    accepts = "the name of a group that the field offers"

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:
        """Ask whether there is such a group, and which ones the field offers."""
        named = [GroupNamed(name)] if (name := plain(value)) else []
        return [*named, *self.untouched_questions(definition, context)]

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the name; refuse a group that the field's form does not offer (Tiki would empty the field)."""
        self.require_choice(definition, context)
        name, offered = plain(value), self._offered(definition, context)
        if name is None:
            raise self.refuse(definition, value)
        if name and (context.answers[GroupNamed(name)] is None or (offered is not None and name not in offered)):
            raise self.refuse(definition, value, "that names none of those", reason="unknown_group")
        return self.store(definition, name)

    def untouched_questions(self, definition: Field, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask which groups the field offers where it offers those that include a certain one."""
        return [GroupsIncluding(group)] if (group := _required_group(definition)) else []

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return the user's default group, or else one of the user's that the field offers; administrators choose."""
        if self.assignment(definition) not in (CREATOR, MODIFIER) or self.may_choose(definition, context):
            return super().untouched(definition, context)
        offered = self._offered(definition, context)
        if offered is None or context.default_group in offered:
            return Stored(context.default_group)
        return Stored(next((group for group in context.user_groups if group in offered), context.default_group))

    def _offered(self, definition: Field, context: Context) -> tuple[str, ...] | None:
        """Return the groups that the field's form offers; None: all."""
        if group := _required_group(definition):
            return context.answers[GroupsIncluding(group)]
        return context.user_groups if definition.number("userGroups") else None


def _required_group(definition: Field) -> str:
    group = definition.text("groupId")
    return "" if group == "0" else group


def _takes_several(definition: Field) -> bool:
    return definition.number("multiple") > 0


def _logins(line: str) -> list[str]:
    return [login for login in (field.strip() for field in php.csv_fields(line)) if login]


def _line(definition: Field, logins: Iterable[str]) -> str:
    once = dict.fromkeys(logins)
    return php.csv_line(once) if _takes_several(definition) else "".join(once)


TYPES: tuple[FieldType, ...] = (UserType(), GroupType())
