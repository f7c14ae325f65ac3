"""Sessions as signed texts."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.sessions import LIFETIME, Session, seal, unseal

KEY = b"k" * 32
SESSION = Session("Jörg", 1_800_000_000, "0123456789abcdef")


def test_a_sealed_session_is_read_back_until_it_is_too_old() -> None:
    sealed = seal(SESSION, KEY)
    assert unseal(sealed, KEY, SESSION.since) == SESSION
    assert unseal(sealed, KEY, SESSION.since + LIFETIME - 1) == SESSION
    assert unseal(sealed, KEY, SESSION.since + LIFETIME) is None
    assert unseal(sealed, KEY, SESSION.since - 1) is None


def test_another_key_reads_nothing() -> None:
    assert unseal(seal(SESSION, KEY), b"x" * 32, SESSION.since) is None


def test_a_changed_session_is_refused() -> None:
    body, _, signature = seal(SESSION, KEY).partition(".")
    told = base64.urlsafe_b64decode(body).replace(b"rg", b"rn")
    assert unseal(f"{base64.urlsafe_b64encode(told).decode()}.{signature}", KEY, SESSION.since) is None


@pytest.mark.parametrize("sealed", ["", ".", "x", "x.y", "é.é", "AAAA.AAAA"])
def test_what_is_no_sealed_session_is_none(sealed: str) -> None:
    assert unseal(sealed, KEY, SESSION.since) is None


@given(st.text())
def test_any_text_is_refused_without_an_error(sealed: str) -> None:
    assert unseal(sealed, KEY, SESSION.since) is None
