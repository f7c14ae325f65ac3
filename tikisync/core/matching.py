"""Which part of a payload belongs into which field of a tracker, going by names and kinds of values: a first guess."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from tikisync.core.fields import unwritable
from tikisync.core.recipes import timestamps
from tikisync.core.trackers import Field, Json, Tracker

MAX_PATHS = 500
MAX_DEPTH = 6
LEAST = 0.5  # likeness of names, from 0 to 1, below which nothing is proposed

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SAME = {
    "mail": "email", "nr": "number", "no": "number", "num": "number", "amount": "total", "sum": "total",
    "price": "total", "state": "status", "qty": "quantity", "tel": "phone", "mobile": "phone", "remark": "note",
    "notes": "note", "comment": "note", "description": "note", "body": "note", "url": "website", "link": "website",
    "subject": "title", "placed": "created", "labels": "tags", "firm": "company", "organization": "company",
    "employees": "employee",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A value of a payload and the expression that gives it."""

    expression: str
    names: tuple[str, ...]  # from the top of the payload to it
    value: Json

    @property
    def words(self) -> frozenset[str]:
        """The words of its own name."""
        return words(self.names[-1])


def words(name: str) -> frozenset[str]:
    """Return the words of a name in lower case, words that mean the same made one."""
    return frozenset(_SAME.get(word.lower(), word.lower()) for word in _WORD.findall(name))


def parts(value: Json, root: str) -> list[Part]:
    """Return the texts, numbers and switches in an object, and its lists of them; ``root`` is its expression."""
    found: list[Part] = []
    level = [Part(root, (), value)]
    for _ in range(MAX_DEPTH):
        below = [each for part in level for each in _inside(part)]
        level = [part for part in below if isinstance(part.value, dict)]
        found += [part for part in below if _is_plain(part.value)]
    return found[:MAX_PATHS]


def _inside(part: Part) -> Iterator[Part]:
    if isinstance(part.value, dict):
        for name, value in part.value.items():
            written = name if _NAME.fullmatch(name) else json.dumps(name)
            yield Part(f"{part.expression}.{written}", (*part.names, name), value)


def _is_plain(value: Json) -> bool:
    if isinstance(value, list):
        return not any(isinstance(each, dict | list) for each in value)
    return value is not None and not isinstance(value, dict)


def match(tracker: Tracker, found: Sequence[Part]) -> dict[str, Part]:
    """Return for fields, by permanent name, the part that fits best; each part is used once."""
    own = _own_words(tracker)
    fields = [field for field in tracker.fields if not unwritable(field)]
    rated = sorted(_rated(fields, found, own), key=lambda each: -each[0])
    matched: dict[str, Part] = {}
    for _, field, part in rated:
        if field.perm_name not in matched and part not in matched.values():
            matched[field.perm_name] = part
    return matched


def is_moment(value: Json) -> bool:
    """Tell whether a value may be a time: ISO 8601 with at least the day, or seconds or milliseconds since 1970."""
    if isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        text = value if len(value) > 10 else f"{value}T00:00:00"
        zoned = (text, f"{text}+00:00")
        return any(timestamps.milliseconds(each.encode(), "iso") is not None for each in zoned)
    return _is_number(value) and 10**9 <= float(str(value)) < 10**13


def _rated(fields: Iterable[Field], found: Sequence[Part], own: frozenset[str]) -> Iterator[tuple[float, Field, Part]]:
    for field in fields:
        for part in found:
            likeness = _likeness(field, part, own)
            if likeness >= LEAST and _fits(field, part.value):
                yield likeness, field, part


def _likeness(field: Field, part: Part, own: frozenset[str]) -> float:
    """Rate how alike the names are; a part near the top of the payload is preferred."""
    above = frozenset(word for name in part.names[:-1] for word in words(name))
    best = 0.0
    for name in (field.perm_name, field.name):
        wanted = words(name)
        wanted = wanted - own or wanted
        if wanted:
            best = max(best, _overlap(wanted, part.words), 0.95 * _overlap(wanted, part.words | above))
            best = max(best, 0.9 * SequenceMatcher(None, _joined(wanted), _joined(part.words)).ratio() - 0.2)
    return best - 0.05 * (len(part.names) - 1)


def _own_words(tracker: Tracker) -> frozenset[str]:
    """Return the words that say no more than which tracker it is: those of its name, in the singular too."""
    named = words(tracker.name)
    return named | {word.removesuffix("s") for word in named} | {re.sub("ies$", "y", word) for word in named}


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / (len(left | right) or 1)


def _joined(texts: frozenset[str]) -> str:
    return "".join(sorted(texts))


def _fits(field: Field, value: Json) -> bool:
    if isinstance(value, list):
        return field.type in ("F", "M", "REL", "r", "a", "t")
    if isinstance(value, bool):
        return field.type == "c"
    if field.type in ("d", "D", "R", "M"):
        return _is_option(field, value)
    return _KINDS[field.type](value) if field.type in _KINDS else False


def _is_option(field: Field, value: Json) -> bool:
    options = {side.strip() for option in field.choices("options") for side in option.split("=", 1)}
    return str(value) in options or (field.type == "D" and isinstance(value, str))


def _is_number(value: Json) -> bool:
    if isinstance(value, str):
        return bool(re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,10})?", value))
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**15


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


_KINDS: Mapping[str, Callable[[Json], bool]] = {
    "t": lambda _value: True,
    "a": _is_text,
    "n": _is_number,
    "b": _is_number,
    "f": is_moment,
    "j": is_moment,
    "m": lambda value: isinstance(value, str) and "@" in value,
    "L": lambda value: isinstance(value, str) and value.startswith(("http://", "https://")),
    "c": lambda value: value in ("y", "n", "yes", "no", "true", "false", 0, 1),
    "u": _is_text,
    "F": _is_text,
    "y": _is_text,
    "r": lambda _value: True,
}
