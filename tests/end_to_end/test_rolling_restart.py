"""Two ``serve`` behind nginx are restarted one after the other, and no request fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.chaos.processes import Program
from tests.chaos.sender import Sender
from tests.chaos.site import RULES
from tests.databases import TikiDatabase
from tests.end_to_end.program import free_port, until
from tikisync.cli.client import post
from tikisync.errors import PassingError

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream tikisync {{ server 127.0.0.1:{first} max_fails=0; server 127.0.0.1:{second} max_fails=0; }}
    server {{
        listen 127.0.0.1:{port};
        location = /tiki-webhooks.php {{
            proxy_pass http://tikisync;
            proxy_next_upstream error timeout http_503 non_idempotent;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""


@pytest.fixture
def services(tiki: TikiDatabase, tmp_path: Path) -> Iterator[dict[int, Program]]:
    """Two running ``serve`` by their ports."""
    started = {}
    for port in (free_port(), free_port()):
        config = tmp_path / f"{port}.ini"
        config.write_text(f"[tiki]\nurl = {tiki.url}\n\n[server]\nport = {port}\n{RULES}")
        started[port] = Program("serve", config)
        started[port].start()
    yield started
    for service in started.values():
        service.kill()


@pytest.fixture
def proxy(services: dict[int, Program], tmp_path: Path) -> Iterator[str]:
    """The address of an nginx before them."""
    path = os.pathsep.join([os.environ["PATH"], *servers.SERVER_FOLDERS])
    try:
        if not shutil.which("nginx", path=path):
            servers.install(os.environ, "nginx-light")
    except servers.NoServerError as missing:
        servers.without(missing, os.environ)
    port, (first, second) = free_port(), services
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(folder=tmp_path, first=first, second=second, port=port))
    with subprocess.Popen([str(shutil.which("nginx", path=path)), "-e", tmp_path / "nginx.log", "-c", config]) as nginx:
        yield f"http://127.0.0.1:{port}/tiki-webhooks.php"
        nginx.terminate()


def answers(url: str) -> bool:
    try:
        return post(url, b"", {})[0] == 403
    except PassingError:
        return False


def test_no_request_fails_while_each_service_is_restarted(
    services: dict[int, Program], proxy: str, tiki: TikiDatabase
) -> None:
    addresses = {port: f"http://127.0.0.1:{port}/tiki-webhooks.php" for port in services}
    until(lambda: all(map(answers, [*addresses.values(), proxy])))
    sender = Sender([proxy], seed=1, rate=200)
    sender.start()

    for port, service in services.items():
        answered = sender.counts["answered"]
        until(lambda: sender.counts["answered"] > answered + 20)  # noqa: B023
        assert service.stop() == 0
        until(lambda: sender.counts["answered"] > answered + 40)  # noqa: B023
        service.start()
        until(lambda: answers(addresses[port]))  # noqa: B023
    sender.stop()
    until(lambda: not sender.is_sending)

    assert (sender.counts["retried"], sender.wrong) == (0, [])
    with tiki.transaction() as tx:
        assert tx.value("SELECT COUNT(*) FROM tikisync_deliveries") == sender.counts["answered"]
