"""Numbers: numeric (``n``), currency (``b``), duration (``DUR``).

Tiki: Field/Numeric.php, Currency.php, Duration.php, 24.4.
"""

from __future__ import annotations

import re
from typing import ClassVar

from tikisync.core import php
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.fields.scalars import plain
from tikisync.core.trackers import Field, Json

UNITS = {"years": 0, "months": 0, "weeks": 0, "days": 0, "hours": 1, "minutes": 1, "seconds": 0}
"""The units of a duration in the order of Tiki's form, and whether it offers them where the field does not say."""

_AMOUNT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]{2,10})?\s*", re.ASCII)


def number(value: Json) -> str | None:
    """Return a number, or text that PHP takes for one, as text; ``''`` and ``[]`` are empty; else None."""
    text = None if isinstance(value, bool) else plain(value)
    return text if text is not None and (not text or php.is_numeric(text)) else None


class NumericType(FieldType):
    """Stored as given; other text would make Tiki's own pages fail."""

    codes = ("n",)
    label = "Numeric"
    preferences: ClassVar = {"n": ("trackerfield_numeric",)}
    accepts = "a number, or text that is one, with a dot before decimals"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return the number as text, unrounded."""
        text = number(value)
        if text is None:
            raise self.refuse(definition, value)
        return self.store(definition, text)


class CurrencyType(FieldType):
    """Stored as the amount with the currency's code right behind it, ``1234.5EUR``.

    Like Tiki, it refuses an amount without a code, whatever currency the field's form offers first: nobody knows
    what the sender meant.
    """

    codes = ("b",)
    label = "Currency"
    preferences: ClassVar = {"b": ("trackerfield_currency",)}
    accepts = 'an amount with its currency, {"amount": 199.9, "currency": "EUR"} or "199.90 EUR"'

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return amount and code; the code in capitals."""
        amount, code = value, None
        if isinstance(value, dict):
            amount, code = value.get("amount"), value.get("currency")
        text = plain(amount)
        if isinstance(amount, bool) or text is None or not isinstance(code or "", str):
            raise self.refuse(definition, value)
        if not text:
            return Stored("")
        found = _AMOUNT.fullmatch(f"{text} {code or ''}")
        if found is None:
            raise self.refuse(definition, value, "that is no such amount")
        if not found[2]:
            code = definition.text("currency") or "EUR"
            hint = f"name it in the rule: field.{definition.perm_name} = {{amount: …, currency: '{code}'}}"
            raise self.refuse(definition, value, "without a currency", hint)
        return self.store(definition, found[1] + found[2].upper())


class DurationType(FieldType):
    """Stored as JSON: an amount, or ``''``, for each unit that the field's form offers."""

    codes = ("DUR",)
    label = "Duration"
    preferences: ClassVar = {"DUR": ("trackerfield_duration",)}
    accepts = 'an object of amounts by unit, such as {"hours": 1, "minutes": 30}'

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return all units of the form; those not named are blank."""
        amounts: dict[str, Json] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict) and value not in ("", []):
            raise self.refuse(definition, value)
        offered = [unit for unit, default in UNITS.items() if definition.number(unit, default)]
        if set(amounts) - set(offered):
            raise self.refuse(definition, value, "with another unit", f"the field has {', '.join(offered)}")
        texts = {unit: "" if amounts.get(unit) is None else number(amounts[unit]) for unit in offered}
        if None in texts.values():
            raise self.refuse(definition, value, "with an amount that is no number")
        return self.store(definition, php.json_encode(texts))

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return blank units."""
        return self.encode(definition, "", context) if context.creating else None


TYPES: tuple[FieldType, ...] = (NumericType(), CurrencyType(), DurationType())
