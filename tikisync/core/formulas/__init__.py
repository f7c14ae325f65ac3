"""Tiki's calculation fields (``math``): their formulas carried out as Tiki would (Tiki: Field/Math.php, 24.4).

What a formula needs beyond its own item, or leaves to chance, is left to Tiki: such a field keeps what it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from tikisync.core.formulas import arithmetic, dates, logic, texts
from tikisync.core.formulas.errors import FormulaError, Unsupported
from tikisync.core.formulas.evaluation import Clock, Evaluation, camel_case
from tikisync.core.formulas.parser import Call, parse
from tikisync.core.formulas.values import Value, money_from_field, money_from_text, to_text
from tikisync.core.trackers import MOST_KNOWN, Field, Tracker

__all__ = [
    "CALCULATED",
    "FACTS",
    "Clock",
    "Unsupported",
    "calculated",
    "evaluate",
    "left_to_tiki",
    "unsupported",
    "used",
]

CALCULATED = frozenset({"math"})  # type codes
FACTS = frozenset({"creation_date", "created_by", "modification_date", "last_modified_by"})  # names of the item's own
_LISTS = frozenset({"l", "REL"})  # fields that stand for other items

_FUNCTIONS = {**arithmetic.FUNCTIONS, **texts.FUNCTIONS, **logic.FUNCTIONS, **dates.FUNCTIONS}

# Tiki's functions that look beyond the item (Math/Formula/Function, lib/rating/formula), or are never twice the same.
_LEFT_TO_TIKI: Mapping[str, str] = {
    **dict.fromkeys(("Attribute", "CategoryPresent", "RelationPresent", "ResultCount"), "it looks at other objects"),
    **dict.fromkeys(("ArticleInfo", "TrackerField", "Subtotal"), "it looks at other objects"),
    **dict.fromkeys(("RatingAverage", "RatingSum"), "it looks at votes"),
    **dict.fromkeys(("Currency", "CurrencyConvert"), "it needs the site's currencies and their rates"),
    "PregReplace": "it uses a regular expression of PHP's",
    "Random": "its result is random",
}


def evaluate(formula: str, variables: Mapping[str, Value], clock: Clock | None = None) -> str:
    """Return what Tiki stores as the formula's result, an error's message included; raise Unsupported."""
    if reason := unsupported(formula):
        raise Unsupported(reason)
    try:
        return to_text(Evaluation(variables, _FUNCTIONS, clock).value(parse(formula)))
    except FormulaError as error:
        return str(error)


@lru_cache(maxsize=256)
def unsupported(formula: str) -> str:
    """Say why a formula is left to Tiki, '' where it is not; a malformed one is not: its result says what is wrong."""
    try:
        return next(_reasons(parse(formula)), "")
    except FormulaError:
        return ""
    except Unsupported as too_deep:
        return str(too_deep)


@lru_cache(MOST_KNOWN)
def used(tracker: Tracker) -> frozenset[str]:
    """Return the permanent names that the tracker's calculations use; those of all fields where one is too deep."""
    names: set[str] = set()
    for field in _calculations(tracker):
        try:
            names |= _names(field.text("calculation"))
        except FormulaError:  # its result says what is wrong, whatever the fields hold
            continue
        except Unsupported:
            return frozenset(each.perm_name for each in tracker.fields)
    return frozenset(names)


@lru_cache(MOST_KNOWN)
def left_to_tiki(tracker: Tracker) -> Mapping[int, str]:
    """Return the calculation fields that tikisync leaves to Tiki, by id, each with the reason."""
    known: dict[int, str] = {}
    while True:
        found = {field.field_id: why for field in _calculations(tracker) if (why := _why_left(tracker, field, known))}
        if found.keys() == known.keys():
            return found
        known = found


def calculated(
    tracker: Tracker,
    values: Mapping[int, str | None],
    item_id: int,
    *,
    clock: Clock | None = None,
    facts: Mapping[str, str] | None = None,
) -> Mapping[int, str]:
    """Return the results of the tracker's calculations, by field id, over an item's values.

    They run by position, each seeing the results before it. ``facts`` are those of FACTS that are known.
    A field that is left to Tiki is ``''`` where it has no value yet, and missing from the results where it has.
    """
    calculations = _calculations(tracker)
    if not calculations:
        return {}
    variables: dict[str, Value] = {"itemId": item_id, **(facts or {})}
    for field in tracker.fields:
        value = values.get(field.field_id)
        if value is not None and field.type != "W":
            variables[field.perm_name] = _variable(tracker, field, value)
    results: dict[int, str] = {}
    left = dict(left_to_tiki(tracker))
    for field in calculations:
        try:
            if why := _why_left(tracker, field, left, variables):
                raise Unsupported(why)
            result = evaluate(field.text("calculation"), variables, clock)
        except Unsupported as why_left:
            left[field.field_id] = str(why_left)
            if values.get(field.field_id) is None:
                results[field.field_id] = ""
        else:
            results[field.field_id] = result
            variables[field.perm_name] = _variable(tracker, field, result)
    return results


@lru_cache(MOST_KNOWN)
def _calculations(tracker: Tracker) -> Sequence[Field]:
    return [field for field in tracker.fields if field.type in CALCULATED]


def _why_left(
    tracker: Tracker, field: Field, left: Mapping[int, str], variables: Mapping[str, Value] | None = None
) -> str:
    """Say why a field is left to Tiki: for its formula, or for a name in it; '' where it is not."""
    formula = field.text("calculation")
    if reason := unsupported(formula):
        return reason
    try:
        names = _names(formula)
    except FormulaError:
        return ""
    for other in _named(tracker, names):
        if other.type in _LISTS:
            return f"it looks at the items of field {other.perm_name}"
        if other.field_id in left and other != field:
            return f"it uses field {other.perm_name}, which is left to Tiki"
    return next(
        (f"it uses {name}" for name in sorted(names & FACTS) if variables is not None and name not in variables), ""
    )


def _variable(tracker: Tracker, field: Field, value: str) -> Value:
    """Return what a formula sees of a field: currency fields, and calculations that look like one, are money."""
    if field.type not in CALCULATED:
        return money_from_field(value) if field.type == "b" else value
    return money_from_field(value) if _mirrored(tracker, field).type == "b" else money_from_text(value)


@lru_cache(MOST_KNOWN)
def _mirrored(tracker: Tracker, field: Field) -> Field:
    looks_like = field.number("mirrorField")
    return next((each for each in tracker.fields if each.field_id == looks_like), field)


@lru_cache(MOST_KNOWN)
def _named(tracker: Tracker, names: frozenset[str]) -> Sequence[Field]:
    return [each for each in tracker.fields if each.perm_name in names]


def _calls(call: Call) -> Iterator[Call]:
    yield call
    for each in call.arguments:
        if isinstance(each, Call):
            yield from _calls(each)


def _reasons(call: Call) -> Iterator[str]:
    for each in _calls(call):
        if camel_case(each.name) in _LEFT_TO_TIKI:
            yield f"{each.name}: {_LEFT_TO_TIKI[camel_case(each.name)]}"
        if any(isinstance(name, str) and name.startswith("old_values_by_permname") for name in each.arguments):
            yield "it looks at the item's old values"


@lru_cache(maxsize=256)
def _names(formula: str) -> frozenset[str]:
    calls = (each for each in _calls(parse(formula)) if each.name != "str")  # whose words stand for themselves
    return frozenset(name.split(".")[0] for each in calls for name in each.arguments if isinstance(name, str))
