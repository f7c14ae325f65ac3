"""The web endpoint over HTTP: a real server, a real database, real sockets."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import httpx2
import pytest

from tests.benchmarks.endpoints import listens
from tests.end_to_end.program import free_port, until
from tests.integration.test_receive import BODY, CountingDatabase, handler, stored
from tikisync.config import DoorSettings, HandlerSettings, ServerSettings
from tikisync.core.verification import sign
from tikisync.database import Database, Transaction
from tikisync.errors import PassingError, SetupError
from tikisync.pipeline.overview import unready
from tikisync.pipeline.receive import Receiver
from tikisync.web import application, server
from tikisync.web.protocol import BoundedProtocol

LIMIT = 100_000


class Site:
    """A running service and how to speak to it."""

    def __init__(self, database: Database, port: int) -> None:
        self.database = database
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.signature = sign(handler(database), BODY)

    def post(self, path: str = "/tiki-webhooks.php", content: bytes | Iterator[bytes] = BODY) -> tuple[int, str]:
        answer = httpx2.post(self.url + path, content=content, headers={"X-Signature": self.signature})
        return answer.status_code, answer.text

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def request(self, body: bytes = BODY, signature: str = "") -> bytes:
        head = f"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\nX-Signature: {signature or self.signature}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def raw(self, *packets: bytes) -> bytes:
        """Send packets over one connection and return all that comes back until it is closed."""
        with self.connect() as connection:
            for packet in packets:
                connection.sendall(packet)
            return everything(connection)


def everything(connection: socket.socket) -> bytes:
    received = b""
    try:
        while packet := connection.recv(65536):
            received += packet
    except ConnectionResetError:  # we had sent more than was read
        pass
    return received


def one_answer(connection: socket.socket) -> bytes:
    """Return what comes back up to the end of one answer's head and short body."""
    received = b""
    while b"\r\n\r\n" not in received or not received.partition(b"\r\n\r\n")[2]:
        packet = connection.recv(65536)
        assert packet, received
        received += packet
    return received


@contextmanager
def served(
    database: Database | Receiver,
    problems: Callable[[], Sequence[str]] = list,
    stored: Callable[[], object] = list,
    handlers: Mapping[str, HandlerSettings] = MappingProxyType({}),
    door: DoorSettings | None = None,
) -> Iterator[int]:
    settings = ServerSettings(body_limit=LIMIT)
    receiver = database if isinstance(database, Receiver) else Receiver(database, handlers, {})
    web = application.create(receiver, settings, door=door, ready=problems, stored=stored)
    with server.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        running = server.Running(web, listener)
        try:
            running.wait_until_ready()
            yield port
        finally:
            running.stop()


@pytest.fixture
def site(sqlite_tiki: Database) -> Iterator[Site]:
    with served(sqlite_tiki) as port:
        yield Site(sqlite_tiki, port)


@pytest.fixture
def site_on_a_server(tiki: Database) -> Iterator[Site]:
    with served(tiki) as port:
        yield Site(tiki, port)


def test_a_signed_webhook_is_kept_before_it_is_answered(site_on_a_server: Site) -> None:
    assert site_on_a_server.post() == (200, "ok")
    [kept] = stored(site_on_a_server.database)
    assert (kept.handler, kept.user, kept.body, kept.client_ip) == ("Forge", "second", BODY, "127.0.0.1")
    assert kept.path == "/tiki-webhooks.php"
    assert ("x-signature", site_on_a_server.signature) in kept.headers


def test_a_path_may_name_the_only_handler_to_be_tried(site: Site) -> None:
    with site.database.transaction() as tx:
        tx.run("UPDATE tiki_webhooks SET name = 'Früh/Spät' WHERE name = 'Forge'")
    assert site.post("/webhooks/Fr%C3%BCh%2FSp%C3%A4t?source=1") == (200, "ok")
    [kept] = stored(site.database)
    assert (kept.path, kept.query) == ("/webhooks/Früh/Spät", "source=1")
    for other in ("/webhooks/Shop", "/webhooks/nobody", "/webhooks/fr%C3%BCh%2FSp%C3%A4t", "/webhooks/%ff"):
        assert site.post(other) == (403, "Webhook not authorized.")


def test_refusals_are_worded_as_tikis(site: Site) -> None:
    assert site.post(content=b"altered") == (403, "Webhook not authorized.")
    with site.database.transaction() as tx:
        tx.run("UPDATE tiki_preferences SET value = 'n' WHERE name = 'auth_webhooks'")
    assert site.post() == (403, "Feature not enabled")
    assert stored(site.database) == []


