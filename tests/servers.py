"""The MySQL or MariaDB server of the integration tests: the one named, one in Docker, or a private one.

``find`` tries, in this order: the URL in ``TIKISYNC_TEST_DATABASE_URL``; a container of ``TIKISYNC_TEST_IMAGE``
where a Docker engine answers; a ``mariadbd`` or ``mysqld`` of this machine, started in a temporary folder; the same
after installing Debian's packages, where that is allowed. What it started, ``Server.stop`` ends.
"""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pymysql
import pytest
from sqlalchemy.engine import URL, make_url

URL_VARIABLE = "TIKISYNC_TEST_DATABASE_URL"
IMAGE_VARIABLE = "TIKISYNC_TEST_IMAGE"
DEFAULT_IMAGE = "mysql:8.4"
PACKAGES = ("mariadb-server-core", "mariadb-client-core")
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin")  # not on every user's PATH


class NoServerError(Exception):
    """No server could be had; the message says what was missing."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: the URL of a user who may do everything, and how to end it."""

    url: URL
    origin: str
    stop: Callable[[], None]


def find(environ: Mapping[str, str], say: Callable[[str], None]) -> Server:
    """Return the first server that can be had, started if need be; ``say`` gets a line about what takes long.

    Raises NoServerError with a sentence that names what was missing.
    """
    if url := environ.get(URL_VARIABLE):
        return named(url)
    reasons: list[str] = []
    for way in (in_docker, on_this_machine, from_debian):
        try:
            return way(environ, say)
        except NoServerError as missing:
            if way is in_docker and environ.get(IMAGE_VARIABLE):
                raise
            reasons.append(str(missing))
    raise NoServerError(
        f"no MySQL or MariaDB server for the integration tests: {'; '.join(reasons)}. Install MariaDB "
        f"({' and '.join(PACKAGES)}) or Docker, or set {URL_VARIABLE} to a server whose user may create databases."
    )


def without(missing: Exception, environ: Mapping[str, str]) -> NoReturn:
    """Skip the test for a person, who may do without what is missing; fail it where CI runs, which may not."""
    if environ.get("CI") == "true":
        pytest.fail(str(missing), pytrace=False)
    pytest.skip(str(missing))


def named(url: str, *, patience: float = 30) -> Server:
    """Return the server somebody else runs at ``url``; a database named in it is left alone."""
    server = Server(make_url(url).set(drivername="mysql+pymysql", database=""), URL_VARIABLE, stop=lambda: None)
    connect(server.url, patience=patience).close()
    return server


def in_docker(environ: Mapping[str, str], say: Callable[[str], None]) -> Server:
    """Start a container of the image, where a Docker engine answers; the client alone does not count."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these packages' own
        if not _docker_answers():
            raise NoServerError("no Docker engine answers")
        from testcontainers.community.mysql import MySqlContainer

        image = environ.get(IMAGE_VARIABLE) or DEFAULT_IMAGE
        say(f"starting a container of {image}")
        container = MySqlContainer(image, dialect="pymysql", username="root", password=secrets.token_hex(8))
        try:
            container.start()
        except Exception as error:
            container.stop()
            raise NoServerError(f"Docker could not start {image} ({error})") from error
    url = make_url(container.get_connection_url()).set(database="")
    connect(url, patience=30).close()
    return Server(url, f"Docker image {image}", container.stop)


def on_this_machine(environ: Mapping[str, str], say: Callable[[str], None], *flags: str) -> Server:
    """Start a server program of this machine in a temporary folder, on a socket and a free loopback port.

    ``flags`` stand above those it gets otherwise.
    """
    folder = Path(tempfile.mkdtemp(prefix="tikisync-mysql-"))
    try:
        command = installed(environ, folder)
        return _started(command, folder, f"{command[0]}, started for the tests", flags)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def installed(environ: Mapping[str, str], folder: Path) -> list[str]:
    """Make the files of an empty server in a folder; return the command that runs it there, but for its address."""
    path = os.pathsep.join([environ.get("PATH", ""), *SERVER_FOLDERS])
    program = shutil.which("mariadbd", path=path) or shutil.which("mysqld", path=path)
    if not program:
        raise NoServerError("neither mariadbd nor mysqld is installed")
    (folder / "tmp").mkdir()  # servers that share one delete each other's temporary tables
    command = [program, "--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}/tmp"]
    command += ["--user=root"] if os.geteuid() == 0 else []
    if "MariaDB" in _output([program, "--version"]):
        install = shutil.which("mariadb-install-db", path=path) or "mysql_install_db"
        _output([install, "--auth-root-authentication-method=normal", "--skip-test-db", *command[1:]])
    else:
        _output([*command, "--initialize-insecure"])
    return command


def from_debian(environ: Mapping[str, str], say: Callable[[str], None]) -> Server:
    """Install MariaDB's server from Debian, as root, and start it."""
    say(f"installing {' and '.join(PACKAGES)} for the integration tests")
    install(environ, *PACKAGES)
    return on_this_machine(environ, say)


def install(environ: Mapping[str, str], *packages: str) -> None:
    """Install packages of Debian, as root, and start none of their services; raise NoServerError where that fails."""
    if os.geteuid() != 0 or not shutil.which("apt-get", path=environ.get("PATH")):
        raise NoServerError(f"{' and '.join(packages)} cannot be installed here, that takes root on Debian")
    quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # see invoke-rc.d(8)
    _output(["apt-get", "update", "-qq"], quiet)
    _output(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], quiet)


def connect(url: URL, *, patience: float = 0) -> pymysql.Connection[pymysql.cursors.DictCursor]:
    """Open a plain connection that commits each statement, trying for ``patience`` seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            return pymysql.connect(
                host=url.host or "localhost",
                port=url.port or 3306,
                user=url.username,
                password=url.password or "",
                database=url.database,
                charset="utf8mb4",
                autocommit=True,
                ssl_disabled=url.host in ("127.0.0.1", "localhost"),  # saves loading a CA bundle each time
                cursorclass=pymysql.cursors.DictCursor,
            )
        except pymysql.OperationalError as error:
            if time.monotonic() >= until:
                raise NoServerError(f"the server at {url.host}:{url.port} does not let us in ({error})") from error
            time.sleep(0.05)


def _docker_answers() -> bool:
    import docker

    try:
        client = docker.from_env()
        try:
            return bool(client.ping())
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        return False
    finally:
        gc.collect()  # docker leaves a socket behind where nobody answers; its warning is to be ignored with the others


def _started(command: list[str], folder: Path, origin: str, flags: Sequence[str]) -> Server:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []),  # ends with us, come what may
                *command,
                f"--socket={folder}/socket",
                f"--pid-file={folder}/pid",
                f"--port={port}",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
                "--loose-mysqlx=OFF",
                "--innodb-flush-log-at-trx-commit=0",  # nothing here has to outlive the machine
                "--innodb-buffer-pool-size=64M",
                *flags,
            ],
            stdout=log,
            stderr=log,
        )

    def stop() -> None:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)

    url = URL.create("mysql+pymysql", "root", host="127.0.0.1", port=port)
    try:
        connect(url, patience=30).close()
    except NoServerError as error:
        told = (folder / "log").read_text(errors="replace")[-500:]
        stop()
        raise NoServerError(f"{command[0]} did not start: {told}") from error
    return Server(url, origin, stop)


def _output(command: list[str], environ: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=600, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        told = str(getattr(error, "stderr", "") or error)
        raise NoServerError(f"{Path(command[0]).name} failed: {told.strip()[-500:]}") from error
    return done.stdout
