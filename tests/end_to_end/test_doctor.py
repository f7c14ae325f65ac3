"""``tikisync doctor`` and ``tikisync learn``, as an admin types them when a sender is refused."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from pathlib import Path

import pytest

from tests.end_to_end.program import free_port, run, running, until
from tikisync.config import load
from tikisync.database import Database

BODY = b"""{"event_type": "form_response", "id": "A-7", "total": 12.5, "currency": "EUR",
 "updated_at": "2026-11-24T06:30:00Z"}"""
SECRET = b"shop-secret"
TYPEFORM = "sha256=" + b64encode(hmac.digest(SECRET, BODY, "sha256")).decode()
GITHUB = "sha256=" + hmac.new(SECRET, BODY, hashlib.sha256).hexdigest()


@pytest.fixture
def config(sqlite_tiki: Database, tmp_path: Path) -> Path:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {sqlite_tiki.shown}\n\n[server]\nport = {free_port()}\n")
    return path


def captured(folder: Path, *headers: str, body: bytes = BODY) -> Path:
    path = folder / "request.http"
    lines = ("POST /tiki-webhooks.php HTTP/1.1", "Content-Type: application/json", *headers)
    path.write_bytes("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return path


def test_a_refused_request_is_kept_by_the_service_and_the_doctor_says_what_would_accept_it(config: Path) -> None:
    port = load(config).server.port
    with running("serve", config, port) as service:
        headers = {"Content-Type": "application/json", "Typeform-Signature": TYPEFORM, "X-Token": "letmein"}
        assert service.post(BODY, headers) == (403, "Webhook not authorized.")
        until(lambda: "Typeform" in run("doctor", "--last", "-c", str(config)).stdout, service.log)
        listed = json.loads(run("doctor", "--json", "-c", str(config)).stdout)
        told = run("doctor", "--last", "-c", str(config))
        assert service.stop() == 0
    assert listed[0]["reason"] == "no_signature_header"
    assert told.returncode == 1
    assert "this verifies as Typeform with the secret of handler Shop" in told.stdout
    assert "[handler Shop]\n    recipe = typeform" in told.stdout
    assert "letmein" not in config.with_suffix(".refused").read_text()
    assert "shop-secret" not in told.stdout

    config.write_text(config.read_text() + "[handler Shop]\nrecipe = typeform\n")  # as it was told
    assert "this verifies for handler Shop" in run("doctor", "--last", "-c", str(config)).stdout
    with running("serve", config, port) as service:
        assert service.post(BODY, headers)[0] == 200
    assert "this verifies for handler Shop" in run("doctor", "--delivery", "1", "-c", str(config)).stdout


def test_a_captured_file_is_diagnosed_and_an_altered_one_leaves_no_way_but_the_secret(
    config: Path, tmp_path: Path
) -> None:
    file = captured(tmp_path, f"Typeform-Signature: {TYPEFORM}")
    found = json.loads(run("doctor", "--file", str(file), "--json", "-c", str(config)).stdout)
    assert (found["accepted"], found["findings"][0]["settings"]) == (False, {"recipe": "typeform"})

    file = captured(tmp_path, f"Typeform-Signature: {TYPEFORM}", body=BODY.replace(b"12.5", b"99"))
    told = run("doctor", "--file", str(file), "-c", str(config))
    assert told.returncode == 1
    assert "no handler's secret fits" in told.stdout
    assert "its headers look like those of Typeform" in told.stdout


def test_a_refused_address_is_named_with_the_setting_to_widen(config: Path) -> None:
    config.write_text(config.read_text() + "[handler Shop]\nrecipe = typeform\nallow = 198.51.100.0/24\n")
    port = load(config).server.port
    with running("serve", config, port) as service:
        assert service.post(BODY, {"Typeform-Signature": TYPEFORM})[0] == 403
        until(lambda: "address_not_allowed" in run("doctor", "-c", str(config)).stdout, service.log)
    told = run("doctor", "--refused", "1", "-c", str(config)).stdout
    assert "allow = 198.51.100.0/24, 127.0.0.1" in told


def test_the_doctor_says_what_it_cannot_look_at(config: Path, tmp_path: Path) -> None:
    assert "nothing was refused" in run("doctor", "-c", str(config)).stdout
    file = tmp_path / "body.json"
    file.write_bytes(BODY)
    for arguments, told in (
        (("--last",), "there are 0 refused requests"),
        (("--last", "--delivery", "1"), "give only one of --last, --delivery"),
        (("--delivery", "9"), "there is no delivery 9"),
        (("--file", str(file)), "the file is no HTTP request: line 1"),
        (("--file", str(tmp_path / "none")), "none cannot be read"),
    ):
        done = run("doctor", *arguments, "-c", str(config))
        assert (done.returncode, told in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_learning_from_a_captured_request_gives_a_config_whose_rule_then_applies(config: Path, tmp_path: Path) -> None:
    file = captured(tmp_path, f"X-Hub-Signature-256: {GITHUB}", "X-GitHub-Delivery: 72d3162e", "X-GitHub-Event: order")
    learned = run("learn", str(file), "--tracker", "Orders", "-c", str(config))
    assert learned.returncode == 0, learned.stderr
    config.write_text(config.read_text() + learned.stdout)
    (rule,) = load(config).rules
    assert (rule.handlers, rule.tracker, rule.key) == (("Shop",), "Orders", ("orderId",))
    assert load(config).recipes["Shop"].name == "github"

    payload = tmp_path / "order.json"
    payload.write_bytes(BODY)
    tried = run("try", rule.name, str(payload), "-H", "X-GitHub-Event: order", "-c", str(config))
    assert "created a new item of tracker Orders" in tried.stdout, tried.stderr
    assert "'12.5EUR'" in tried.stdout

    again = run("learn", str(file), "-c", str(config)).stdout
    assert "Your config has [handler Shop] already" in again
    assert "\n[handler Shop]" not in again


def test_learning_from_a_payload_alone_asks_whose_it_is(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_bytes(BODY)
    done = run("learn", str(file), "-c", str(config))
    assert (done.returncode, "say it with --handler" in done.stderr) == (2, True)
    found = json.loads(run("learn", str(file), "--handler", "Forge", "--json", "-c", str(config)).stdout)
    assert found["handler"] == "Forge"
    assert found["config"].startswith("[handler Forge]\n")
    assert "nothing to learn from" in run("learn", "-c", str(config)).stderr
    assert "Nowhere" in run("learn", str(file), "--handler", "Forge", "--tracker", "Nowhere", "-c", str(config)).stderr
