"""Who signed a request: Tiki's rule for webhooks, and the reason where nobody did.

Tiki 25 (tiki-webhooks.php, lib/auth/webhook.php) tries the handlers in the order of their ids. The first whose
signature header is there, not empty, and equal to the HMAC of the raw body wins. tikisync differs on purpose where a
signature proves less than it seems: a handler without its user, or whose secret is empty or a public key, verifies
nothing, and a multipart body is signed like any other (PHP hides it, so Tiki would compare with the HMAC of nothing).
It widens three things: header names compare without case, the handler's own algorithm counts where Tiki always takes
SHA-256, and what no handler accepts so may be accepted by the recipe of a sender whose header a handler names
(``recipes.choice``). A recipe in the config takes the place of Tiki's rule for its handler.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from tikisync.core.algorithms import hashlib_name
from tikisync.core.door import is_allowed
from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes import signing, verifying
from tikisync.core.recipes.choice import configured, for_handler, inferred
from tikisync.core.recipes.keys import is_public
from tikisync.core.recipes.parts import WHOLE_BODY, Digests, Parts
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.requests import Network, Request
from tikisync.errors import SetupError

__all__ = ["ENCODINGS", "Handler", "Refused", "Verified", "misconfiguration", "sign", "signed_request", "verify"]

# How a type of verification writes the digest of the HMAC into the header.
ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "hmac": lambda digest: digest.hex().encode("ascii"),
    "base64 hmac": b64encode,
}

NO_RECIPES: Mapping[str, Recipe] = MappingProxyType({})
ANYWHERE: Mapping[str, Sequence[Network]] = MappingProxyType({})

# The secret is right: nothing tells an admin more.
_MOST_TELLING = ("stale_timestamp", "future_timestamp", "wrong_encoding")
_LEAST_TELLING = ("wrong_signature", "wrong_token")


def verify(
    request: Request,
    handlers: Sequence[Handler],
    recipes: Mapping[str, Recipe] = NO_RECIPES,
    allow: Mapping[str, Sequence[Network]] = ANYWHERE,
) -> Verified | Refused:
    """Return the first handler, in the order given, that the request is signed for, or why there is none.

    ``recipes`` are the config's, by the handler's name, and so is ``allow``: the networks from which its requests may
    come. A handler that is not set up well refuses and the next is tried, but a signature that fits a handler whose
    user is gone ends the search: nobody else may answer for that user.
    """
    if not handlers:
        return Refused("no_handlers", "Tiki has no webhook handlers; add one in its admin UI, Security, Webhooks")
    if request.handler_name is not None:
        handlers = [handler for handler in handlers if handler.name == request.handler_name]
        if not handlers:
            return Refused(
                "unknown_handler", f"the path names the handler {request.handler_name[:200]!r}; Tiki has none so"
            )
    headers = request.combined_headers()
    digests: Digests = {}
    parts = Parts(request, headers, digests)
    refused: Refused | None = None
    for handler, recipe in _tries(handlers, recipes):
        verdict: Verified | Refused | None
        if not is_allowed(request.client_ip, allow.get(handler.name, ())):
            verdict = _elsewhere(handler, recipe, parts)
        elif recipe is not None:
            verdict = verifying.check(recipe, handler, parts)
        else:
            verdict = _plainly(handler, headers.get(handler.header), request.body, digests)
        if isinstance(verdict, Verified):
            return verdict if handler.user_exists else _user_missing(handler)
        if verdict is not None and (refused is None or _tells(verdict) > _tells(refused)):
            refused = verdict
    return refused or _no_header(handlers, recipes)


def misconfiguration(handler: Handler, recipes: Mapping[str, Recipe] = NO_RECIPES) -> Refused | None:
    """Return why this handler can verify nothing, whatever is sent; None where it can."""
    if recipe := configured(handler, recipes):
        return verifying.misconfiguration(recipe, handler)
    if handler.verification not in ENCODINGS:
        return Refused(
            "unknown_verification",
            f"handler {handler.name}: tikisync does not know the verification type {handler.verification!r}",
            handler.name,
        )
    if hashlib_name(handler.algo) is None:
        return Refused(
            "unknown_algorithm",
            f"handler {handler.name}: there is no HMAC with the algorithm {handler.algo!r} here",
            handler.name,
        )
    if not handler.secret:
        return Refused("empty_secret", f"handler {handler.name} has no secret, so anybody could sign", handler.name)
    if is_public(handler.secret):
        return Refused("public_secret", f"handler {handler.name}: {verifying.ANYBODY_COULD_SIGN}", handler.name)
    return None


def sign(handler: Handler, body: bytes) -> str:
    """Return what a sender writes into the signature header; raise SetupError where nobody can sign for the handler."""
    if wrong := misconfiguration(handler):
        raise SetupError(
            wrong.detail, hint="edit the handler in Tiki's admin (Security, Webhooks)", reason=wrong.reason
        )
    return ENCODINGS[handler.verification](_digest(handler, body, {})).decode("ascii")


def signed_request(
    request: Request, handler: Handler, recipes: Mapping[str, Recipe] = NO_RECIPES, delivery_id: str = ""
) -> Request:
    """Return a request as the handler's sender would sign it at ``received_at``; raises SetupError as ``sign`` does."""
    if recipe := for_handler(handler, recipes):
        return signing.sign(recipe, handler, request, delivery_id)
    signature = sign(handler, request.body).encode("ascii")
    return signing.with_header(request, handler.header, signature)


