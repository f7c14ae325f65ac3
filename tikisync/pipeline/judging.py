"""Judge requests by Tiki's handlers and the recipes of the config: whose they are, and what is kept of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tikisync.config import HandlerSettings, recipes_of
from tikisync.core.document import CREDENTIALS
from tikisync.core.door import is_allowed
from tikisync.core.recipes import handshakes
from tikisync.core.recipes.choice import for_handler
from tikisync.core.recipes.content import delivery_id
from tikisync.core.recipes.handshakes import HandshakeAnswer
from tikisync.core.recipes.parts import Parts
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.redaction import without_secret
from tikisync.core.requests import Request
from tikisync.core.verification import Handler, Refused, Verified
from tikisync.core.verifier import Verifier
from tikisync.inbox.deliveries import Arrival, header_lines

_CREDENTIALS = frozenset(name.encode("ascii") for name in CREDENTIALS)
_PLAIN = HandlerSettings()
NOT_POST = Refused("method", "it is no POST, and no handshake that a handler's recipe asks for")


@dataclass(frozen=True, slots=True)
class Shaken:
    """The request is the handshake of this handler's sender: it is answered, and nothing is kept."""

    handler: str
    answer: HandshakeAnswer


Verdict: TypeAlias = Verified | Refused | Shaken


class Judge:
    """Judges requests by these handlers of Tiki, and by what the config says of each."""

    def __init__(
        self, handlers: Sequence[Handler], settings: Mapping[str, HandlerSettings], elders: Mapping[str, str]
    ) -> None:
        self.handlers = handlers
        self._settings = settings
        self._elders = elders
        self._recipes = recipes_of(settings)
        self._verifier = Verifier(handlers, self._recipes, {name: each.allow for name, each in settings.items()})
        self._used = {each.handler_id: for_handler(each, self._recipes) for each in handlers}
        self._shaking = [each for each in handlers if (used := self._used[each.handler_id]) and used.handshake]

    def goes_by(
        self, handlers: Sequence[Handler], settings: Mapping[str, HandlerSettings], elders: Mapping[str, str]
    ) -> bool:
        """Tell whether these very ones are what it judges by."""
        return handlers is self.handlers and settings is self._settings and elders is self._elders

    def verdict(self, request: Request) -> Verdict:
        """Verify a request, or answer the handshake that it is."""
        if request.method != "POST":
            return self._shaken(request, self._shaking) or NOT_POST
        verdict = self._verifier.verify(request)
        if not self._shaking:
            return verdict
        asked = [verdict.handler] if isinstance(verdict, Verified) else self._shaking
        return self._shaken(request, asked) or verdict

    def arrival(self, request: Request, verified: Verified) -> Arrival:
        """Return what is kept of a verified request: everything but tokens and credentials."""
        handler = verified.handler
        recipe = self._used[handler.handler_id]
        id_key, body_key = duplicate_keys(request, verified.content, self._of(handler), recipe)
        kept = without_secret(request, recipe)
        return Arrival(
            handler_id=self._elder_id(handler) if recipe and recipe.holds_several else handler.handler_id,
            handler=handler.name,
            user=handler.user,
            method=request.method,
            path=request.path,
            query=kept.query,
            client_ip=request.client_ip,
            received_at=request.received_at,
            headers=header_lines(kept.headers, but=_CREDENTIALS),
            body=request.body,
            id_key=id_key,
            body_key=body_key,
        )

    def _shaken(self, request: Request, asked: Sequence[Handler]) -> Shaken | None:
        asked = [each for each in asked if is_allowed(request.client_ip, self._of(each).allow)]
        found = handshakes.answer(request, asked, self._recipes)
        return Shaken(found[0].name, found[1]) if found else None

    def _of(self, handler: Handler) -> HandlerSettings:
        return self._settings.get(handler.name, _PLAIN)

    def _elder_id(self, handler: Handler) -> int:
        """Return the id of the handler that stands for all of a rotation, while Tiki has it."""
        elder = self._elders.get(handler.name)
        return next((each.handler_id for each in self.handlers if each.name == elder), handler.handler_id)


def duplicate_keys(
    request: Request, content: bytes | None, settings: HandlerSettings, recipe: Recipe | None = None
) -> tuple[bytes | None, bytes | None]:
    """Return what a duplicate shares with the first: the key of its delivery id and that of its content.

    A request is a duplicate where either key is known already; None is a key that does not count. ``content`` is the
    digest of what was signed, None where that is the body. What a sender sends again after trouble has the same id and
    body, but is signed anew where the time is signed. What somebody replays is the same in all that is signed, and may
    differ in the rest. So:

    - ``id`` recognizes what is sent again, whatever its body; a replay only by an id that is signed.
    - ``body`` recognizes both, but takes two events with equal bodies for one.
    - ``id+body`` recognizes both; where the time or the id is signed, events with equal bodies stay two.

    Where the id counts but there is none, the content counts alone. The time is no part of it where no id tells what
    is sent again (one that is not signed may have been taken out). The topic is part of it where it is known to stand
    in a header: some senders say two things with the same body.
    """
    if settings.duplicates == "accept":  # but no receipt twice: we may have to store one again, not knowing if we did
        return hashlib.sha256(request.receipt.encode("utf-8")).digest() if request.receipt else None, None
    if settings.delivery_id:
        found = request.header(settings.delivery_id.encode("utf-8", "surrogatepass"))
    else:
        found = delivery_id(recipe, Parts(request)) if recipe else b""
    id_key = hashlib.sha256(found).digest() if found and settings.duplicates != "body" else None
    is_signed = bool(recipe and recipe.signs_delivery_id and not settings.delivery_id)
    if id_key and settings.duplicates == "id" and not is_signed:
        return id_key, None
    if recipe and recipe.reads("timestamp"):
        tells = bool(found) if is_signed else bool(settings.delivery_id or recipe.delivery_id)
        if settings.duplicates == "body" or not tells:
            content = None
    place = settings.topic_place or (recipe.topic if recipe else "")
    topic = b"".join(Parts(request).at(place)) if place.startswith("headers.") else b""
    return id_key, hashlib.sha256((content or hashlib.sha256(request.body).digest()) + topic).digest()
