"""The README as a newcomer follows it: its blocks of commands and its five steps, typed as they stand there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy.engine import make_url

from tests import golden, manual_pages, tiki_tables
from tests.databases import ServerAdmin, TikiDatabase
from tests.end_to_end.program import PATIENCE, Service, free_port, until
from tests.manual_pages import README, ROOT
from tikisync.database import Database

ORDER = {"id": "A-1", "total_price": "36.00", "currency": "EUR", "created_at": "2024-05-01T12:00:00+02:00"}
SECRET = b"shop-secret"  # of the recorded Tiki's handler Shop


def sh(commands: str, folder: Path, expected: int = 0) -> str:
    """Type commands into a shell, with the command where the README says that the demo installs it."""
    done = subprocess.run(
        ["bash", "-ec", f'PATH=$PWD/.venv/bin:$PATH COLUMNS=200 NO_COLOR=1\n{commands}'],
        cwd=folder, capture_output=True, text=True, timeout=4 * PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the README's first block makes, after the demo has run.

    scripts/setup and pip run for real, but find the dependencies in the tests' own environment, so it takes seconds.
    """
    folder = tmp_path_factory.mktemp("newcomer")
    [block] = [each for each in manual_pages.code(README, "console") if each.startswith("git clone")]
    first, demo = block.replace("<this repository>", str(ROOT)).splitlines()
    made = Path(sh(f"{first}\npwd", folder).strip())
    for name in sh(
        "git ls-files --cached --others --exclude-standard", ROOT
    ).splitlines():  # also what is not committed
        if (ROOT / name).is_file():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, made / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made / ".venv"], check=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(made / ".venv")})
    Path(packages, "tests.pth").write_text(sysconfig.get_path("purelib"))
    assert "created item 1 of tracker Orders" in sh(demo, made)
    return made


@pytest.fixture(scope="module")
def tiki(server_admin: ServerAdmin) -> Iterator[TikiDatabase]:
    """A Tiki with one handler, Shop, and nothing of tikisync's."""
    url = server_admin.create_database()
    database = TikiDatabase(url)
    with database.transaction() as tx:
        tiki_tables.create(tx)
        golden.load(tx, golden.fixture()["rows"])
        tx.delete("tiki_webhooks", {"name": ["Forge", "Bank", "Forge two"]})
    yield database
    database.close()
    server_admin.drop_database(url)


@pytest.fixture(scope="module")
def service(clone: Path, tiki: TikiDatabase) -> Iterator[Service]:
    """What the five steps start."""
    account = make_url(tiki.url)
    (clone / "db").mkdir()
    (clone / "db" / "local.php").write_text(
        f"<?php\n$db_tiki='mysql';\n$host_tiki='{account.host};port={account.port or 3306}';\n"
        f"$user_tiki='{account.username}';\n$pass_tiki='{account.password or ''}';\n$dbs_tiki='{account.database}';\n"
        "$client_charset='utf8mb4';\n"
    )
    steps = re.findall(r"^[1-5]\. (.*)", README.read_text("utf-8"), re.MULTILINE)
    init, check, serve = (manual_pages.words(steps[step])[0] for step in (1, 3, 4))
    (clone / "tiki-index.php").touch()
    config, port = clone / "config.ini", free_port()
    assert "tables of the inbox made" in sh(f"{init} --yes --port {port}", clone, 1)  # there is no rule yet, it says
    [rule] = manual_pages.code(README, "ini")
    config.write_text(config.read_text().partition("; [rule first]")[0] + rule)
    assert "webhooks can arrive" in sh(check, clone)
    log = clone / "serve.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec .venv/bin/{serve}"], cwd=clone, stdout=output, stderr=output, text=True
        )
    found = Service(process, port, log)
    until(lambda: _is_ready(found) or process.poll() is not None, log)
    yield found
    assert found.stop() == 0


def signed(body: bytes, topic: str = "orders/create") -> dict[str, str]:
    digest = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256)).decode()
    return {"X-Shop-Signature": digest, "X-Shopify-Topic": topic, "Content-Type": "application/json"}


def test_the_five_steps_lead_to_the_first_item_and_the_five_commands_tell_of_it(
    clone: Path, tiki: TikiDatabase, service: Service
) -> None:
    body = json.dumps(ORDER).encode()
    assert service.post(body, signed(body)) == (200, "ok")
    until(lambda: _orders(tiki), service.log)
    table = README.read_text("utf-8").partition("| command | does |")[2].partition("\n\n")[0]
    check, attempt, tail, _, replay = (manual_pages.words(line)[0] for line in table.splitlines()[2:])

    (clone / "order.json").write_bytes(body)
    tried = sh(f"{attempt} -H 'X-Shopify-Topic: orders/create'", clone)
    assert "would be" in tried
    assert "Nothing was written." in tried
    assert "12" in replay
    assert "1 of 1 delivery will be applied again" in sh(replay.replace("12", "1"), clone)
    with subprocess.Popen(
        ["bash", "-c", f"exec .venv/bin/{tail}"], cwd=clone, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        seen = following.stdout.readline()
        following.send_signal(signal.SIGINT)
    assert ("received" in seen, following.returncode) == (True, 0)
    assert "webhooks can arrive" in sh(check, clone)


def test_a_refused_request_is_explained_as_the_readme_shows(clone: Path, service: Service) -> None:
    [block] = [each for each in manual_pages.code(README, "console") if "doctor" in each]
    command, _, *shown = block.splitlines()
    body = json.dumps(ORDER).encode()
    digest = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256)).decode()
    assert service.post(body, {"Typeform-Signature": f"sha256={digest}"})[0] == 403
    kept = clone / "config.refused"
    until(lambda: kept.exists() and "typeform" in kept.read_text(), service.log)

    told = sh(command.removeprefix("$ "), clone, expected=1).splitlines()

    assert re.match(
        r"refused at .* UTC: no_signature_header, none of the handlers' signature headers was sent: ", told[0]
    )
    assert told[1:] == shown


def _is_ready(service: Service) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{service.port}/readyz").is_success
    except httpx2.TransportError:
        return False


def _orders(database: Database) -> int:
    with database.transaction() as tx:
        return int(tx.value("SELECT COUNT(*) FROM tiki_tracker_item_fields WHERE value = 'A-1'") or 0)
