"""Shared secrets and signatures: what Tiki's secret field holds, and how bytes are written as text."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping

from tikisync.core.recipes.recipe import RefusalError

_PUBLIC = (  # how public keys begin: PEM, Standard Webhooks, and bare base64 of P-256 and RSA
    "-----BEGIN PUBLIC KEY", "-----BEGIN RSA PUBLIC KEY", "-----BEGIN CERTIFICATE", "whpk_", "MFkwEwYHKoZIzj0C",
    "MIIBIjANBgkqhkiG9w0B",
)  # fmt: skip

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
            return base64_bytes(text)
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


def base64_bytes(text: str) -> bytes:
    """Return the bytes of a text in base64, with or without padding and spaces; raises ValueError."""
    bare = "".join(text.split()).rstrip("=")
    return b64decode(bare + "=" * (-len(bare) % 4), validate=True)
