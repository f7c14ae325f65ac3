"""The watch over secrets: it finds each one that a test shows, and names the test."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import leaks

LEAKING = """
import base64, html, json, logging, sys, threading
from urllib.parse import quote
import httpx2, pytest
from starlette.responses import PlainTextResponse
from tests import leaks
from tikisync import errors, logs
from tikisync.core.handlers import Handler, Refused
from tikisync.core.refusals import Refusal, written
from tikisync.core.requests import Request
from tikisync.web import server

SECRET = 'p4ss & "wörd"'
log = logging.getLogger("tikisync.test")

@pytest.fixture(autouse=True)
def handler():
    return Handler(1, "Shop", "hook", "hmac", "sha256", "X-Signature", SECRET)

def test_message(): log.warning("delivery.refused %s", SECRET)
def test_fact(): logs.event(log, logging.WARNING, "delivery.refused", detail=f"with {SECRET}")
def test_traceback():
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("internal")
def test_printed(): print(SECRET)
def test_printed_to_errors(): print(SECRET, file=sys.stderr)
def test_printed_and_read(capsys):
    print(SECRET)
    capsys.readouterr()
def test_error():
    with pytest.raises(errors.SetupError):
        raise errors.SetupError("wrong", hint=f"try {SECRET}")
def test_config_problem():
    with pytest.raises(errors.ConfigError):
        raise errors.ConfigError("config.ini", [f"no such {SECRET}"])
def test_command(): leaks.output("tikisync check", json.dumps({"secret": SECRET}))
def test_log_of_a_program(tmp_path): (tmp_path / "serve.log").write_text(SECRET)
def test_kept_body(tmp_path):
    request = Request("POST", "/", "", (), f"x{SECRET}".encode(), 0, "")
    (tmp_path / "config.refused").write_text(written(Refusal(request, Refused("a", "b"))))
def test_page(): served(html.escape(SECRET), lambda url: httpx2.get(url))
def test_page_that_nobody_reads(): served(SECRET, lambda url: httpx2.get(url, headers={"x": "1"}))
def test_address(): leaks.output("a page", quote(SECRET, safe=""))
@pytest.mark.parametrize("before", ["", "1", "12", "123", "shop:"])
def test_base64(before): leaks.output("a log", base64.b64encode(f"{before}{SECRET} and more".encode()).decode())
def test_hexadecimal(): leaks.output("a log", SECRET.encode().hex())
def test_secret_of_the_recordings(): print("shop-secret")

def test_clean(capsys):
    logs.event(log, logging.WARNING, "delivery.refused", detail="password", secret="set")
    print("p4ss wörd", repr(Handler(1, "Shop", "hook", "hmac", "sha256", "X-Signature", SECRET)))
    served("nothing", lambda url: httpx2.get(url))

def served(text, ask):
    with server.listen("127.0.0.1", 0) as listener:
        async def application(scope, receive, send):
            if scope["type"] == "http":
                await PlainTextResponse(text)(scope, receive, send)
            else:
                for step in ("startup", "shutdown"):
                    await receive()
                    await send({"type": f"lifespan.{step}.complete"})
        running = server.Running(application, listener)
        running.wait_until_ready()
        ask(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        running.stop()
"""


def test_every_test_that_shows_a_secret_fails_by_name_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "test_shown.py"
    file.write_text(LEAKING)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.leaks",
        "-p",
        "no:cacheprovider",
        "-rE",
        "--show-capture=no",
        str(file),
    ]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    written = {line.split("(")[0].removeprefix("def ") for line in LEAKING.splitlines() if line.startswith("def test_")}
    failed = [line.split("::")[1].split("[")[0].split()[0] for line in lines if line.startswith("ERROR ")]
    assert set(failed) == written - {"test_clean"}, done.stdout
    assert failed.count("test_base64") == 5


@given(st.binary(max_size=8), st.binary(max_size=8), st.text(min_size=8, max_size=30))
def test_a_secret_is_found_wherever_it_stands_in_base64(before: bytes, after: bytes, secret: str) -> None:
    whole = b64encode(before + secret.encode("utf-8", "surrogatepass") + after).decode()
    assert any(spelling in whole for spelling in leaks.spellings(secret))


@pytest.mark.parametrize("secret", ["", "secret", "00000000", "aaaaaaaabbbb"])
def test_what_looks_like_a_secret_by_chance_only_is_none(secret: str) -> None:
    watch = leaks.Watch()
    watch.keep(secret)
    assert watch.passing == set()
