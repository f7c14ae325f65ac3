"""Tiki's webhook handlers, and what verification says of a request."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Handler:
    """A webhook handler as Tiki's admin made it (a row of ``tiki_webhooks``); ``repr`` hides the secret."""

    handler_id: int
    name: str
    user: str
    verification: str
    algo: str
    signature_header: str
    secret: str = field(repr=False)
    user_exists: bool = True  # exactly this login, letter by letter

    @property
    def header(self) -> bytes:
        """The signature header's name as requests hold it."""
        return self.signature_header.lower().encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Verified:
    """The request was signed for this handler.

    ``content`` is the SHA-256 of what was signed, None where that is the body alone (Tiki's plain rule): the signature
    itself can be written in several ways (in a list, with or without a prefix, any number of them by ECDSA).
    """

    handler: Handler
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The request was not signed as any handler asks; ``detail`` is for the admin, never for the sender."""

    reason: str
    detail: str
    handler: str = ""  # the name of the handler it is about, where it is about one