def test_whoever_waits_for_deliveries_is_told_of_stored_ones_only(sqlite_tiki: Database) -> None:
    told: list[str] = []
    with served(sqlite_tiki, stored=lambda: told.append("stored")) as port:
        site = Site(sqlite_tiki, port)
        site.post(content=b"altered")
        assert told == []
        site.post()
        assert told == ["stored"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/tiki-webhooks.php", 405), ("PUT", "/webhooks/Forge", 405), ("HEAD", "/tiki-webhooks.php", 405),
        ("GET", "/", 404), ("POST", "/", 404), ("POST", "/webhooks/", 404), ("POST", "/tiki-webhooks.php/x", 404),
        ("POST", "/healthz", 405), ("GET", "/healthz", 200),
    ],
)  # fmt: skip
def test_other_methods_and_paths_are_refused(site: Site, method: str, path: str, status: int) -> None:
    answer = httpx2.request(method, site.url + path)
    assert answer.status_code == status
    assert status != 405 or answer.headers["allow"]
    assert "server" not in answer.headers


class TestGroupCommit:
    def test_requests_that_wait_together_share_a_transaction(self, sqlite_tiki: Database) -> None:
        entered, gate = threading.Event(), threading.Event()

        class HeldUp(CountingDatabase):
            @contextmanager
            def transaction(self) -> Iterator[Transaction]:
                with super().transaction() as tx:
                    entered.set()
                    assert gate.wait(20)
                    yield tx

        database = HeldUp(sqlite_tiki._url)
        with closing(database), served(database) as port:
            site = Site(sqlite_tiki, port)
            bodies = [b"%d" % number for number in range(20)]
            requests = [site.request(body, sign(handler(sqlite_tiki), body)) for body in bodies]
            requests[1] = site.request(b"1", "forged")
            connections = [site.connect() for _ in range(21)]
            for connection in connections:  # the server knows them all from here on
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                assert one_answer(connection).endswith(b"ok")
            connections[0].sendall(site.request())
            assert entered.wait(20)
            for connection, request in zip(connections[1:], requests, strict=True):
                connection.sendall(request)
            assert httpx2.get(site.url + "/healthz").text == "ok"  # so it has read all that was sent before
            gate.set()
            answers = [one_answer(connection).rpartition(b"\r\n\r\n")[2] for connection in connections]
            for connection in connections:
                connection.close()
        assert answers == [b"ok", b"ok", b"Webhook not authorized.", *[b"ok"] * 18]
        assert len(stored(sqlite_tiki)) == 20
        assert database.transactions in (2, 3)  # those that waited went in one, or what came after enough in another

    def test_many_senders_at_once_are_all_served(self, site_on_a_server: Site) -> None:
        bodies = [b"%d" % number for number in range(200)]
        signatures = [sign(handler(site_on_a_server.database), body) for body in bodies]

        def send(share: slice, answers: list[bytes]) -> None:
            with site_on_a_server.connect() as connection:
                for body, signature in zip(bodies[share], signatures[share], strict=True):
                    connection.sendall(site_on_a_server.request(body, signature))
                    answers.append(one_answer(connection)[-6:])

        answers: list[bytes] = []
        senders = [threading.Thread(target=send, args=(slice(at, at + 10), answers)) for at in range(0, 200, 10)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert answers == [b"\r\n\r\nok"] * 200
        assert sorted(each.body for each in stored(site_on_a_server.database)) == sorted(bodies)


class TestBounds:
    def test_a_body_at_the_limit_is_taken_and_one_over_it_refused(self, site: Site) -> None:
        assert site.post(content=b"x" * LIMIT)[0] == 403  # read whole, then found to be unsigned
        assert site.post(content=b"x" * (LIMIT + 1)) == (413, "The body is too large.")

    def test_a_large_body_that_is_declared_is_refused_before_it_comes(self, site: Site) -> None:
        with site.connect() as connection:
            connection.sendall(b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
            assert one_answer(connection).startswith(b"HTTP/1.1 413 ")

    def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(self, site: Site) -> None:
        with site.connect() as connection:
            connection.sendall(b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(LIMIT // 10_000 + 1):
                connection.sendall(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
            assert one_answer(connection).startswith(b"HTTP/1.1 413 ")  # although the body has not ended

    def test_a_chunked_body_is_verified_like_any_other(self, site: Site) -> None:
        assert site.post(content=iter([BODY[:3], BODY[3:]])) == (200, "ok")

    def test_a_sender_that_first_sends_its_whole_large_body_still_reads_the_refusal(self, site: Site) -> None:
        assert site.post(content=(b"x" * 65536 for _ in range(100))) == (413, "The body is too large.")

    def test_too_many_headers_are_refused(self, site: Site) -> None:
        many = b"".join(b"X-%d: 1\r\n" % number for number in range(5_000))
        answer = site.raw(b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\n" + many + b"Content-Length: 0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")

    def test_a_head_without_end_is_cut_off(self, site: Site) -> None:
        with pytest.raises((ConnectionResetError, BrokenPipeError)), site.connect() as connection:
            connection.sendall(b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\nX: ")
            while True:
                connection.sendall(b"x" * 65536)

    def test_trailers_are_neither_headers_nor_without_end(self, site: Site) -> None:
        chunked = b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
        with site.connect() as connection:
            connection.sendall(chunked + chunk + f"X-Signature: {site.signature}\r\n\r\n".encode())
            assert b"403 Forbidden" in one_answer(connection)
        with pytest.raises((ConnectionResetError, BrokenPipeError)), site.connect() as connection:
            connection.sendall(chunked + chunk)
            while True:
                connection.sendall(b"X: " + b"x" * 65536 + b"\r\n")

    @pytest.mark.parametrize(
        "beginning",
        [
            b"",
            b"POST /tiki-webhooks.php HTTP/1.1\r\nHost:",
            b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n123",
        ],
    )
    def test_a_connection_whose_request_does_not_end_is_closed(
        self, site: Site, beginning: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BoundedProtocol, "patience", 0.2)
        assert site.raw(beginning) == b""
        first_a_whole_one = site.raw(site.request() + beginning) if beginning else b""
        assert first_a_whole_one == b"" or first_a_whole_one.endswith(b"\r\n\r\nok")
        assert site.post() == (200, "ok")
        assert [each.body for each in stored(site.database)] == [BODY]

    def test_a_slow_sender_that_comes_to_its_end_is_served(self, site: Site) -> None:
        with site.connect() as connection:
            for byte in site.request():
                connection.sendall(bytes([byte]))
            assert one_answer(connection).endswith(b"ok")

    @pytest.mark.parametrize(
        "nonsense", [b"\x16\x03\x01\x02\x00\x01", b"nonsense\r\n\r\n", b"POST /\xff HTTP/1.1\r\n\r\n", b"\0" * 5_000]
    )
    def test_what_is_no_http_is_refused_and_harms_nobody(self, site: Site, nonsense: bytes) -> None:
        assert site.raw(nonsense).startswith(b"HTTP/1.1 400 ")
        assert site.post() == (200, "ok")

    def test_requests_sent_in_one_packet_are_answered_one_after_the_other(self, site: Site) -> None:
        with site.connect() as connection:
            connection.sendall(site.request() + site.request(b"altered"))
            answers = one_answer(connection)
            while answers.count(b"HTTP/1.1") < 2 or not answers.endswith(b"."):
                answers += connection.recv(65536)
        assert answers.index(b"200 OK") < answers.index(b"403 Forbidden")

    def test_more_requests_ahead_of_their_answers_than_anybody_needs_are_not_gathered(self, site: Site) -> None:
        answers = site.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000)
        assert answers.count(b"200 OK") <= BoundedProtocol.most_ahead + 1
        assert site.post() == (200, "ok")

    def test_whoever_has_kept_us_waiting_longest_makes_room(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(BoundedProtocol, "most_connections", 16)
        with ExitStack() as stack:
            waiting = [stack.enter_context(site.connect()) for _ in range(40)]
            for number, connection in enumerate(waiting):
                with suppress(ConnectionError):  # closed already
                    connection.sendall(b"GET /healthz HTTP/1.1\r\n" + b"Host: x\r\n\r\n" * (number % 2))
            assert [site.post(content=b"%d" % number)[0] for number in range(20)] == [403] * 20
            assert site.post() == (200, "ok")
            assert everything(waiting[0]) == b""
            waiting[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert one_answer(waiting[-1]).endswith(b"ok")

    @pytest.mark.parametrize(
        "framing",
        [
            b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
            b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5\r\nContent-Length: 5",
            b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length: 0x5", b"Content-Length: " + b"9" * 30,
            b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked, identity",
            b"X: folded\r\n Transfer-Encoding: chunked", b"Content-Length: 5\nTransfer-Encoding: chunked",
        ],
    )  # fmt: skip
    def test_a_request_whose_end_can_be_read_in_two_ways_is_refused(self, site: Site, framing: bytes) -> None:
        head = b"POST /tiki-webhooks.php HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n"
        answers = site.raw(head + b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answers.startswith(b"HTTP/1.1 400 ")
        assert answers.count(b"HTTP/1.1") == 1

    @pytest.mark.parametrize("packet", [40, -len(BODY), -1])
    def test_a_wish_for_another_protocol_is_passed_over(self, site: Site, packet: int) -> None:
        wish = b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
        request = site.request().replace(b"Host: x\r\n", wish)
        with site.connect() as connection:
            for _ in range(2):
                connection.sendall(request[:packet])
                connection.sendall(request[packet:])
                assert one_answer(connection).endswith(b"\r\n\r\nok")

    @pytest.mark.parametrize(
        "head",
        [b"CONNECT x:80", b"GET /healthz HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade" + b"\r\nX: 1" * 200],
    )
    def test_what_could_only_be_another_protocol_is_refused(self, site: Site, head: bytes) -> None:
        request = head if b"HTTP" in head else head + b" HTTP/1.1\r\nHost: x"
        assert site.raw(request + b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")

    def test_a_sender_that_does_not_wait_for_the_answer_harms_nobody(self, site: Site) -> None:
        for _ in range(20):
            with site.connect() as connection:
                connection.sendall(site.request())
        assert site.post() == (200, "ok")


class TestHealth:
    def test_alive_and_ready(self, sqlite_tiki: Database) -> None:
        with served(sqlite_tiki, lambda: unready(sqlite_tiki)) as port:
            answers = [httpx2.get(f"http://127.0.0.1:{port}{path}") for path in ("/healthz", "/readyz")]
        assert [(answer.status_code, answer.text) for answer in answers] == [(200, "ok"), (200, "ready")]

    def test_without_our_tables_it_is_alive_but_not_ready_and_only_the_log_says_why(
        self, sqlite_tiki: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        with sqlite_tiki.transaction() as tx:
            tx.run("DROP TABLE tikisync_schema")
        with served(sqlite_tiki, lambda: unready(sqlite_tiki)) as port:
            answers = [httpx2.get(f"http://127.0.0.1:{port}{path}") for path in ("/healthz", "/readyz")]
        assert [(answer.status_code, answer.text) for answer in answers] == [(200, "ok"), (503, "not ready")]
        assert "tikisync setup" in repr([vars(record) for record in caplog.records])

    def test_with_the_database_away_it_is_not_ready(self, sqlite_tiki: Database) -> None:
        def away() -> Sequence[str]:
            raise PassingError("the database is away")

        with served(sqlite_tiki, away) as port:
            answer = httpx2.get(f"http://127.0.0.1:{port}/readyz")
        assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "not ready", "15")

    def test_however_often_strangers_ask_the_database_is_asked_once_in_a_while(self, sqlite_tiki: Database) -> None:
        asked: list[float] = []

        def problems() -> Sequence[str]:
            asked.append(time.monotonic())
            return []

        with served(sqlite_tiki, problems) as port, httpx2.Client() as client:
            for _ in range(30):
                client.get(f"http://127.0.0.1:{port}/readyz")
        assert all(later - earlier > 1 for earlier, later in pairwise(asked))
        assert len(asked) < 30


def test_with_the_database_away_senders_are_told_when_to_come_back(sqlite_tiki: Database) -> None:
    with closing(Database("mysql+pymysql://nobody@127.0.0.1:1/tiki")) as away, served(away) as port:
        answer = httpx2.post(f"http://127.0.0.1:{port}/tiki-webhooks.php", content=BODY)
    assert (answer.status_code, answer.text) == (503, "Temporarily unavailable.")
    assert answer.headers["retry-after"] == "15"


def test_an_address_that_is_taken_is_a_set_up_error_with_a_way_out() -> None:
    with server.listen("127.0.0.1", 0) as taken, pytest.raises(SetupError, match="cannot listen") as caught:
        server.listen("127.0.0.1", taken.getsockname()[1])
    assert "[server]" in caught.value.hint
    with pytest.raises(SetupError, match=r"no\.such\.host"):
        server.listen("no.such.host.invalid", 0)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_it_listens_on_ipv6() -> None:
    with server.listen("::1", 0) as listener:
        assert listener.family == socket.AF_INET6


def test_a_server_that_cannot_start_says_so() -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise RuntimeError

    with server.listen("127.0.0.1", 0) as listener, pytest.raises(SetupError, match="did not start"):
        server.Running(broken, listener).wait_until_ready(0.2)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_has_begun_accepts_nothing_new_and_ends_well(
    sqlite_tiki: Database, told: signal.Signals, tmp_path: Path
) -> None:
    config, port = tmp_path / "config.ini", free_port()
    config.write_text(f"[tiki]\nurl = {sqlite_tiki._url}\n[server]\nport = {port}\n[worker]\nenabled = no\n")
    command = [sys.executable, "-m", "tikisync", "serve", "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        site = Site(sqlite_tiki, port)
        until(lambda: process.poll() is not None or listens(port))
        with site.connect() as connection:
            connection.sendall(site.request()[:-3])
            assert site.post(content=b"altered")[0] == 403  # so the one before has begun
            process.send_signal(told)
            with pytest.raises(OSError):
                while True:
                    site.connect().close()
                    time.sleep(0.01)
            connection.sendall(site.request()[-3:])
            assert one_answer(connection).endswith(b"ok")
        started = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - started < 10
        assert "Traceback" not in process.stderr.read()
    assert [each.body for each in stored(sqlite_tiki)] == [BODY]


def test_the_log_of_the_server_has_no_line_for_each_request(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site.post()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []
