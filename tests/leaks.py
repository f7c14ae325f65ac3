"""A pytest plugin that fails a test in which a secret was shown: in a log, a page, a metric, an error, by a command.

Secrets are whatever the suite puts where tikisync keeps secrets (``HOLDERS``), for as long as the test lasts, and what
``secret`` is told of, for good. Shown is what is logged; what an in-process server answers (pages, metrics) and an HTTP
client reads; every error of ours; what is printed; and the logs and kept refusals in the test's folder. A secret is
found in other spellings too: encoded for an address, a page, JSON, or as base64 or hexadecimal, wherever it begins.
"""

from __future__ import annotations

import html
import json
import logging
from base64 import b64encode
from collections.abc import Callable, Generator, Iterator
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx2
import pytest
from sqlalchemy.engine import make_url
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tests import golden
from tikisync import errors, logs
from tikisync.config import DashboardSettings
from tikisync.core.handlers import Handler
from tikisync.core.login import Account
from tikisync.core.recipes.keys import is_public
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.refusals import read
from tikisync.database import Database
from tikisync.tiki.local_php import LocalPhp

HOLDERS: dict[type, Callable[[Any], list[str]]] = {
    Handler: lambda handler: [] if is_public(handler.secret) or _is_told(handler) else [handler.secret],
    Account: lambda account: [account.hash, account.totp_secret],
    LocalPhp: lambda local: [local.password],
    DashboardSettings: lambda settings: [settings.session_key],
    Recipe: lambda recipe: [recipe.verify_token],
    Database: lambda database: [make_url(database._url).password or ""],
}
LEAST_LENGTH, LEAST_VARIETY = 8, 5  # below that, a text may look like a secret by chance


class Watch:
    """The secrets there are, and what was shown since the last test."""

    def __init__(self) -> None:
        self.lasting = {row["secret"] for row in golden.fixture()["rows"]["tiki_webhooks"]}
        self.passing: set[str] = set()
        self.shown: list[tuple[str, str]] = []

    def show(self, where: str, text: str) -> None:
        """Note what somebody could read."""
        if text:
            self.shown.append((where, text))

    def keep(self, secret: str) -> None:
        """Note a secret until the end of the test."""
        if len(secret) >= LEAST_LENGTH and len(set(secret)) >= LEAST_VARIETY:
            self.passing.add(secret)

    def leaks(self) -> list[str]:
        """Say where a secret was shown, and begin anew."""
        shown, secrets = self.shown, self.lasting | self.passing
        self.shown, self.passing = [], set()
        together = "\0".join(text for _, text in shown)
        spelled = {spelling for secret in secrets for spelling in spellings(secret)} if together else set()
        found = [spelling for spelling in spelled if spelling in together]
        return [f"{where} shows {spelling!r}" for where, text in shown for spelling in found if spelling in text]


WATCH = Watch()


def secret(text: str) -> str:
    """Return a text, and from now on let no test show it."""
    WATCH.lasting.add(text)
    return text


def output(where: str, text: str) -> str:
    """Return a text that somebody could read, such as what a command printed, and look through it."""
    WATCH.show(where, text)
    return text


def spellings(secret: str) -> Iterator[str]:
    """Yield a secret as it may stand in a text."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield from (secret, html.escape(secret), quote(raw, safe=""), quote_plus(raw), raw.hex())
    yield from (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    for before, shared in ((0, 0), (1, 2), (2, 3)):  # bytes before it in base64, and characters that show them too
        text = b64encode(b"\0" * before + raw).decode()[shared:]
        yield text.rstrip("=")[:-1] if text.endswith("=") else text


def pytest_configure() -> None:
    """Watch what makes secrets and what shows anything."""
    for holder in HOLDERS:
        _after(holder, "__init__", _held)
    _after(errors.TikisyncError, "__init__", lambda error, *_: output("an error", f"{error.message} {error.hint}"))
    _after(logging.Logger, "handle", lambda _logger, _result, record: _logged(record))
    _after(RequestResponseCycle, "send", lambda _cycle, _result, message: _answered(message))
    _after(pytest.CaptureFixture, "readouterr", lambda _fixture, result: output("what was printed", "".join(result)))
    _after(httpx2.Client, "send", lambda _client, result, *_: output("an answer", result.text))


def _after(owner: type, name: str, look: Callable[..., object]) -> None:
    """Let ``look`` see object, result and arguments of a method after each call."""
    original = getattr(owner, name)

    @wraps(original)
    def watched(self: Any, *given: Any, **named: Any) -> Any:
        result = original(self, *given, **named)
        look(self, result, *given)
        return result

    setattr(owner, name, watched)


def _is_told(handler: Handler) -> bool:
    """Tell whether another column says the same, as where a test makes up all of them."""
    columns = (handler.name, handler.user, handler.verification, handler.algo, handler.signature_header)
    return any(handler.secret in column for column in columns)


def _held(holder: Any, *_: object) -> None:
    for each in HOLDERS[type(holder)](holder) if type(holder) in HOLDERS else ():
        WATCH.keep(each)


def _logged(record: logging.LogRecord) -> None:
    for formatter in (logs.TextFormatter(), logs.JsonFormatter()):
        output("the log", formatter.format(record))


def _answered(message: Any) -> None:
    headers = b"\n".join(b": ".join(each) for each in message.get("headers", []) if each[0].lower() != b"set-cookie")
    output("an answer", (headers + message.get("body", b"")).decode("utf-8", "replace"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test at its end where a secret was shown."""
    report = yield
    if call.when == "teardown":
        for title, text in report.sections:
            output(title, text)
        _look_into(getattr(item, "funcargs", {}).get("tmp_path"))
        if leaks := WATCH.leaks():
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} shows a secret:\n" + "\n".join(sorted(set(leaks))[:10])
    return report


def _look_into(folder: Path | None) -> None:
    for file in folder.rglob("*") if folder else ():
        if file.suffix == ".log" and file.is_file():
            output(file.name, file.read_text(errors="replace"))
        elif file.suffix == ".refused" and file.is_file():
            for line in file.read_text(errors="replace").splitlines():
                kept = read(line)
                output(file.name, line + (kept.request.body.decode("utf-8", "replace") if kept else ""))
