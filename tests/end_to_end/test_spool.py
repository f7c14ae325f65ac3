"""The real program with its database away: killed while it spools and while it drains, nothing is lost or doubled."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.databases import TikiDatabase
from tests.end_to_end.program import Service, free_port, run, running, until
from tests.end_to_end.test_commands import RULES
from tests.end_to_end.test_service import order, signed
from tests.spooling import opened, spooled
from tests.tcp_proxy import Proxy
from tikisync.database import Database
from tikisync.errors import PassingError

BOTH = 2  # processes that share the spool


@pytest.fixture
def proxy(tiki: TikiDatabase) -> Iterator[Proxy]:
    url = make_url(tiki.url)
    proxy = Proxy(url.host or "127.0.0.1", url.port or 3306)
    yield proxy
    proxy.cut()


@pytest.fixture
def configs(tiki: TikiDatabase, proxy: Proxy, tmp_path: Path) -> list[tuple[Path, int]]:
    """The configs of processes that receive for one site, and their ports."""
    url = make_url(tiki.url).set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    made = []
    for number in range(BOTH):
        path, port = tmp_path / f"config-{number}.ini", free_port()
        server = f"[server]\nport = {port}\nspool = spool\n[worker]\nenabled = {'no' if number else 'yes'}\n"
        path.write_text(f"[tiki]\nurl = {url}\n{server}{RULES}")
        made.append((path, port))
    return made


def numbers(database: Database) -> list[int]:
    with database.transaction() as tx:
        rows = tx.all("SELECT body FROM tikisync_deliveries ORDER BY delivery_id")
    return [int(json.loads(row["body"])["total"]) for row in rows]


def send(services: list[Service], stop: threading.Event, answered: list[int], item: int) -> None:
    """Send states of one item one after the other, each when the one before was answered, to whoever answers."""
    number = item * 100_000
    while not stop.is_set():
        body = order(item, total=number)
        for service in services:
            try:
                if service.post(body, signed(body)) == (200, "ok"):
                    answered.append(number)
                    break
            except PassingError:
                continue  # it was killed
        number += 1
        services = services[::-1]


def in_order(found: list[int], item: int) -> bool:
    own = [number for number in found if number // 100_000 == item]
    return own == sorted(own)


def test_what_killed_processes_had_spooled_is_stored_once_and_in_order_after_they_were_killed_while_draining_too(
    tiki: TikiDatabase, proxy: Proxy, configs: list[tuple[Path, int]], tmp_path: Path
) -> None:
    answered: list[list[int]] = [[] for _ in range(4)]
    stop = threading.Event()
    with ExitStack() as stack:
        services = [stack.enter_context(running("serve", *config)) for config in configs]
        senders = [
            threading.Thread(target=send, args=(services, stop, answered[item], item)) for item in range(len(answered))
        ]
        for sender in senders:
            sender.start()
        until(lambda: all(len(each) > 10 for each in answered), services[0].log)
        proxy.cut()
        before = [len(each) for each in answered]
        until(lambda: all(len(each) > had + 30 for each, had in zip(answered, before, strict=True)), services[1].log)
        services[0].process.kill()
        until(lambda: all(len(each) > had + 60 for each, had in zip(answered, before, strict=True)), services[1].log)
        services[1].process.kill()
        stop.set()
        for sender in senders:
            sender.join()
    assert opened(tmp_path / "spool").standing().waiting >= 240
    proxy.restore()
    stored = len(numbers(tiki))
    with running("serve", *configs[1]) as service:
        until(lambda: len(numbers(tiki)) > stored, service.log)
        service.process.kill()
        service.process.wait()
    with running("serve", *configs[1]) as service:
        until(lambda: not (tmp_path / "spool" / "waiting").exists(), service.log)
        assert service.stop() == 0
    found = numbers(tiki)
    assert len(found) == len(set(found))
    assert {number for each in answered for number in each} <= set(found)
    assert all(in_order(found, item) for item in range(len(answered)))
    assert list((tmp_path / "spool").iterdir()) == []


def test_two_processes_go_back_to_storing_directly_while_both_are_busy(
    tiki: TikiDatabase, proxy: Proxy, configs: list[tuple[Path, int]], tmp_path: Path
) -> None:
    answered: list[list[int]] = [[] for _ in range(4)]
    stop = threading.Event()
    with ExitStack() as stack:
        services = [stack.enter_context(running("serve", *config)) for config in configs]
        senders = [
            threading.Thread(target=send, args=(services, stop, answered[item], item)) for item in range(len(answered))
        ]
        for sender in senders:
            sender.start()
        until(lambda: all(len(each) > 10 for each in answered), services[0].log)
        for _ in range(3):
            proxy.cut()
            before = [len(each) for each in answered]
            until(lambda: all(len(each) > had + 20 for each, had in zip(answered, before, strict=True)))  # noqa: B023
            proxy.restore()
            until(lambda: not (tmp_path / "spool" / "waiting").exists(), services[0].log)
        stop.set()
        for sender in senders:
            sender.join()
        until(lambda: len(numbers(tiki)) >= sum(map(len, answered)), services[0].log)
        proxy.flows.clear()  # a database that hangs
        answers = [service.stop() for service in services]
        proxy.flows.set()
        assert answers == [0, 0]
    found = numbers(tiki)
    drains = sum(service.log.read_text().count("spool.drained") for service in services)
    assert drains < 10, "what lines up behind the last ones must not keep the spool in use"
    assert sorted(found) == sorted(number for each in answered for number in each)
    assert all(in_order(found, item) for item in range(len(answered)))


class TestCommands:
    @pytest.fixture
    def config(self, sqlite_tiki: Database, tmp_path: Path) -> Path:
        path = tmp_path / "config.ini"
        path.write_text(f"[tiki]\nurl = {sqlite_tiki.shown}\n{RULES}")
        spool = opened(tmp_path / "config.spool")
        spool.add([spooled(b"one"), spooled(b"two")])
        spool.finish(spool.oldest(1, 1), [spooled(b"one", reason="wrong_signature")])
        return path

    def test_what_waits_and_what_was_rejected_is_listed(self, config: Path) -> None:
        rows = json.loads(run("spool", "list", "-c", str(config), "--json").stdout)
        assert [(row["state"], row["bytes"], row["reason"], row["sender"]) for row in rows] == [
            ("waiting", 3, "", "192.0.2.7"),
            ("rejected", 3, "wrong_signature", "192.0.2.7"),
        ]
        shown = run("spool", "list", "-c", str(config)).stdout
        assert "2023-11-14 22:13:20" in shown
        assert "the detail" in shown

    def test_the_rejected_ones_wait_again_when_asked_to(self, config: Path) -> None:
        done = run("spool", "retry", "-c", str(config))
        assert (done.returncode, done.stdout) == (
            0, "1 rejected delivery will be verified again by the running service\n",
        )  # fmt: skip
        rows = json.loads(run("spool", "list", "-c", str(config), "--json").stdout)
        assert [row["state"] for row in rows] == ["waiting", "waiting"]

    def test_they_are_deleted_when_asked_to(self, config: Path) -> None:
        assert json.loads(run("spool", "discard", "-c", str(config), "--json").stdout) == {"deliveries": 1}
        assert run("spool", "discard", "-c", str(config)).stdout == "0 rejected deliveries deleted\n"

    def test_a_spool_that_is_off_has_nothing_to_list(self, config: Path) -> None:
        config.write_text(config.read_text() + "[server]\nspool = off\n")
        done = run("spool", "list", "-c", str(config))
        assert (done.returncode, "switched off" in done.stderr) == (2, True)
