"""How much a body may hold, whatever it is written in."""

from __future__ import annotations

from tikisync.errors import PayloadError

MAX_DEPTH = 100
MAX_VALUES = 250_000  # in one body: numbers, texts, lists, objects
MAX_DIGITS = 100  # of a whole number
MAX_FORM_FIELDS = 10_000
MAX_EXPANDED = 16 << 20  # bytes of a compressed body, once expanded


def too_complex(what: str) -> PayloadError:
    """Return the error of a body (``the body …``) that exceeds a bound."""
    return PayloadError(what, reason="payload_too_complex")
