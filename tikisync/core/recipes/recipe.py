"""What a recipe is: how one sender signs its requests, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

SCHEMES = ("hmac", "hash", "ed25519", "ecdsa", "rsa", "token")
ENCODINGS = ("hex", "base64", "base64url", "text")
KEYS = ("text", "whsec", "base64", "hex")
SIGNED_HANDSHAKES = ("slack", "zoom")  # so that a stranger gets no answer
CLOCKS = ("seconds", "milliseconds", "iso")
VARIABLES = (
    "body",  # as received
    "body_crc32",  # as a decimal number
    "id",  # the delivery id
    "method",
    "parameters",  # names and values of a form, sorted; nothing where {url} holds the body's digest instead
    "payload",  # the field payload where the body is a form, else the body
    "secret",
    "timestamp",  # as received
    "url",  # as the sender knows it
    "url_other_port",  # with the scheme's usual port if {url} is without, and the other way round
    "url_unescaped",  # with the characters :/?@!$'()*,; as such
    "webhook_id",  # the recipe's own
)

_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one sender signs.

    A *place* says where in the request something stands, in the words of a rule's document: ``headers.x-name``,
    ``query.name``, ``body.path.to.it`` (of JSON or a form; a number counts in a list), and for a timestamp also
    ``item.t=``: what follows ``t=`` in the list of signatures. ``#`` in a header's name stands for a number.
    """

    name: str
    title: str  # the sender's name
    signature: tuple[str, ...]  # places, any of which may hold it; none: the handler's signature header
    scheme: str = "hmac"
    algorithm: str = "sha256"  # '' takes the handler's own
    encoding: str = "hex"  # '' takes the handler's own
    prefix: str = ""  # of the signature
    separator: str = ""  # of a list of signatures, of which those with the prefix count
    content: tuple[str, ...] = ("{body}",)  # what is signed, any of these; see VARIABLES
    key: str = "text"  # how it is written in Tiki's secret field
    timestamp: str = ""  # its place
    clock: str = "seconds"  # since the epoch, or milliseconds, or iso: ISO 8601 with a time zone
    tolerance: int = 300_000  # milliseconds, in both directions
    delivery_id: str = ""  # places, like the next two
    event_time: str = ""
    topic: str = ""
    handshake: str = ""
    url: str = ""  # the address as the sender knows it, where it is not public_url and the request's path
    public_url: str = ""
    webhook_id: str = ""
    verify_token: str = field(default="", repr=False)

    def reads(self, *variables: str) -> bool:
        """Tell whether the signed content, in any of its forms, holds one of these variables."""
        return any(name in variables for template in self.content for _, name in pieces(template))

    @property
    def signs_delivery_id(self) -> bool:
        """Whether nobody but the sender can change the delivery id, so that it alone tells duplicates."""
        if self.scheme == "token" or not self.delivery_id:
            return False
        return self.reads("id") or (
            self.delivery_id.startswith("body.") and self.reads("body", "payload", "parameters")
        )

    @property
    def judges_time(self) -> bool:
        """Whether it knows a timestamp that nobody but the sender can change."""
        return self.reads("timestamp") or (self.timestamp.startswith("body.") and self.scheme != "token")


@lru_cache(maxsize=256)
def pieces(template: str) -> tuple[tuple[str, str], ...]:
    """Return a template as pairs of plain text and the variable after it, '' at the end."""
    parts = [*_VARIABLE.split(template), ""]
    return tuple(zip(parts[::2], parts[1::2], strict=True))


class RefusalError(Exception):
    """Why a recipe does not accept a request; caught within this package and made a ``Refused``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
