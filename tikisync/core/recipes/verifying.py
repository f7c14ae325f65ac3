"""Verify a request by a recipe, and say why where it does not."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from itertools import product

from tikisync.core.algorithms import hashlib_name
from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes import timestamps
from tikisync.core.recipes.content import contents
from tikisync.core.recipes.keys import ENCODERS, decoded, is_public, symmetric_key
from tikisync.core.recipes.parts import WHOLE_BODY, Content, Parts
from tikisync.core.recipes.recipe import Recipe, RefusalError

ASYMMETRIC = ("ed25519", "ecdsa", "rsa")
MAX_SIGNATURES = 100  # in one request, as DocuSign sends at most
MAX_CHECKS = 20  # with public keys, which cost most

ANYBODY_COULD_SIGN = "its secret is a public key, so anybody could sign; name the sender's recipe in the config"


def check(recipe: Recipe, handler: Handler, parts: Parts) -> Verified | Refused | None:
    """Return whether the request is signed for the handler by its recipe; None where it holds no signature for it."""
    values = [value for place in recipe.signature for value in parts.at(place)]
    if not values:
        return None
    try:
        require_usable(recipe, handler.secret)
        return Verified(handler, _proof(recipe, handler.secret, parts, values))
    except RefusalError as refusal:
        return refused(recipe, handler, refusal)


def misconfiguration(recipe: Recipe, handler: Handler) -> Refused | None:
    """Return why the handler can verify nothing by this recipe, whatever is sent; None where it can."""
    try:
        require_usable(recipe, handler.secret)
    except RefusalError as refusal:
        return refused(recipe, handler, refusal)
    return None


def refused(recipe: Recipe, handler: Handler, refusal: RefusalError) -> Refused:
    """Return a refusal as one about the handler."""
    return Refused(refusal.reason, f"handler {handler.name} ({recipe.title}): {refusal.detail}", handler.name)


def require_usable(recipe: Recipe, secret: str) -> None:
    """Raise RefusalError where nothing could be verified with this recipe and secret."""
    if not secret:
        raise RefusalError("empty_secret", "it has no secret, so anybody could sign")
    if recipe.scheme in ASYMMETRIC:
        from tikisync.core.recipes.public_keys import public_keys

        public_keys(secret, recipe.scheme)
    elif is_public(secret):
        raise RefusalError("public_secret", ANYBODY_COULD_SIGN)
    elif not symmetric_key(secret, recipe.key):
        raise RefusalError("empty_secret", "its secret is empty but for its prefix, so anybody could sign")
    if recipe.encoding not in ENCODERS:
        raise RefusalError("unknown_verification", "tikisync does not know its verification type")
    if hashlib_name(recipe.algorithm) is None:
        raise RefusalError("unknown_algorithm", f"there is no HMAC with the algorithm {recipe.algorithm!r} here")
    if recipe.reads("url", "url_other_port", "url_unescaped") and not (recipe.url or recipe.public_url):
        raise RefusalError("no_public_url", "the address is signed too; set [server] public_url or recipe.url")
    if recipe.reads("webhook_id") and not recipe.webhook_id:
        raise RefusalError("no_webhook_id", "the webhook's id is signed too; set recipe.webhook_id")


def _proof(recipe: Recipe, secret: str, parts: Parts, values: list[bytes]) -> bytes | None:
    """Return the digest of what is signed, None for the body alone; raise RefusalError where nothing is, or not now."""
    timestamp = timestamps.find(recipe, parts, values) if recipe.reads("timestamp") else b""
    signatures = _signatures(recipe, values)
    if recipe.scheme == "token":
        _check_token(recipe, secret, signatures)
        return None
    key = secret.encode("utf-8", "surrogatepass")
    check_signatures = _asymmetric if recipe.scheme in ASYMMETRIC else _symmetric
    content = check_signatures(recipe, secret, parts, signatures, contents(recipe, key, parts, timestamp))
    if recipe.judges_time:
        timestamps.judge(recipe, timestamp or timestamps.find(recipe, parts, values), parts.request.received_at)
    return None if content == WHOLE_BODY else hashlib.sha256(parts.text(content)).digest()


def _signatures(recipe: Recipe, values: list[bytes]) -> list[bytes]:
    prefix = recipe.prefix.encode("utf-8")
    items = timestamps.items(recipe, values)
    found = [item[len(prefix) :] for item in items if item.startswith(prefix)]
    if not found:
        raise RefusalError("wrong_prefix", f"{_places(recipe)} holds nothing that begins with {recipe.prefix}")
    if len(found) > MAX_SIGNATURES:
        raise RefusalError("too_many_signatures", f"{_places(recipe)} holds more than {MAX_SIGNATURES} signatures")
    return found


def _check_token(recipe: Recipe, secret: str, tokens: list[bytes]) -> None:
    expected = ENCODERS[recipe.encoding](symmetric_key(secret, recipe.key))
    if not any(hmac.compare_digest(expected, token) for token in tokens):
        raise RefusalError("wrong_token", f"{_places(recipe)} does not hold what Tiki's secret field holds")


def _symmetric(recipe: Recipe, secret: str, parts: Parts, signatures: list[bytes], signed: list[Content]) -> Content:
    key = None if recipe.scheme == "hash" else symmetric_key(secret, recipe.key)
    algorithm = hashlib_name(recipe.algorithm) or ""
    digests = [parts.digest(key, algorithm, content) for content in signed]
    encode = ENCODERS[recipe.encoding]
    for content, digest in zip(signed, digests, strict=True):
        if any(hmac.compare_digest(encode(digest), signature) for signature in signatures):
            return content
    for other, writes in _WRITINGS.items():
        if any(hmac.compare_digest(writes(digest), item) for digest in digests for item in signatures):
            raise RefusalError("wrong_encoding", f"the signature is right, but {other} and not {recipe.encoding}")
    raise RefusalError(
        "wrong_signature", f"{_places(recipe)} is not the signature: the secret is another, or something was altered"
    )


def _asymmetric(recipe: Recipe, secret: str, parts: Parts, signatures: list[bytes], signed: list[Content]) -> Content:
    from tikisync.core.recipes.public_keys import is_signed_by, public_keys

    raw = [signature for each in signatures if (signature := decoded(each, recipe.encoding)) is not None]
    if not raw:
        raise RefusalError("wrong_encoding", f"{_places(recipe)} holds no signature in {recipe.encoding}")
    checks = list(product(signed, public_keys(secret, recipe.scheme), raw))
    if len(checks) > MAX_CHECKS:
        raise RefusalError("too_many_signatures", f"{_places(recipe)} holds too many signatures to try")
    for content, key, signature in checks:
        if is_signed_by(key, signature, parts.text(content)):
            return content
    raise RefusalError(
        "wrong_signature", f"{_places(recipe)} is not of this public key's owner, or something was altered"
    )


def _places(recipe: Recipe) -> str:
    return " or ".join(place.removeprefix("headers.") for place in recipe.signature)


_WRITINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "in hex": ENCODERS["hex"],
    "in base64": ENCODERS["base64"],
    "in base64 for URLs": ENCODERS["base64url"],
    "in capitals": lambda digest: digest.hex().upper().encode("ascii"),
    "in base64 without padding": lambda digest: b64encode(digest).rstrip(b"="),
    "in base64 of hex": lambda digest: b64encode(digest.hex().encode("ascii")),
}
