"""What Tiki's form checks about an item as a whole before it saves it (trackerlib check_field_values, 24.4).

What one value must look like, its field type has checked already (``encode``). Tiki looks at all fields at every save;
here a field that no rule names counts only as far as it must not be empty: it was checked when it was written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qs

from tikisync.core import php
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.fields.assigned import CREATOR
from tikisync.core.fields.text import by_language
from tikisync.core.fields.virtual import AutomaticType
from tikisync.core.questions import Answers, ItemsListing, ItemsWithValue
from tikisync.core.trackers import Field, Item, Tracker
from tikisync.errors import FieldValueError, NotPermittedError

Items: TypeAlias = ItemsListing | ItemsWithValue  # questions that are answered by items

_EMPTY = (None, "", "0")  # to PHP's empty(), which decides whether a value is checked at all
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_EMAIL = re.compile(rf"(?!.{{65,}}@){_ATOM}(?:\.{_ATOM})*@(?!.*\.\.)[\w.:-]{{1,255}}")


@dataclass(frozen=True, slots=True)
class Creator:
    """Who makes a new item: the Tiki user, and the address the request came from ('' where unknown)."""

    user: str
    ip: str = ""


def questions(
    tracker: Tracker, values: Mapping[int, str | None], named: Collection[int], creator: Creator | None = None
) -> Iterator[Items]:
    """Name what must be known: which items have the values that must be distinct, and which are the creator's.

    ``values`` are those to be stored, by field id, kept ones among them; ``named`` the ids of fields a rule names;
    ``creator`` whoever makes a new item.
    """
    for field in _checked(tracker, values, named):
        if question := _distinct(field, values[field.field_id] or ""):
            yield question
    yield from (question for _, question in _one_per_user(tracker, values, creator))


def problems(
    tracker: Tracker,
    values: Mapping[int, str | None],
    named: Collection[int],
    answers: Answers,
    *,
    item: Item | None = None,
    creator: Creator | None = None,
    validate_email: str = "n",
) -> list[FieldValueError]:
    """Return all problems in the order Tiki tells them: what is missing, then what is invalid, each by position.

    ``item`` is the one to be updated, ``creator`` makes a new one, ``validate_email`` is the preference validateEmail.
    """
    missing = [
        FieldValueError(field.perm_name, "it is mandatory and would be empty", reason="mandatory_missing")
        for field in tracker.fields
        if field.is_mandatory and _is_missing(field, values.get(field.field_id) or "")
    ]
    invalid: list[FieldValueError] = []
    for field in _checked(tracker, values, named):
        value = values[field.field_id] or ""
        question = _distinct(field, value)
        others = [other for other in answers[question] if item is None or other != item.item_id] if question else []
        if others:
            message = field.validation_message or "its value must be distinct"
            invalid.append(
                FieldValueError(field.perm_name, f"{message} (item {others[0]} has it already)", reason="not_distinct")
            )
        if field.type == "m" and validate_email in ("y", "d") and not _EMAIL.fullmatch(value):
            invalid.append(FieldValueError(field.perm_name, "it is no e-mail address", reason="email"))
        if field.type == "j":
            invalid += _out_of_bounds(tracker, field, values)
    for field, owned in _one_per_user(tracker, values, creator):
        if items := answers[owned]:
            message = f"tracker {tracker.name} takes one item for each user, and item {items[0]} is there already"
            hint = "let the rule update that item, or switch off the tracker's option for one item per user in Tiki"
            invalid.append(FieldValueError(field.perm_name, message, hint=hint, reason="one_item_per_user"))
    return missing + invalid


def require_open(tracker: Tracker, now: int) -> None:
    """Raise NotPermittedError outside the time in which the tracker's page lets items be created (UNIX seconds)."""
    start, end = (php.integer(tracker.options.get(name, "")) for name in ("start", "end"))
    if (start and now < start) or (end and now > end):
        limit, word = (start, "after") if start and now < start else (end, "until")
        raise NotPermittedError(
            f"tracker {tracker.name} takes new items only {word} {php.format_date('%Y-%m-%d %H:%M', limit)} UTC",
            hint="change the dates in the tracker's properties in Tiki, then replay",
            reason="tracker_not_open",
        )


def _one_per_user(
    tracker: Tracker, values: Mapping[int, str | None], creator: Creator | None
) -> Iterator[tuple[Field, Items]]:
    """Ask for the items that keep a user from making another (Services/Tracker/Controller.php action_insert_item).

    They are told by the first field that Tiki fills with the creator, and by the first with the creator's IP address.
    """
    if creator is None or not tracker.is_on("oneUserItem"):
        return
    user = next((each for each in tracker.fields if each.type == "u" and each.number("autoassign") == CREATOR), None)
    if user:
        yield user, ItemsListing(user.field_id, values.get(user.field_id) or creator.user)
    address = next(
        (each for each in tracker.fields if each.type == "I" and each.number("autoassign", CREATOR) == CREATOR), None
    )
    if address and creator.ip:
        yield address, ItemsWithValue(address.field_id, creator.ip)


def _checked(tracker: Tracker, values: Mapping[int, str | None], named: Collection[int]) -> Iterator[Field]:
    return (each for each in tracker.fields if each.field_id in named and values.get(each.field_id) not in _EMPTY)


def _is_missing(field: Field, value: str) -> bool:
    if isinstance(FIELD_TYPES.get(field.type), AutomaticType):
        return False
    if field.type in ("u", "g") and field.number("autoassign") == CREATOR:
        return False
    if field.type == "c":
        return value in ("", "n")
    if field.type == "r":
        return value in ("", "0")
    if field.type in ("t", "a") and field.is_multilingual:
        return not all((by_language(value) or {"": value}).values())
    return value == "" or (field.type == "e" and value == "0")


def _distinct(field: Field, value: str) -> ItemsWithValue | None:
    """Return the question whether other items have the value of a field whose values must be distinct.

    The parameter of the validation may name another field to look at (validator_distinct.php).
    """
    if field.type in ("t", "a") and field.validation == "distinct":
        named = parse_qs(field.validation_param).get("fieldId", [""])[0]
        return ItemsWithValue(php.integer(named) or field.field_id, value)
    return ItemsWithValue(field.field_id, value) if field.type == "a" and field.text("distinct") == "y" else None


def _out_of_bounds(tracker: Tracker, field: Field, values: Mapping[int, str | None]) -> Iterator[FieldValueError]:
    """Compare a date picker with the fields it must not be before or after (JsCalendar.php isValid)."""
    for option, sign, words in (("notBefore", 1, "before"), ("notAfter", -1, "after")):
        bound = next((each for each in tracker.fields if each.field_id == field.number(option)), None)
        limit = values.get(bound.field_id) if bound else None
        if bound and (
            limit in _EMPTY or sign * php.integer(values[field.field_id] or "") < sign * php.integer(limit or "")
        ):
            yield FieldValueError(
                field.perm_name, f"it cannot be {words} the date in field {bound.perm_name}", reason="date_bound"
            )
