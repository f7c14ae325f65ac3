"""Hashes as PHP 8.2 made them (password_hash, crypt, md5)."""

from __future__ import annotations

import hashlib
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tikisync.core import passwords
from tikisync.core.passwords import is_known, matches

HORSE = "correct horse"


@pytest.mark.parametrize(
    ("stored", "password"),
    [
        ("$2y$12$x3CY9BCDtyS9Veg8ORnObuwJIK5svTCG//ISKTfSMXpVJpjWl/VQW", HORSE),
        ("$2y$04$aunARxloF2945O.BDof5t.KwQAanskC0wmC.tF81KpPa1SOwK4Mn.", HORSE),
        ("$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", HORSE),
        ("$2y$04$bVOQfGYHilYgHURjMq9YhuSidxvPz4Fx22J2cYL0ev.K2QK7UkYzG", "é" * 50),  # 100 bytes
        ("$1$tiki$3r/iOMm2e7WAmlNRO4Iop1", HORSE),
        ("$1$tiki$oCzr9Jdwn/pDsuKYkVh0o0", ""),
    ],
)
def test_what_php_made_is_accepted_and_anything_else_refused(stored: str, password: str) -> None:
    assert is_known(stored)
    assert matches(stored, "admin", "", password)
    assert not matches(stored, "admin", "", password[:10] + "x")


@pytest.mark.parametrize("signed", ["secret", "adminsecret", "adminsecreta@example.org"])
def test_each_of_the_old_md5_forms_is_accepted(signed: str) -> None:
    stored = hashlib.md5(signed.encode()).hexdigest()  # noqa: S324  as old Tikis stored it
    assert matches(stored, "admin", " a@example.org ", "secret")
    assert not matches(stored, "Admin", "a@example.org", "secrets")


@pytest.mark.parametrize(
    "stored",
    ["", "*", "$", "$2y$10$", "$2y$99$" + "A" * 53, "$5$salt$x", "$6$x", "D41D8CD98F00B204E9800998ECF8427E"],
)
def test_no_other_text_is_a_hash(stored: str) -> None:
    if stored.startswith("$2y$99$"):
        assert not matches(stored, "admin", "", "")
    else:
        assert not is_known(stored)
        assert not matches(stored, "admin", "", "")


def test_the_empty_password_is_refused_where_its_md5_is_stored() -> None:
    assert not matches("d41d8cd98f00b204e9800998ecf8427e", "", "", "")


def test_zero_bytes_are_left_out_as_tiki_does() -> None:
    assert matches("$1$tiki$3r/iOMm2e7WAmlNRO4Iop1", "", "", "correct\0 horse")


@given(st.text(max_size=100), st.text("./0123456789ABCxyz", max_size=8))
@settings(max_examples=30)
def test_md5_crypt_takes_any_password_and_keeps_its_form(password: str, salt: str) -> None:
    stored = passwords.md5_crypt(password.encode("utf-8", "surrogatepass"), salt.encode())
    assert is_known(stored)


@pytest.mark.skipif(not shutil.which("php"), reason="php is not installed here")
@pytest.mark.parametrize("password", ["a", "a" * 16, "ä" * 33, "correct horse battery staple"])
def test_md5_crypt_equals_that_of_php(password: str) -> None:
    script = r'echo crypt($argv[1], "\$1\$" . $argv[2] . "\$");'
    made = subprocess.run(["php", "-r", script, password, "saltsalt"], capture_output=True, text=True, check=True)
    assert passwords.md5_crypt(password.encode(), b"saltsalt") == made.stdout
