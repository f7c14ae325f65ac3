"""Password hashes as Tiki stores them: bcrypt, MD5-crypt, and the bare MD5 forms of old sites (Tiki 24.4, userslib)."""

from __future__ import annotations

import hashlib
import hmac
import re

import bcrypt

_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_MD5_CRYPT = re.compile(r"\$1\$([^$]{0,8})\$[./0-9A-Za-z]{22}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_BYTES = 72  # of a password that bcrypt looks at
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DUMMY = (
    "$2b$10$HWy2oZ11r05M63zm5EjI4eZSPZ2I41S1p75vQQo.6SsWYU4JcNhzi"  # of a password nobody knows; PHP's default cost
)


def matches(stored: str, login: str, email: str, password: str) -> bool:
    """Tell whether a password is that of a stored hash; '' matches nothing.

    There is one bcrypt computation for every call, so that the time does not tell accounts from strangers.
    """
    given = password.replace("\0", "").encode("utf-8", "surrogatepass")
    if _BCRYPT.fullmatch(stored):
        return _bcrypt_matches(given, stored)
    _bcrypt_matches(given, _DUMMY)
    if found := _MD5_CRYPT.fullmatch(stored):
        return hmac.compare_digest(md5_crypt(given, found[1].encode()), stored)
    if not given or not _MD5.fullmatch(stored):
        return False
    owner = login.encode()
    forms = (given, owner + given, owner + given + email.strip().encode())
    return any(hmac.compare_digest(hashlib.md5(form).hexdigest(), stored) for form in forms)  # noqa: S324  as Tiki stored it


def is_known(stored: str) -> bool:
    """Tell whether the form of a hash is one that can be checked; Tiki renews any other at its owner's next login."""
    return bool(_BCRYPT.fullmatch(stored) or _MD5_CRYPT.fullmatch(stored) or _MD5.fullmatch(stored))


def _bcrypt_matches(password: bytes, stored: str) -> bool:
    try:
        return bcrypt.checkpw(password[:_BYTES], stored.encode("ascii"))
    except ValueError:  # a cost or a salt that there is not
        return False


def md5_crypt(password: bytes, salt: bytes) -> str:
    """Return crypt(3)'s ``$1$`` form, which Tiki made from its preference crypt-md5 until version 15 or so."""
    inner = hashlib.md5(password + salt + password).digest()  # noqa: S324  as Tiki stored it
    mixed = password + b"$1$" + salt
    mixed += (inner * (len(password) // 16 + 1))[: len(password)]
    bits = len(password)
    while bits:
        mixed += b"\0" if bits & 1 else password[:1]
        bits >>= 1
    digest = hashlib.md5(mixed).digest()  # noqa: S324  as Tiki stored it
    for turn in range(1000):
        block = password if turn & 1 else digest
        block += salt if turn % 3 else b""
        block += password if turn % 7 else b""
        block += digest if turn & 1 else password
        digest = hashlib.md5(block).digest()  # noqa: S324  as Tiki stored it
    order = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))
    words = [digest[a] << 16 | digest[b] << 8 | digest[c] for a, b, c in order]
    text = "".join(_letters(word, 4) for word in words) + _letters(digest[11], 2)
    return f"$1${salt.decode()}${text}"


def _letters(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> 6 * place & 63] for place in range(count))
