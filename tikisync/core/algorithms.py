"""Hash algorithms under the names that PHP and thus Tiki's admin give them."""

from __future__ import annotations

import hmac
from functools import lru_cache


@lru_cache(maxsize=64)
def hashlib_name(algo: str) -> str | None:
    """Return what ``hmac.digest`` calls an algorithm of PHP's ``hash_hmac_algos()``, such as ``sha512/256``.

    None where this Python has no such algorithm (a few old ones of PHP's, or those its OpenSSL has switched off).
    """
    name = algo.lower().replace("-", "_").replace("/", "_")
    try:
        digest = hmac.digest(b"", b"", name)  # the lists in hashlib name algorithms that then cannot be used
    except (ValueError, TypeError):
        return None
    return name if digest else None  # OpenSSL has one called null that says nothing
