"""The option ``autoassign`` of some types: Tiki fills the field in, and only few may choose its value themselves."""

from __future__ import annotations

from tikisync.core.fields.kind import Context, FieldType
from tikisync.core.trackers import Field
from tikisync.errors import FieldValueError

CREATOR, MODIFIER = 1, 2
"""Values of the option: who creates, or who last changed, the item."""


class AssignedType(FieldType):
    """A type that Tiki can be told to fill in."""

    def assignment(self, definition: Field) -> int:
        """Return the option's value; 0: Tiki assigns nothing."""
        return definition.number("autoassign")

    def may_choose(self, definition: Field, context: Context) -> bool:  # noqa: ARG002
        """Tell whether the user may set a field that Tiki would otherwise fill in."""
        return context.administers_tracker

    def require_choice(self, definition: Field, context: Context) -> None:
        """Raise FieldValueError where Tiki fills the field in whatever the form says."""
        if self.assignment(definition) in (CREATOR, MODIFIER) and not self.may_choose(definition, context):
            raise FieldValueError(
                definition.perm_name,
                f"Tiki fills in this {self.label} by itself, and user {context.user} may not choose its value",
                hint="remove the field from the rule, or set its option Auto-assign to None in Tiki",
                reason="assigned_by_tiki",
            )
