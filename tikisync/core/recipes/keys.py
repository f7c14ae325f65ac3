"""Keys and signatures: what Tiki's secret field holds, and how bytes are written as text."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from tikisync.core.recipes.recipe import RefusalError

PublicKey: TypeAlias = Ed25519PublicKey | ec.EllipticCurvePublicKey | RSAPublicKey

MIN_RSA_BITS = 2048
MAX_KEYS = 5  # in one secret field

_NAMES = {"ed25519": "Ed25519", "ecdsa": "ECDSA P-256", "rsa": f"RSA (at least {MIN_RSA_BITS} bits)"}

_PUBLIC = (  # how public keys begin: PEM, Standard Webhooks, and bare base64 of P-256 and RSA
    "-----BEGIN PUBLIC KEY", "-----BEGIN RSA PUBLIC KEY", "-----BEGIN CERTIFICATE", "whpk_", "MFkwEwYHKoZIzj0C",
    "MIIBIjANBgkqhkiG9w0B",
)  # fmt: skip
# The line breaks of PEM may be lost: browsers drop them from one-line fields.
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----")

ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "hex": binascii.hexlify,
    "base64": b64encode,
    "base64url": urlsafe_b64encode,
    "text": bytes,
}


def is_public(secret: str) -> bool:
    """Tell whether a secret field holds a public key, with which anybody could compute an HMAC."""
    return secret.lstrip().startswith(_PUBLIC)


def symmetric_key(secret: str, decoding: str) -> bytes:
    """Return the bytes of a shared secret; raises RefusalError where it is not written as ``decoding`` says."""
    text = secret.strip() if decoding != "text" else secret
    try:
        if decoding == "hex":
            return bytes.fromhex(text)
        if decoding in ("base64", "whsec"):
            text = text.removeprefix("whsec_") if decoding == "whsec" else text
            return _base64(text)
    except ValueError:
        raise RefusalError("bad_secret", f"Tiki's secret field holds no {decoding} secret") from None
    return secret.encode("utf-8", "surrogatepass")


def decoded(signature: bytes, encoding: str) -> bytes | None:
    """Return the bytes of a signature, None unless they are written exactly as ``encoding`` writes them."""
    try:
        if encoding == "hex":
            raw = binascii.unhexlify(signature)
        else:
            raw = b64decode(signature, b"-_" if encoding == "base64url" else None, validate=True)
    except ValueError:
        return None
    return raw if ENCODERS[encoding](raw) == signature else None


@lru_cache(maxsize=64)
def public_keys(secret: str, scheme: str) -> tuple[PublicKey, ...]:
    """Return the public keys for a scheme in a secret field, at most ``MAX_KEYS``; raises RefusalError.

    PEM public keys and certificates, as many as there are (the sender's old and new one); or one key in base64:
    DER, as SendGrid shows it, or for Ed25519 the bare 32 bytes, also in hex and after ``whpk_``.
    """
    try:
        found = [_public_key(label, _base64(body)) for label, body in _PEM.findall(secret)[:MAX_KEYS]]
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
        key = load_der_private_key(_base64(pem[2]), None) if pem else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(content)
    if isinstance(key, RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(content, ec.ECDSA(hashes.SHA256()))
    raise RefusalError("bad_key", "to sign for this sender takes its private key, as PEM")


def _base64(text: str) -> bytes:
    bare = "".join(text.split()).rstrip("=")
    return b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def _public_key(label: str, der: bytes) -> object:
    return x509.load_der_x509_certificate(der).public_key() if label == "CERTIFICATE" else load_der_public_key(der)


def _bare_key(text: str) -> object:
    text = text.removeprefix("whpk_")
    raw = bytes.fromhex(text) if re.fullmatch("[0-9A-Fa-f]{64}", text) else _base64(text)
    return Ed25519PublicKey.from_public_bytes(raw) if len(raw) == 32 else load_der_public_key(raw)


def _scheme(key: object) -> str:
    if isinstance(key, Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ecdsa"
    return "rsa" if isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS else ""
