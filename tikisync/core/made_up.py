"""A payload made up for a tracker, for who has no webhook of the sender's at hand yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tikisync.core.fields import unwritable
from tikisync.core.fields.choices import options
from tikisync.core.trackers import Field, Json, Tracker

_MOST = 8  # fields; the mandatory ones in any case

_OF_TYPE: Mapping[str, Callable[[Field], Json]] = {
    "t": lambda field: f"Example {field.name or field.perm_name}",
    "a": lambda _: "Made up to try webhooks.",
    "n": lambda _: 42,
    "c": lambda _: True,
    "f": lambda _: "2026-11-24T12:00:00Z",
    "j": lambda _: "2026-11-24T12:00:00Z",
    "m": lambda _: "somebody@example.org",
    "L": lambda _: "https://www.example.org/",
    "b": lambda _: 9.95,
    "d": lambda field: options(field)[0][0],
    "D": lambda field: options(field)[0][0],
    "R": lambda field: options(field)[0][0],
    "M": lambda field: [options(field)[0][0]],
}


def payload(tracker: Tracker) -> dict[str, Json]:
    """Return a payload with a value for each mandatory field of the tracker and some others, by permanent name.

    What cannot be made up, such as a user or a linked item, is left out.
    """
    fits = [field for field in tracker.fields if field.type in _OF_TYPE and not unwritable(field)]
    fits = [field for field in fits if field.type not in "dDRM" or options(field)]
    chosen = [field for field in fits if field.is_mandatory]
    chosen += [field for field in fits if not field.is_mandatory][: max(0, _MOST - len(chosen))]
    made = {field.perm_name: _OF_TYPE[field.type](field) for field in fits if field in chosen}
    return {**made, "currency": "EUR"} if any(field.type == "b" for field in chosen) else made
