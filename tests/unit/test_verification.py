"""Tiki's rule for webhooks: which handler a request is signed for, and why it is refused."""

from __future__ import annotations

import hashlib
import hmac
import shutil
import subprocess
from base64 import b64encode
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.algorithms import hashlib_name
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request
from tikisync.core.verification import Handler, Refused, Verified, misconfiguration, sign, signed_request, verify
from tikisync.errors import SetupError

SHOP = Handler(1, "Shop", "hook", "base64 hmac", "sha256", "X-Shop-Signature", "shop-secret")
FORGE = Handler(2, "Forge", "second", "hmac", "sha256", "X-Signature", "forge-secret")
BANK = Handler(3, "Bank", "hook", "hmac", "sha512", "X-Bank-Digest", "b@nk s3cret é")
FORGE_TWO = Handler(4, "Forge two", "hook", "hmac", "sha256", "X-Signature", "other-forge-secret")
HANDLERS = (SHOP, FORGE, BANK, FORGE_TWO)
BODY = b'{"id": 7}'


def request(*headers: tuple[str, str | bytes], body: bytes = BODY, handler_name: str | None = None) -> Request:
    encoded = tuple(
        (name.lower().encode(), value.encode("latin-1") if isinstance(value, str) else value) for name, value in headers
    )
    return Request("POST", "/tiki-webhooks.php", "", encoded, body, 1_700_000_000_000, "192.0.2.10", handler_name)


def signed(handler: Handler, body: bytes = BODY, **more: str) -> Request:
    return request((handler.signature_header, sign(handler, body)), body=body, **more)


def refused(verdict: Verified | Refused) -> tuple[str, str]:
    assert isinstance(verdict, Refused)
    assert verdict.detail
    return verdict.reason, verdict.handler


def winner(verdict: Verified | Refused) -> Handler:
    assert isinstance(verdict, Verified), verdict
    return verdict.handler


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: handler.name)
def test_a_request_signed_for_a_handler_is_verified_for_it(handler: Handler) -> None:
    assert winner(verify(signed(handler), HANDLERS)) is handler


def test_the_signature_is_the_hmac_of_the_raw_body_with_the_secret_in_utf_8() -> None:
    secret = "b@nk s3cret é".encode()
    assert sign(BANK, BODY) == hmac.new(secret, BODY, hashlib.sha512).hexdigest()
    assert sign(SHOP, BODY) == b64encode(hmac.new(b"shop-secret", BODY, hashlib.sha256).digest()).decode()


def test_a_published_vector_verifies() -> None:
    """RFC 4231, test case 2."""
    body = b"what do ya want for nothing?"
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    handler = replace(FORGE, secret="Jefe")
    assert winner(verify(request(("X-Signature", digest), body=body), [handler])) is handler


def test_the_first_of_two_handlers_with_one_secret_wins() -> None:
    twin = replace(FORGE, handler_id=9, name="Twin", user="hook")
    assert winner(verify(signed(FORGE), [FORGE, twin])) is FORGE
    assert winner(verify(signed(FORGE), [twin, FORGE])) is twin


def test_header_names_compare_without_case() -> None:
    shouting = replace(FORGE, signature_header="X-SIGNATURE")
    assert winner(verify(signed(FORGE), [shouting])) is shouting


def test_the_plain_rule_signs_the_body_alone_and_the_verdict_shows_no_secret() -> None:
    verdict = verify(signed(FORGE), HANDLERS)
    assert isinstance(verdict, Verified)
    assert verdict.content is None
    assert sign(FORGE, BODY) not in repr(verdict)
    assert "forge-secret" not in repr(verdict)


@pytest.mark.parametrize(
    "forged",
    [
        sign(FORGE, BODY).upper(),
        "sha256=" + sign(FORGE, BODY),
        sign(FORGE, BODY)[:-1],
        sign(FORGE, BODY) + "0",
        sign(FORGE, BODY + b" "),
        sign(replace(FORGE, algo="sha1"), BODY),
        sign(replace(FORGE, verification="base64 hmac"), BODY),
        f"{sign(FORGE, BODY)}, {sign(FORGE, BODY)}",
        "é",
        " ",
    ],
)
def test_a_forged_signature_is_refused(forged: str) -> None:
    reason, _ = refused(verify(request(("X-Signature", forged)), [FORGE]))
    assert reason == ("wrong_signature" if forged.strip() else "no_signature_header")


def test_a_signature_header_sent_twice_is_refused() -> None:
    header = ("X-Signature", sign(FORGE, BODY))
    assert refused(verify(request(header, header), HANDLERS)) == ("wrong_signature", "Forge")


@pytest.mark.parametrize("empty", ["", "0", " 0 "])
def test_what_php_calls_empty_is_no_signature(empty: str) -> None:
    reason, _ = refused(verify(request(("X-Signature", empty)), HANDLERS))
    assert reason == "no_signature_header"


def test_without_handlers_the_refusal_says_so() -> None:
    assert refused(verify(signed(FORGE), [])) == ("no_handlers", "")


