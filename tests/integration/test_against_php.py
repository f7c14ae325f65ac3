"""The verdicts of tikisync and of Tiki's rule in a real PHP, side by side over the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import random
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tikisync.core.requests import Request
from tikisync.core.shadow import MODULE, tikis_choice
from tikisync.core.verification import ENCODINGS, Handler, Verified, sign, verify

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")

HEADERS = ("X-Signature", "X-Shop-Hmac-Sha256", "x-lower", "X_Under_Score")
SECRETS = ("secret", "s3cret é 漢", " spaces ", "0", "a" * 200, "🔑", "' OR 1=1 --")
Header = tuple[str, bytes]


class Php:
    """PHP's own web server over ``webhook_rule.php``."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._handlers = folder / "handlers.json"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._address = probe.getsockname()
        self._process = subprocess.Popen(
            ["php", "-n", "-S", f"127.0.0.1:{self._address[1]}", str(Path(__file__).with_name("webhook_rule.php"))],
            env={"HANDLERS": str(self._handlers), **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def knows(self, handlers: Sequence[Handler]) -> None:
        rows = [dataclasses.asdict(handler) for handler in handlers]
        self._handlers.write_text(json.dumps(rows), encoding="utf-8")

    def winner(self, headers: Sequence[Header], body: bytes) -> int | None:
        """Post it as it is and return the id of the handler that verified, or None."""
        head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers)
        length = str(len(body)).encode()
        with self._connect() as connection:
            connection.sendall(
                b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                b"Content-Length: " + length + b"\r\n" + head + b"\r\n" + body
            )
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        status, _, content = answer.partition(b"\r\n\r\n")
        assert status.startswith(b"HTTP/1.1 200 "), answer
        winner: int | None = json.loads(content)
        return winner

    @property
    def url(self) -> str:
        """Its endpoint, once it answers."""
        self._connect().close()
        return f"http://127.0.0.1:{self._address[1]}/tiki-webhooks.php"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _connect(self) -> socket.socket:
        until = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(self._address, timeout=10)
            except ConnectionRefusedError:
                assert time.monotonic() < until, "php did not start"
                time.sleep(0.02)


@pytest.fixture(scope="module")
def php(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Php]:
    running = Php(tmp_path_factory.mktemp("php"))
    yield running
    running.stop()


def request(headers: Sequence[Header], body: bytes) -> Request:
    received = tuple((name.lower().encode(), value) for name, value in headers)
    return Request("POST", "/tiki-webhooks.php", "", received, body, 0, "127.0.0.1")


def ours(handlers: Sequence[Handler], headers: Sequence[Header], body: bytes) -> int | None:
    verdict = verify(request(headers, body), handlers)
    return verdict.handler.handler_id if isinstance(verdict, Verified) else None


def evaluated(handlers: Sequence[Handler], headers: Sequence[Header], body: bytes) -> int | None:
    """What we evaluate Tiki's rule to, for a PHP that gets names as they are sent."""
    choice = tikis_choice(request(headers, body), handlers, MODULE)
    return choice.handler_id if choice else None


def some_handlers(rng: random.Random) -> list[Handler]:
    """Up to six handlers; headers and secrets come from small sets so that they often coincide."""
    return [
        Handler(
            handler_id=number,
            name=f"Handler {number}",
            user="hook",
            verification=rng.choice(["hmac", "hmac", "base64 hmac", "base64 hmac", "HMAC", "plain", ""]),
            algo="sha256",
            signature_header=rng.choice(HEADERS),
            secret=rng.choice(SECRETS),
        )
        for number in range(1, rng.randint(1, 7))
    ]


def some_request(rng: random.Random, handlers: Sequence[Handler]) -> tuple[list[Header], bytes]:
    body = rng.choice([b"", b'{"id": 1}', rng.randbytes(rng.randint(1, 300)), b"a=1&b=%C3%A9", rng.randbytes(70_000)])
    headers: list[Header] = [("Content-Type", rng.choice([b"application/json", b"application/x-www-form-urlencoded"]))]
    for handler in rng.sample(handlers, rng.randint(0, min(3, len(handlers)))):
        encoding = handler.verification if handler.verification in ENCODINGS and rng.random() < 0.8 else "hmac"
        signature = sign(replace(handler, verification=encoding), body).encode()
        headers.append((handler.signature_header, spoiled(rng, signature) if rng.random() < 0.4 else signature))
    return headers, body


def spoiled(rng: random.Random, signature: bytes) -> bytes:
    at = rng.randrange(len(signature))
    return rng.choice(
        [
            b"", b"0", b"0.0", b"null", signature.upper(), signature[:-1], signature + b"=", b"sha256=" + signature,
            signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :], rng.randbytes(9).hex().encode(),
            "é".encode(), b'"' + signature + b'"', signature + b"\t" + signature, b"0e0",
        ]
    )  # fmt: skip


