"""Field types whose value is not the webhook's to give: computed, shown only, voted, or kept elsewhere by Tiki.

For each: why no rule can write it, and what a new item's form stores in it (the recordings of Tiki 24.4; the class
in lib/core/Tracker/Field where the recordings lack the type).
"""

from __future__ import annotations

from typing import ClassVar

from tikisync.core.date_format import DEFAULT_DATES, DateFormat
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.trackers import Field, Json


class AutomaticType(FieldType):
    """A type that no rule can write."""

    accepts = "nothing from a webhook"
    reason: ClassVar[str]
    stored: ClassVar[str | None] = ""  # in a new item; None: it gets no row
    is_logged: ClassVar[bool] = True

    def problem(self, definition: Field) -> str:  # noqa: ARG002
        """Refuse always, with the type's own reason."""
        return self.reason

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Refuse always, with the type's own reason."""
        raise self.refuse(definition, value, f"although {self.reason}")

    def untouched(self, definition: Field, context: Context) -> Stored | None:  # noqa: ARG002
        """Return what a new item's form stores."""
        return Stored(self.stored) if context.creating and self.stored is not None else None

    def logged(self, definition: Field, old: str, dates: DateFormat = DEFAULT_DATES) -> str | None:  # noqa: ARG002
        """Return the old value unless Tiki never logs the type."""
        return old if self.is_logged else None


class AutoIncrementType(AutomaticType):
    """A number that counts up with each new item; known only while the item is written."""

    codes = ("q",)
    label = "Auto-Increment"
    preferences: ClassVar = {"q": ("trackerfield_autoincrement",)}
    reason = "new items are numbered one after the other"
    stored = None
    is_logged = False
    numbered = True


class MathType(AutomaticType):
    """A calculation in Tiki's formula language; ``core.formulas`` carries it out."""

    codes = ("math",)
    label = "Mathematical Calculation"
    preferences: ClassVar = {"math": ("trackerfield_math",)}
    reason = "Tiki calculates it from the other fields"
    is_logged = False


class ComputedType(AutomaticType):
    """PHP arithmetic over other fields; the item itself has no row."""

    codes = ("C",)
    label = "Computed"
    preferences: ClassVar = {"C": ("trackerfield_computed",)}
    reason = "Tiki computes it while it shows the item"
    stored = None
    is_logged = False


class WebServiceType(AutomaticType):
    """A cache of what another site answers."""

    codes = ("W",)
    label = "Webservice"
    preferences: ClassVar = {"W": ("trackerfield_webservice", "feature_webservices")}
    reason = "it holds the last answer of the web service that Tiki calls"
    is_logged = False


class StaticTextType(AutomaticType):
    """Text of the form; never stored."""

    codes = ("S",)
    label = "Static Text"
    preferences: ClassVar = {"S": ("trackerfield_statictext",)}
    reason = "it shows its description, the same for all items"
    stored = None
    is_logged = False


class HeaderType(AutomaticType):
    """A heading of the form."""

    codes = ("h",)
    label = "Header"
    preferences: ClassVar = {"h": ("trackerfield_header",)}
    reason = "it is a heading of the form"


class ActionType(AutomaticType):
    """A button of the form."""

    codes = ("x",)
    label = "Action"
    preferences: ClassVar = {"x": ("trackerfield_action",)}
    reason = "it is a button of the form"


class ItemsListType(AutomaticType):
    """The items of another tracker that link to this one."""

    codes = ("l",)
    label = "Items List"
    preferences: ClassVar = {"l": ("trackerfield_itemslist",)}
    reason = "it lists the items that link here; write the link in those"


class UserPreferenceType(AutomaticType):
    """A preference of the item's user, kept with the user."""

    codes = ("p",)
    label = "User Preference"
    preferences: ClassVar = {"p": ("trackerfield_userpreference",)}
    reason = "it changes a user's password, e-mail address or preference"


class UserSubscriptionType(AutomaticType):
    """Who takes part in what the item announces; a new item takes any number."""

    codes = ("U",)
    label = "User Subscription"
    preferences: ClassVar = {"U": ("trackerfield_subscription",)}
    reason = "users subscribe themselves on the item's page"
    stored = "0#"


class InGroupType(AutomaticType):
    """Whether the item's user is in a group."""

    codes = ("N",)
    label = "In Group"
    preferences: ClassVar = {"N": ("trackerfield_ingroup",)}
    reason = "it shows whether the item's user is in a group"


class UserGroupsType(AutomaticType):
    """The groups of the item's user."""

    codes = ("usergroups",)
    label = "User Groups"
    preferences: ClassVar = {"usergroups": ("trackerfield_usergroups",)}
    reason = "it shows the groups of the item's user"


class RatingType(AutomaticType):
    """Votes, which are rows of their own (``tiki_user_votings``)."""

    codes = ("STARS", "*", "s")
    label = "Rating"
    preferences: ClassVar = {
        "STARS": ("trackerfield_rating",),
        "*": ("trackerfield_stars",),
        "s": ("trackerfield_starsystem",),
    }
    reason = "it sums up the votes of the site's users"


class LdapType(AutomaticType):
    """What a directory server knows."""

    codes = ("P",)
    label = "LDAP"
    preferences: ClassVar = {"P": ("trackerfield_ldap",)}
    reason = "Tiki looks it up in a directory while it shows the item"


class ShowTikiOrgType(AutomaticType):
    """The state of a demo site."""

    codes = ("STO",)
    label = "show.tiki.org"
    preferences: ClassVar = {"STO": ("trackerfield_showtikiorg",)}
    reason = "it shows a demo site that Tiki runs"
    stored = "none"


class CalendarItemType(AutomaticType):
    """A date that is an event of a calendar."""

    codes = ("CAL",)
    label = "Date and Time (Calendar Item)"
    preferences: ClassVar = {"CAL": ("trackerfield_calendaritem",)}
    reason = "saving it makes an event in a calendar, which only Tiki can do; use a Date and Time or Date Picker field"


TYPES: tuple[FieldType, ...] = tuple(each() for each in AutomaticType.__subclasses__())