def test_without_a_signature_header_the_refusal_names_the_expected_ones() -> None:
    verdict = verify(request(("X-Other", "1")), HANDLERS)
    assert refused(verdict) == ("no_signature_header", "")
    assert isinstance(verdict, Refused)
    assert verdict.detail.endswith(": X-Bank-Digest, X-Shop-Signature, X-Signature")


def test_of_very_many_expected_headers_only_some_are_named() -> None:
    many = [replace(FORGE, signature_header=f"X-{number:02}") for number in range(12)]
    verdict = verify(request(), many)
    assert isinstance(verdict, Refused)
    assert verdict.detail.endswith("X-00, X-01, X-02, X-03, X-04 and 7 others")


def test_a_path_that_names_a_handler_lets_only_that_one_be_tried() -> None:
    assert winner(verify(signed(FORGE, handler_name="Forge"), HANDLERS)) is FORGE
    assert refused(verify(signed(FORGE, handler_name="Forge two"), HANDLERS)) == ("wrong_signature", "Forge two")
    assert refused(verify(signed(FORGE, handler_name="Shop"), HANDLERS))[0] == "no_signature_header"


def test_all_handlers_of_the_named_name_are_tried() -> None:
    namesake = replace(FORGE_TWO, name="Forge")
    assert winner(verify(signed(namesake, handler_name="Forge"), [FORGE, namesake])) is namesake


@pytest.mark.parametrize("name", ["forge", "Forge ", "Nobody", "", "F\x1brge", "F" * 60_000])
def test_a_path_that_names_no_handler_exactly_is_refused(name: str) -> None:
    verdict = verify(signed(FORGE, handler_name=name), HANDLERS)
    assert refused(verdict) == ("unknown_handler", "")
    assert isinstance(verdict, Refused)
    assert verdict.detail.isprintable()
    assert len(verdict.detail) < 300


MISCONFIGURED = {
    "unknown_verification": replace(FORGE, verification="plain"),
    "unknown_algorithm": replace(FORGE, algo="haval128,3"),
    "empty_secret": replace(FORGE, secret=""),
}


@pytest.mark.parametrize("reason", MISCONFIGURED)
def test_a_misconfigured_handler_verifies_nothing_and_is_reported(reason: str) -> None:
    wrong = MISCONFIGURED[reason]
    header = hmac.new(wrong.secret.encode(), BODY, hashlib.sha256).hexdigest()  # what Tiki itself would accept
    assert refused(verify(request(("X-Signature", header)), [wrong])) == (reason, "Forge")
    found = misconfiguration(wrong)
    assert found is not None
    assert found.reason == reason
    with pytest.raises(SetupError, match="Forge") as caught:
        sign(wrong, BODY)
    assert caught.value.reason == reason


@pytest.mark.parametrize("reason", MISCONFIGURED)
def test_a_misconfigured_handler_does_not_keep_the_next_from_verifying(reason: str) -> None:
    assert winner(verify(signed(FORGE_TWO), [MISCONFIGURED[reason], FORGE_TWO])) is FORGE_TWO


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_refusals_the_one_an_admin_can_mend_is_reported(order: int) -> None:
    wrong = replace(FORGE_TWO, algo="whirlpool")
    verdict = verify(request(("X-Signature", "c0ffee")), [FORGE, wrong][::order])
    assert refused(verdict) == ("unknown_algorithm", "Forge two")


def test_a_well_made_handler_has_no_misconfiguration() -> None:
    assert [misconfiguration(handler) for handler in HANDLERS] == [None] * 4


def test_a_signature_for_a_handler_whose_user_is_gone_is_refused_at_once() -> None:
    orphan = replace(FORGE, user_exists=False)
    heir = replace(FORGE, handler_id=9, name="Heir")
    assert refused(verify(signed(FORGE), [orphan, heir])) == ("user_missing", "Forge")
    assert refused(verify(request(("X-Signature", "c0ffee")), [orphan])) == ("wrong_signature", "Forge")


def test_each_secret_and_algorithm_is_hashed_once_per_request(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[bytes, str]] = []
    digest = hmac.digest

    def counted(key: bytes, message: bytes, name: str) -> bytes:
        calls.append((key, name))
        return digest(key, message, name)

    handlers = [replace(FORGE, handler_id=number) for number in range(5)]
    handlers += [replace(FORGE, verification="base64 hmac"), replace(FORGE, algo="sha1"), FORGE_TWO]
    verify(signed(FORGE), handlers)  # the algorithms are known from here on
    monkeypatch.setattr(hmac, "digest", counted)
    verify(request(("X-Signature", "c0ffee")), handlers)
    assert calls == [(b"forge-secret", "sha256"), (b"forge-secret", "sha1"), (b"other-forge-secret", "sha256")]


@given(st.data(), st.sampled_from(HANDLERS), st.binary(min_size=1, max_size=200))
def test_one_flipped_bit_of_the_body_or_the_signature_refuses(
    data: st.DataObject, handler: Handler, body: bytes
) -> None:
    signature = sign(handler, body).encode()
    whole = bytearray(signature + body)
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    altered = request((handler.signature_header, bytes(whole[: len(signature)])), body=bytes(whole[len(signature) :]))
    assert isinstance(verify(altered, HANDLERS), Refused)


