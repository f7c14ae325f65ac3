"""When a request was signed, and whether that is near enough to when it was received."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tikisync.core.document import iso_utc
from tikisync.core.recipes.parts import Parts
from tikisync.core.recipes.recipe import Recipe, RefusalError

_EPOCH = datetime.fromtimestamp(0, UTC)


def find(recipe: Recipe, parts: Parts, signatures: list[bytes]) -> bytes:
    """Return the timestamp's text; raises RefusalError where there is none, or more than one."""
    if recipe.timestamp.startswith("item."):
        prefix = recipe.timestamp[len("item.") :].encode("utf-8")
        found = [item.removeprefix(prefix) for item in items(recipe, signatures) if item.startswith(prefix)]
    else:
        found = parts.at(recipe.timestamp)
    if len(found) != 1:
        what = "more than one timestamp" if found else "no timestamp"
        raise RefusalError("no_timestamp", f"{recipe.timestamp} holds {what}")
    return found[0]


def items(recipe: Recipe, signatures: list[bytes]) -> list[bytes]:
    """Return the items of the lists that hold the signatures."""
    if not recipe.separator:
        return signatures
    separator = recipe.separator.encode("utf-8")
    return [item.strip(b" ") for value in signatures for item in value.split(separator)]


def judge(recipe: Recipe, text: bytes, received_at: int) -> None:
    """Raise RefusalError where a signed timestamp is further from ``received_at`` than the recipe tolerates."""
    moment = milliseconds(text, recipe.clock)
    if moment is None:
        raise RefusalError("bad_timestamp", f"{recipe.timestamp} holds no timestamp in {recipe.clock}")
    age = received_at - moment
    if abs(age) > recipe.tolerance:
        raise RefusalError(
            "stale_timestamp" if age > 0 else "future_timestamp",
            f"signed {abs(age) / 1000:g} s {'before' if age > 0 else 'after'} it arrived, by this host's clock; "
            f"{recipe.tolerance / 1000:g} s are tolerated",
        )


def milliseconds(text: bytes, clock: str) -> int | None:
    """Return a timestamp in milliseconds since the epoch, None where it is not written as ``clock`` says."""
    if clock == "iso":
        try:
            return (datetime.fromisoformat(text.decode("ascii")) - _EPOCH) // timedelta(milliseconds=1)
        except (ValueError, TypeError, OverflowError):  # TypeError: without a time zone
            return None
    if not text.isdigit() or len(text) > 15:
        return None
    return int(text) * (1000 if clock == "seconds" else 1)


def written(moment: int, clock: str) -> str:
    """Return milliseconds since the epoch as ``clock`` writes them."""
    if clock == "iso":
        return iso_utc(moment)
    return str(moment // 1000 if clock == "seconds" else moment)