def test_php_and_tikisync_agree_on_verdict_and_handler(php: Php) -> None:
    rng = random.Random(20261124)
    verdicts: Counter[bool] = Counter()
    for _ in range(25):
        handlers = some_handlers(rng)
        php.knows(handlers)
        for _ in range(20):
            headers, body = some_request(rng, handlers)
            expected = php.winner(headers, body)
            assert ours(handlers, headers, body) == expected, (handlers, headers, body)
            assert evaluated(handlers, headers, body) == expected, (handlers, headers, body)
            verdicts[expected is not None] += 1
    assert min(verdicts[True], verdicts[False]) > 100, "the comparison would be worth little if most were of one kind"


HANDLER = Handler(1, "Forge", "hook", "hmac", "sha256", "X-Signature", "secret")


def test_a_header_sent_twice_is_refused_by_both(php: Php) -> None:
    php.knows([HANDLER])
    header = ("X-Signature", sign(HANDLER, b"body").encode())
    assert php.winner([header], b"body") == ours([HANDLER], [header], b"body") == 1
    assert php.winner([header, header], b"body") is ours([HANDLER], [header, header], b"body") is None


class TestWhereTikisyncDiffersOnPurpose:
    def test_header_names_compare_without_case(self, php: Php) -> None:
        php.knows([HANDLER])
        header = ("x-SIGNATURE", sign(HANDLER, b"body").encode())
        assert php.winner([header], b"body") is None
        assert ours([HANDLER], [header], b"body") == 1

    def test_the_handlers_own_algorithm_counts(self, php: Php) -> None:
        sha512 = replace(HANDLER, algo="sha512")
        php.knows([sha512])
        sent, taken_by_tiki = (("X-Signature", sign(handler, b"body").encode()) for handler in (sha512, HANDLER))
        assert php.winner([sent], b"body") is evaluated([sha512], [sent], b"body") is None
        assert ours([sha512], [sent], b"body") == 1
        assert php.winner([taken_by_tiki], b"body") == 1
        assert ours([sha512], [taken_by_tiki], b"body") is None

    def test_an_empty_secret_verifies_nothing(self, php: Php) -> None:
        unset = replace(HANDLER, secret="")
        php.knows([unset])
        header = ("X-Signature", hmac.new(b"", b"body", hashlib.sha256).hexdigest().encode())
        assert php.winner([header], b"body") == evaluated([unset], [header], b"body") == 1
        assert ours([unset], [header], b"body") is None

    def test_a_multipart_body_is_signed_like_any_other(self, php: Php) -> None:
        php.knows([HANDLER])
        form = ("Content-Type", b"multipart/form-data; boundary=x")
        body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
        of_the_body, of_nothing = (("X-Signature", sign(HANDLER, signed).encode()) for signed in (body, b""))
        assert php.winner([form, of_the_body], body) is evaluated([HANDLER], [form, of_the_body], body) is None
        assert ours([HANDLER], [form, of_the_body], body) == 1
        assert php.winner([form, of_nothing], body) == evaluated([HANDLER], [form, of_nothing], body) == 1
        assert ours([HANDLER], [form, of_nothing], body) is None