def _tries(handlers: Sequence[Handler], recipes: Mapping[str, Recipe]) -> Iterator[tuple[Handler, Recipe | None]]:
    """Yield each handler with the recipe to try, None for Tiki's plain rule.

    Recipes that nobody named come last, so that they take no request from a handler that Tiki would choose.
    """
    for handler in handlers:
        yield handler, configured(handler, recipes) if recipes else None
    for handler in handlers:
        if handler.name not in recipes and (recipe := inferred(handler)):
            yield handler, recipe


def _plainly(handler: Handler, received: bytes | None, body: bytes, digests: Digests) -> Verified | Refused | None:
    """Compare the header with the HMAC of the body."""
    if not received or received == b"0":  # what PHP calls empty
        return None
    if wrong := misconfiguration(handler):
        return wrong
    if hmac.compare_digest(ENCODINGS[handler.verification](_digest(handler, body, digests)), received):
        return Verified(handler)
    return Refused(
        "wrong_signature",
        f"{handler.signature_header} is not the {handler.verification} ({handler.algo}) of the body "
        f"with the secret of handler {handler.name}",
        handler.name,
    )


def _digest(handler: Handler, body: bytes, digests: Digests) -> bytes:
    secret, algorithm = handler.secret.encode("utf-8", "surrogatepass"), hashlib_name(handler.algo) or ""
    key = secret, algorithm, WHOLE_BODY
    return digests.get(key) or digests.setdefault(key, hmac.digest(secret, body, algorithm))


def _elsewhere(handler: Handler, recipe: Recipe | None, parts: Parts) -> Refused | None:
    """Refuse a request that seems to be for this handler but comes from where none of its may come."""
    places = recipe.signature if recipe else (f"headers.{handler.signature_header.lower()}",)
    if not any(parts.at(place) for place in places):
        return None
    client = parts.request.client_ip or "unknown"
    detail = f"handler {handler.name} takes requests only from the addresses that allow names; this came from {client}"
    return Refused("address_not_allowed", detail, handler.name)


def _tells(refused: Refused) -> int:
    """Rank refusals by how much they tell an admin who can mend something."""
    return 2 if refused.reason in _MOST_TELLING else 0 if refused.reason in _LEAST_TELLING else 1


def _user_missing(handler: Handler) -> Refused:
    return Refused(
        "user_missing",
        f"handler {handler.name} acts as the user {handler.user!r}, whom Tiki does not have",
        handler.name,
    )


def _no_header(handlers: Sequence[Handler], recipes: Mapping[str, Recipe]) -> Refused:
    expected = {handler.signature_header for handler in handlers if not configured(handler, recipes)}
    for handler in handlers:
        if recipe := configured(handler, recipes):
            expected.update(place.removeprefix("headers.") for place in recipe.signature)
    names = sorted(expected)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} others" if len(names) > 5 else "")
    return Refused("no_signature_header", f"none of the handlers' signature headers was sent: {shown}")
