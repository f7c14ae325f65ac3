"""``tikisync serve`` and ``work`` as systemd starts them: with its socket, its credential, and word of READY=1."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.databases import TikiDatabase
from tests.end_to_end.program import PATIENCE, until
from tests.end_to_end.test_commands import RULES
from tests.end_to_end.test_service import order, signed
from tests.manual_pages import ROOT
from tikisync.cli.client import post
from tikisync.errors import SetupError
from tikisync.web import systemd

UNITS = ROOT / ".packaging" / "systemd"


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name, "utf-8")
    return parser


@pytest.fixture
def folder(tiki: TikiDatabase, tiki_url: str, tmp_path: Path) -> Path:
    """Stands for /etc/tikisync and the credentials' folder."""
    [name, _] = unit("tikisync.service")["Service"]["LoadCredential"].split(":")
    (tmp_path / name).write_text(f"{tiki_url}\n")
    own = "[server]\nspool = spool\n[door]\nrefused_file = refused\n"
    (tmp_path / "config.ini").write_text(f"[tiki]\nurl_file = {name}\n{own}{RULES}")
    return tmp_path


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd hears from its services."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(PATIENCE)
        yield heard


@contextmanager
def started(name: str, folder: Path, ear: socket.socket, listener: socket.socket | None = None) -> Iterator[None]:
    """Start a unit's command as systemd would, until it is ready; stop it, and hear that it stops."""
    command = shlex.split(unit(name)["Service"]["ExecStart"].replace("/etc/tikisync", str(folder)))
    number = listener.fileno() if listener else None
    handed = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{number} {number}<&-' if listener else 'exec "$@"'
    log = folder / "log"
    with log.open("a") as output:
        process = subprocess.Popen(
            ["bash", "-c", handed, "bash", sys.executable, "-m", "tikisync", *command[1:]],
            stdout=output, stderr=output, pass_fds=[number] if number else [],
            env={**os.environ, "CREDENTIALS_DIRECTORY": str(folder), "NOTIFY_SOCKET": ear.getsockname()},
        )  # fmt: skip
    try:
        assert ear.recv(100) == b"READY=1", log.read_text()
        yield
        process.terminate()
        assert ear.recv(100) == b"STOPPING=1", log.read_text()
        assert process.wait(PATIENCE) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_requests_wait_in_systemds_socket_while_the_service_restarts(
    folder: Path, tiki: TikiDatabase, ear: socket.socket
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/tiki-webhooks.php"
        for number in (1, 2):
            with socket.create_connection(listener.getsockname()) as waiting:  # nobody accepts it yet
                waiting.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                waiting.settimeout(PATIENCE)
                with started("tikisync.service", folder, ear, listener):
                    assert waiting.recv(100).startswith(b"HTTP/1.1 200")
                    assert post(url, order(number), signed(order(number))) == (200, "ok")


def test_a_worker_unit_applies_what_a_service_kept(folder: Path, tiki: TikiDatabase, ear: socket.socket) -> None:
    config = folder / "config.ini"
    config.write_text(config.read_text() + "[worker]\nenabled = no\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/tiki-webhooks.php"
        with started("tikisync.service", folder, ear, listener):
            assert post(url, order(1), signed(order(1))) == (200, "ok")
    with started("tikisync-work@.service", folder, ear):
        until(lambda: _done(tiki) == 1, folder / "log")


def test_a_socket_of_another_process_is_left_alone() -> None:
    assert systemd.inherited({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) is None
    assert systemd.inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"}) is None
    assert systemd.inherited({}) is None


def test_several_sockets_are_refused_with_a_way_out() -> None:
    with pytest.raises(SetupError, match="2 sockets") as raised:
        systemd.inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"})
    assert "ListenStream" in raised.value.hint


def test_nobody_who_listens_is_no_trouble(tmp_path: Path) -> None:
    systemd.notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0tikisync-test-{os.getpid()}")
        systemd.notify("READY=1", {"NOTIFY_SOCKET": f"@tikisync-test-{os.getpid()}"})
        assert heard.recv(100) == b"READY=1"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", sorted(path.name for path in UNITS.iterdir()))
def test_systemd_finds_no_fault_with_the_units_and_little_exposure(tmp_path: Path, name: str) -> None:
    for path in UNITS.iterdir():
        text = path.read_text("utf-8").replace("/opt/tikisync/bin/tikisync", "/bin/true")
        (tmp_path / path.name).write_text(text)
    there = str(tmp_path / name.replace("@", "@1"))
    if there != str(tmp_path / name):
        (tmp_path / name).rename(there)
    verified = subprocess.run(["systemd-analyze", "verify", there], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    if name.endswith(".service"):
        subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=15", there], capture_output=True, check=True
        )


def _done(tiki: TikiDatabase) -> int:
    with tiki.admin.transaction() as tx:
        return int(tx.value("SELECT COUNT(*) FROM tikisync_deliveries WHERE status = 'done'") or 0)
