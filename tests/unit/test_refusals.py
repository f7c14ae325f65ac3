"""Refused requests are kept without secrets, bounded, and come back as they were kept."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signed_requests import private_key, public_pem, unsigned
from tikisync.core import refusals
from tikisync.core.handlers import Handler, Refused
from tikisync.core.refusals import MAX_BODY, MAX_HEADER, Refusal
from tikisync.core.requests import Request
from tikisync.inbox.refusals import Refusals, stored

SHOP = Handler(1, "Shop", "hook", "hmac", "sha256", "X-Signature", "s3cret & more")
REFUSED = Refused("wrong_signature", "the detail", "Shop")


def kept(request: Request, *handlers: Handler) -> Refusal:
    return refusals.of(request, REFUSED, handlers or (SHOP,))


def test_a_refused_request_comes_back_as_it_was_kept() -> None:
    request = unsigned(b"\x00\xff{}", (b"x-signature", b"\xe9 1f"), query="a=b&c")
    refusal = kept(request)
    assert refusal == Refusal(request, REFUSED)
    assert refusals.read(refusals.written(refusal)) == refusal


@pytest.mark.parametrize("name", ["authorization", "cookie", "x-gitlab-token", "x-api-key", "proxy-authorization"])
def test_credentials_are_hidden(name: str) -> None:
    assert kept(unsigned(b"", (name.encode(), b"letmein"))).request.headers == ((name.encode(), b"(hidden)"),)


def test_a_handler_s_secret_is_hidden_wherever_it_stands() -> None:
    request = unsigned(
        b"", (b"x-any", b"is s3cret & more!"), query="a=s3cret%20%26%20more&s3cret+%26+more=1&token=x&token=&b"
    )
    request = replace(request, path="/webhooks/s3cret%20%26%20more", handler_name="s3cret & more")
    refusal = refusals.of(request, replace(REFUSED, detail="there is no handler 's3cret & more'"), [SHOP])
    assert (refusal.request.path, refusal.request.handler_name) == ("/webhooks/(hidden)", "(hidden)")
    assert refusal.refused.detail == "there is no handler '(hidden)'"
    assert refusal.request.headers == ((b"x-any", b"is (hidden)!"),)
    assert refusal.request.query == "a=(hidden)&(hidden)=1&token=(hidden)&token=&b"
    refusal = kept(unsigned(b'{"token": "s3cret & more"}'))
    assert (refusal.request.body, refusal.body_left_out) == (b"", "it holds the secret of a handler")


def test_a_secret_at_the_edge_of_what_is_cut_does_not_show_in_part() -> None:
    value = b"v" * (MAX_HEADER - 4) + b"s3cret & more"
    kept_value = kept(unsigned(b"", (b"x-a", value), query=value.decode())).request
    assert b"s3c" not in kept_value.headers[0][1]
    assert "s3c" not in kept_value.query


def test_public_and_empty_secrets_hide_nothing() -> None:
    pem = public_pem(private_key("ed25519"))
    handlers = replace(SHOP, secret=pem), replace(SHOP, secret=" ")
    assert kept(unsigned(pem.encode(), (b"x-a", b" ")), *handlers).request.body == pem.encode()


def test_what_is_large_is_cut_or_left_out() -> None:
    request = unsigned(bytes(MAX_BODY + 1), (b"n" * 300, b"v" * 2 * MAX_HEADER), query="q" * 2 * MAX_HEADER)
    refusal = kept(replace(request, path="/" * 2 * MAX_HEADER, handler_name="h" * 300))
    assert (refusal.request.body, refusal.body_left_out) == (b"", "it has 32769 bytes, and 32768 are kept")
    assert len(refusals.written(refusal)) < 3 * MAX_HEADER + 1500


def test_a_flood_of_one_kind_does_not_push_the_others_out() -> None:
    flood = [
        replace(kept(replace(unsigned(), received_at=n)), refused=Refused("no_signature_header", "")) for n in range(9)
    ]
    early = kept(replace(unsigned(), received_at=-1))
    assert refusals.newest([*flood, early], 3) == [early, *flood[-2:]]
    assert refusals.newest([*flood, early], 0) == []


@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(json.dumps))
def test_any_line_is_read_or_passed_over(line: str) -> None:
    assert refusals.read(line) is None


def test_a_line_that_lacks_something_is_passed_over() -> None:
    facts = json.loads(refusals.written(kept(unsigned())))
    assert refusals.read(json.dumps({**facts, "request": {**facts["request"], "more": 1}})) is None
    assert refusals.read(json.dumps({name: facts[name] for name in ("request", "refused")})) is None


def test_the_file_holds_the_last_ones_of_all_processes_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.refused"
    first, second = Refusals(path, 2), Refusals(path, 2)
    for number, process in enumerate((first, second, first)):
        process.note(replace(unsigned(), received_at=number), REFUSED, (SHOP,))
        process.write()
    assert [each.request.received_at for each in stored(path)] == [1, 2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["config.refused"]


def test_what_somebody_puts_in_the_file_s_way_is_neither_followed_nor_kept(tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.write_text("theirs")
    (tmp_path / f".kept.{os.getpid()}").symlink_to(others)
    (tmp_path / "kept").symlink_to(others)
    store = Refusals(tmp_path / "kept", 2)
    store.note(unsigned(), REFUSED, (SHOP,))
    store.write()
    assert others.read_text() == "theirs"
    assert not (tmp_path / "kept").is_symlink()
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o600


def test_of_a_flood_only_the_first_are_noted_until_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "config.refused"
    process = Refusals(path, 3)
    process.pause = 60
    for number in range(100):
        process.note(replace(unsigned(), received_at=number), REFUSED, ())
    process.write()
    assert [each.request.received_at for each in stored(path)] == [0, 1, 2]


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    process = Refusals(tmp_path / "none" / "config.refused", 3)
    for _ in range(2):
        process.note(unsigned(), REFUSED, ())
        process.write()
    assert [record.getMessage() for record in caplog.records] == ["refusals.not_kept"]
    assert stored(tmp_path / "none" / "config.refused") == []


def test_writing_when_nothing_is_new_changes_nothing(tmp_path: Path) -> None:
    process = Refusals(tmp_path / "config.refused", 3)
    process.note(unsigned(), REFUSED, ())
    process.write()
    process.write()
    assert len(stored(tmp_path / "config.refused")) == 1
