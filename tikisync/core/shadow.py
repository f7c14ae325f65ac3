"""What Tiki's own endpoint makes of a request, and why tikisync differs where it does.

Facts: Tiki 25, tiki-webhooks.php and lib/auth/webhook.php; PHP's getallheaders and php://input. Every difference is
either one that tikisync promises (``core.verification`` names them) or one that nobody should trust.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tikisync.core.algorithms import hashlib_name
from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.choice import configured, inferred
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.requests import Request
from tikisync.core.verification import ENCODINGS

FPM, MODULE = "fpm", "module"  # how the web server runs PHP

_STRICTER: Mapping[str, str] = {  # by the reason of tikisync's refusal
    "user_missing": "its user is gone from Tiki; tikisync lets nobody act for him",
    "empty_secret": "its secret is empty, so anybody could sign; tikisync refuses it",
    "public_secret": "its secret is a public key, with which anybody could sign; tikisync refuses it",
    "unknown_algorithm": "its algorithm is not known; tikisync refuses where Tiki takes SHA-256 whatever is chosen",
    "address_not_allowed": "the config's allow names other addresses for it",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an endpoint makes of a request; handler and user are '' where it refuses, or where they are not known."""

    accepted: bool
    handler: str = ""
    user: str = ""


REFUSED = Outcome(accepted=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """How two outcomes differ: in the ``verdict``, else in the ``handler``, else in the ``user``; and why."""

    what: str
    why: str
    is_documented: bool  # tikisync promises to differ so


def tikis_choice(request: Request, handlers: Sequence[Handler], php: str = FPM) -> Handler | None:
    """Return the handler for which Tiki takes a request, None where it refuses it; webhooks are switched on.

    ``handlers`` in Tiki's order, by ``webhookId``. ``php``: by FPM and CGI names of headers reach Tiki in one spelling,
    by a module of Apache as they were sent, which is taken to be as the handler spells them.
    """
    body = b"" if _is_hidden(request) else request.body
    headers = request.combined_headers()
    for handler in handlers:
        received = headers.get(handler.header, b"")
        if php == FPM and handler.signature_header != fpm_spelling(handler.signature_header):
            continue
        encode = ENCODINGS.get(handler.verification)
        if received in (b"", b"0") or encode is None:  # what PHP calls empty
            continue
        secret = handler.secret.encode("utf-8", "surrogatepass")
        if hmac.compare_digest(encode(hmac.digest(secret, body, "sha256")), received):
            return handler
    return None


def fpm_spelling(name: str) -> str:
    """Return a header's name as PHP gives it where CGI variables are all it has."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def outcome(handler: Handler | None) -> Outcome:
    """Return what is made of a request that is taken for a handler, or for none."""
    return Outcome(True, handler.name, handler.user) if handler else REFUSED


def difference(
    request: Request,
    ours: Verified | Refused | str,
    tikis: Handler | None,
    recipes: Mapping[str, Recipe],
    php: str = FPM,
) -> Difference | None:
    """Say how tikisync's verdict differs from Tiki's choice; None where it does not.

    ``ours`` is the name of a handler where the request is a handshake with its sender.
    """
    if isinstance(ours, str):
        return Difference("verdict", f"it is the challenge of {ours}'s sender, which tikisync answers", True)
    mine = outcome(ours.handler if isinstance(ours, Verified) else None)
    what = _what(mine, outcome(tikis))
    if not what:
        return None
    if request.method != "POST":
        return Difference(what, f"Tiki takes any method, tikisync POST alone; this is {request.method}", True)
    if request.handler_name is not None:
        return Difference(what, "its path names the handler, which Tiki does not know of", True)
    why = _why_not(request, tikis, ours, recipes) if tikis else ""
    if not why and isinstance(ours, Verified):
        why = _why_more(request, ours.handler, recipes, php)
    return Difference(what, why or "nothing that tikisync promises explains it: please report it", bool(why))


def _what(mine: Outcome, tikis: Outcome) -> str:
    compared: tuple[tuple[str, Callable[[Outcome], object]], ...] = (
        ("verdict", lambda each: each.accepted),
        ("handler", lambda each: each.handler),
        ("user", lambda each: each.user),
    )
    return next((name for name, of in compared if of(mine) != of(tikis)), "")


def _why_not(request: Request, handler: Handler, ours: Verified | Refused, recipes: Mapping[str, Recipe]) -> str:
    """Say why tikisync does not take a request for the handler that Tiki takes it for, '' where nothing explains it."""
    if isinstance(ours, Refused) and ours.reason in _STRICTER and ours.handler in ("", handler.name):
        return f"handler {handler.name}: {_STRICTER[ours.reason]}"
    return _of_handler(request, handler, recipes)


def _why_more(request: Request, handler: Handler, recipes: Mapping[str, Recipe], php: str) -> str:
    """Say why tikisync takes a request for a handler for which Tiki does not."""
    if why := _of_handler(request, handler, recipes):
        return why
    if php == FPM and handler.signature_header != fpm_spelling(handler.signature_header):
        return (
            f"PHP spells the header {fpm_spelling(handler.signature_header)}, so Tiki does not find the "
            f"{handler.signature_header} of handler {handler.name}; tikisync compares names without case"
        )
    if recipe := inferred(handler):
        return f"handler {handler.name} is verified as {recipe.title} signs, which its header gives away"
    return ""


def _of_handler(request: Request, handler: Handler, recipes: Mapping[str, Recipe]) -> str:
    """Say what about a handler, or the body, makes tikisync go by something else than Tiki's plain rule."""
    if recipe := configured(handler, recipes):
        return f"[handler {handler.name}] recipe = {recipe.name} takes the place of Tiki's plain rule"
    if hashlib_name(handler.algo) != "sha256":
        return f"handler {handler.name} is set to {handler.algo}, which tikisync takes; Tiki always takes SHA-256"
    if _is_hidden(request):
        return "PHP hides the body of a multipart form, so Tiki verifies nothing of it; tikisync verifies all of it"
    return ""


def _is_hidden(request: Request) -> bool:
    kind = request.combined_headers().get(b"content-type", b"").split(b";")[0]
    return kind.strip().lower() == b"multipart/form-data"
