"""Handlers made ready for many requests: the verdicts of ``verification.verify``, without trying every handler."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tikisync.core.algorithms import hashlib_name
from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.choice import configured, inferred
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.requests import Network, Request
from tikisync.core.verification import ANYWHERE, ENCODINGS, NO_RECIPES, misconfiguration, verify


@dataclass(frozen=True, slots=True, eq=False)
class _Signer:
    """Who signs with one secret in one way: the first handler, in Tiki's order, that has it."""

    verified: Verified  # what is said of all that it signs
    keyed: hmac.HMAC  # has seen nothing but the key
    encoding: Callable[[bytes], bytes]

    def signs(self, body: bytes, signature: bytes) -> bool:
        digest = self.keyed.copy()
        digest.update(body)
        return hmac.compare_digest(self.encoding(digest.digest()), signature)


class Verifier:
    """Verifies by these handlers, recipes and networks; tries first who signed last.

    That changes no verdict: no two secrets make the same signature, and of handlers with the same secret the first
    counts. What is not plain to see is left to ``verify``: where the signature header is one of a recipe, or of a
    handler that takes requests from some networks only, and where more than one was sent.
    """

    def __init__(
        self,
        handlers: Sequence[Handler],
        recipes: Mapping[str, Recipe] = NO_RECIPES,
        allow: Mapping[str, Sequence[Network]] = ANYWHERE,
    ) -> None:
        self._handlers = handlers
        self._recipes = recipes
        self._allow = allow
        self._named: dict[str, list[Handler]] = {}
        self._signers: dict[bytes, list[_Signer]] = {}  # by the header that is theirs alone
        self._refused: dict[bytes, Refused] = {}  # what is said of a wrong signature, by header
        for handler in handlers:
            self._named.setdefault(handler.name, []).append(handler)
        places = {place for handler in handlers for place in _places(handler, recipes)}
        self._headers = _names(places)
        self._inferring = _names({place for each in map(inferred, handlers) if each for place in each.signature})
        self._in_headers = all(place.startswith("headers.") and "#" not in place for place in places)
        self._unsigned = self._probe()
        special = [each for each in handlers if allow.get(each.name) or configured(each, recipes)]
        intricate = {place for handler in special for place in _places(handler, recipes)}
        seen = set()
        for handler in handlers:
            place = f"headers.{handler.signature_header.lower()}"
            way = (place, handler.secret, hashlib_name(handler.algo), handler.verification)
            if place not in intricate and way not in seen and misconfiguration(handler) is None:
                seen.add(way)
                key = handler.secret.encode("utf-8", "surrogatepass")
                keyed = hmac.new(key, digestmod=hashlib_name(handler.algo) or "")
                signer = _Signer(Verified(handler), keyed, ENCODINGS[handler.verification])
                self._signers.setdefault(handler.header, []).append(signer)

    def verify(self, request: Request) -> Verified | Refused:
        """Return what ``verification.verify`` says of the request."""
        if request.handler_name is not None:
            handlers = self._named.get(request.handler_name, self._handlers)
            return verify(request, handlers, self._recipes, self._allow)
        if self._in_headers:
            sent = [header for header in request.headers if header[0] in self._headers]
            if not sent:
                return self._unsigned
            if len(sent) == 1 and (verdict := self._verdict(*sent[0], request.body)):
                return verdict
        return verify(request, self._handlers, self._recipes, self._allow)

    def _verdict(self, header: bytes, value: bytes, body: bytes) -> Verified | Refused | None:
        """Return the verdict on the only signature; None where ``verify`` has to say it."""
        signature = value.strip(b" \t")
        signers = self._signers.get(header)
        if not signers or signature in (b"", b"0"):
            return None
        for place, signer in enumerate(signers):
            if signer.signs(body, signature):
                if place:
                    self._signers[header] = [signer, *signers[:place], *signers[place + 1 :]]
                return signer.verified if signer.verified.handler.user_exists else None
        if header in self._inferring:
            return None
        if header not in self._refused:
            self._refused[header] = self._probe((header, b"?"))
        return self._refused[header]

    def _probe(self, *headers: tuple[bytes, bytes]) -> Refused:
        """Return why a request with these headers and no body is refused."""
        verdict = verify(Request("POST", "", "", headers, b"", 0, ""), self._handlers, self._recipes, self._allow)
        return verdict if isinstance(verdict, Refused) else Refused("no_signature_header", "")


def _places(handler: Handler, recipes: Mapping[str, Recipe]) -> set[str]:
    """Return where a signature for the handler may stand."""
    places = {f"headers.{handler.signature_header.lower()}"}
    for recipe in (configured(handler, recipes), inferred(handler)):
        places.update(recipe.signature if recipe else ())
    return places


def _names(places: Iterable[str]) -> set[bytes]:
    """Return the headers' names as requests hold them."""
    return {place.removeprefix("headers.").encode("utf-8", "surrogatepass") for place in places}
