"""Public keys in Tiki's secret field, and what their owners signed.

Apart from the other keys: the library behind it takes long to load, so import this only where a sender signs so.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from tikisync.core.recipes.keys import base64_bytes
from tikisync.core.recipes.recipe import RefusalError

PublicKey: TypeAlias = Ed25519PublicKey | ec.EllipticCurvePublicKey | RSAPublicKey

MIN_RSA_BITS = 2048
MAX_KEYS = 5  # in one secret field

_NAMES = {"ed25519": "Ed25519", "ecdsa": "ECDSA P-256", "rsa": f"RSA (at least {MIN_RSA_BITS} bits)"}

# The line breaks of PEM may be lost: browsers drop them from one-line fields.
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----")


@lru_cache(maxsize=64)
def public_keys(secret: str, scheme: str) -> tuple[PublicKey, ...]:
    """Return the public keys for a scheme in a secret field, at most ``MAX_KEYS``; raises RefusalError.

    PEM public keys and certificates, as many as there are (the sender's old and new one); or one key in base64:
    DER, as SendGrid shows it, or for Ed25519 the bare 32 bytes, also in hex and after ``whpk_``.
    """
    try:
        found = [_public_key(label, base64_bytes(body)) for label, body in _PEM.findall(secret)[:MAX_KEYS]]
        if not found:
            found = [_bare_key(secret.strip())]
    except (ValueError, UnsupportedAlgorithm):
        found = []
    fitting = tuple(key for key in found if _scheme(key) == scheme and isinstance(key, PublicKey))
    if not fitting:
        raise RefusalError("bad_key", f"Tiki's secret field holds no public key for {_NAMES[scheme]}; paste it as PEM")
    return fitting


def is_signed_by(key: PublicKey, signature: bytes, content: bytes) -> bool:
    """Tell whether this key's owner signed the content: Ed25519, ECDSA or RSA PKCS #1 v1.5 with SHA-256."""
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, content)
        elif isinstance(key, RSAPublicKey):
            key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def sign_with_private_key(secret: str, content: bytes) -> bytes:
    """Sign as ``is_signed_by`` checks, with a PEM private key (PKCS #8, not encrypted); raises RefusalError."""
    pem = _PEM.search(secret)
    try:
        key = load_der_private_key(base64_bytes(pem[2]), None) if pem else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(content)
    if isinstance(key, RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(content, ec.ECDSA(hashes.SHA256()))
    raise RefusalError("bad_key", "to sign for this sender takes its private key, as PEM")


def _public_key(label: str, der: bytes) -> object:
    return x509.load_der_x509_certificate(der).public_key() if label == "CERTIFICATE" else load_der_public_key(der)


def _bare_key(text: str) -> object:
    text = text.removeprefix("whpk_")
    raw = bytes.fromhex(text) if re.fullmatch("[0-9A-Fa-f]{64}", text) else base64_bytes(text)
    return Ed25519PublicKey.from_public_bytes(raw) if len(raw) == 32 else load_der_public_key(raw)


def _scheme(key: object) -> str:
    if isinstance(key, Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ecdsa"
    return "rsa" if isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS else ""