ANYTHING = st.text(st.characters(), max_size=20)
SHORT = st.text(st.characters(), max_size=7)  # than what is watched as a secret: none of these is one by chance
NAMES = st.sampled_from([b"x-signature", b"x-shop-signature", b"x-bank-digest", b""]) | st.binary(max_size=20)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=80)), max_size=8), st.binary(max_size=100), st.none() | ANYTHING)
def test_arbitrary_headers_and_bodies_raise_nothing_and_are_refused(
    headers: list[tuple[bytes, bytes]], body: bytes, name: str | None
) -> None:
    anything = Request("POST", "/", "", tuple(headers), body, 0, "192.0.2.10", name)
    assert isinstance(verify(anything, HANDLERS), Refused)


@given(
    st.builds(
        Handler,
        st.integers(),
        SHORT,
        SHORT,
        st.sampled_from(["hmac", "base64 hmac"]) | SHORT,
        st.sampled_from(["sha256", "sha3-512", "SHA512/256", "crc32"]) | SHORT,
        st.just("X-Signature") | SHORT,
        ANYTHING,
        st.booleans(),
    ),
    st.binary(max_size=50),
)
def test_whatever_a_handler_holds_it_either_verifies_its_own_signature_or_refuses_with_a_reason(
    handler: Handler, body: bytes
) -> None:
    try:
        signature = sign(handler, body)
    except SetupError as error:
        assert error.reason in ("unknown_verification", "unknown_algorithm", "empty_secret")
        signature = "c0ffee"
    verdict = verify(Request("POST", "/", "", ((handler.header, signature.encode()),), body, 0, ""), [handler])
    well_made = misconfiguration(handler) is None and handler.user_exists
    assert isinstance(verdict, Verified) == well_made
    assert isinstance(verdict, Verified) or verdict.reason in ("user_missing", *MISCONFIGURED)


@pytest.mark.parametrize(
    ("algo", "name"),
    [
        ("sha256", "sha256"), ("SHA256", "sha256"), ("md5", "md5"), ("sha1", "sha1"), ("sha224", "sha224"),
        ("sha384", "sha384"), ("sha512", "sha512"), ("sha512/256", "sha512_256"), ("sha512/224", "sha512_224"),
        ("sha3-224", "sha3_224"), ("sha3-256", "sha3_256"), ("sha3-384", "sha3_384"), ("sha3-512", "sha3_512"),
        ("", None), ("crc32", None), ("haval256,5", None), ("shake128", None), ("shake_128", None), ("sha\0256", None),
        ("sha-256", None), ("\ud800", None), ("NULL", None),
    ],
)  # fmt: skip
def test_algorithms_have_the_names_php_gives_them(algo: str, name: str | None) -> None:
    assert hashlib_name(algo) == name


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")
def test_every_algorithm_we_know_under_phps_names_hashes_as_php_does() -> None:
    script = "foreach (hash_hmac_algos() as $algo) echo $algo, ' ', hash_hmac($algo, 'a body', 'a secret'), \"\\n\";"
    listed = subprocess.run(["php", "-n", "-r", script], capture_output=True, text=True, check=True).stdout.splitlines()
    compared = 0
    for algo, expected in (line.split() for line in listed):
        if hashlib_name(algo) is not None:
            assert sign(replace(FORGE, algo=algo, secret="a secret"), b"a body") == expected, algo
            compared += 1
    assert compared >= 12


OFFICE = {"Shop": (ip_network("198.51.100.0/24"),)}


def test_a_handler_is_tried_only_for_the_addresses_it_allows() -> None:
    verdict = verify(signed(SHOP), HANDLERS, allow=OFFICE)
    assert refused(verdict) == ("address_not_allowed", "Shop")
    assert isinstance(verdict, Refused) and "192.0.2.10" in verdict.detail
    assert winner(verify(replace(signed(SHOP), client_ip="198.51.100.9"), HANDLERS, allow=OFFICE)) is SHOP
    assert winner(verify(signed(FORGE), HANDLERS, allow=OFFICE)) is FORGE


def test_another_handler_with_the_secret_may_take_what_the_first_does_not_allow() -> None:
    twin = replace(SHOP, handler_id=9, name="Twin")
    assert winner(verify(signed(SHOP), [SHOP, twin], allow=OFFICE)) is twin


def test_a_request_without_its_signature_says_nothing_of_a_handler_s_addresses() -> None:
    assert refused(verify(request(), HANDLERS, allow=OFFICE)) == ("no_signature_header", "")


def test_a_recipe_s_header_tells_whose_request_came_from_elsewhere() -> None:
    github = replace(SHOP, name="GitHub")
    recipes, allow = {"GitHub": RECIPES["github"]}, {"GitHub": OFFICE["Shop"]}
    sent = replace(signed_request(request(), github, recipes), client_ip="")
    verdict = verify(sent, [github], recipes, allow)
    assert refused(verdict) == ("address_not_allowed", "GitHub")
    assert isinstance(verdict, Refused) and "unknown" in verdict.detail
