"""Requests as senders sign them, for tests of recipes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.recipes.verifying import ASYMMETRIC
from tikisync.core.requests import Request
from tikisync.core.verification import signed_request, verify

NOW = 1_700_000_000_000
BODY = b'{"id": "evt_1", "webhookTimestamp": 1700000000000}'
FORM = b"To=%2B15550100&Body=Hello+there&From=%2B15550101"
PUBLIC_URL = "https://wiki.example.org"
PATH = "/tiki-webhooks.php"
JSON = (b"content-type", b"application/json")
FORM_TYPE = (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def private_key(scheme: str) -> PrivateKey:
    return new_key(scheme)


def new_key(scheme: str) -> PrivateKey:
    if scheme == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1()) if scheme == "ecdsa" else rsa.generate_private_key(65537, 2048)


def private_pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def recipe_named(name: str, **changes: Any) -> Recipe:
    return replace(RECIPES[name], **{"public_url": PUBLIC_URL, "webhook_id": "WH-1", **changes})


def handler_for(recipe: Recipe) -> Handler:
    """The handler as Tiki's admin would make it for a sender: with the secret, token or public key."""
    secret = "whsec_" + b64encode(b"a secret of 24 bytes ...").decode() if recipe.key == "whsec" else "user:a sécret"
    if recipe.scheme in ASYMMETRIC:
        secret = public_pem(private_key(recipe.scheme))
    return Handler(1, "Shop", "hook", "hmac", "sha256", "X-Signature", secret)


def unsigned(body: bytes = BODY, *headers: tuple[bytes, bytes], query: str = "", path: str = PATH) -> Request:
    return Request("POST", path, query, headers or (JSON,), body, NOW, "192.0.2.7")


def signed(recipe: Recipe, request: Request | None = None, handler: Handler | None = None) -> Request:
    """The request as the sender signs it, with the private key where it has one."""
    handler = handler or handler_for(recipe)
    if recipe.scheme in ASYMMETRIC:
        handler = replace(handler, secret=private_pem(private_key(recipe.scheme)))
    return signed_request(request or unsigned(), handler, {handler.name: recipe}, "msg_1")


def verdict(recipe: Recipe, request: Request, handler: Handler | None = None) -> Verified | Refused:
    handler = handler or handler_for(recipe)
    return verify(request, [handler], {handler.name: recipe})


def reason(recipe: Recipe, request: Request, handler: Handler | None = None) -> str:
    found = verdict(recipe, request, handler)
    assert isinstance(found, Refused)
    assert found.detail
    return found.reason


def with_header(request: Request, name: str, change: Callable[[bytes], bytes]) -> Request:
    headers = tuple((key, change(value) if key == name.encode() else value) for key, value in request.headers)
    return replace(request, headers=headers)


def signature_header(recipe: Recipe) -> str:
    return recipe.signature[0].removeprefix("headers.").replace("#", "1")
