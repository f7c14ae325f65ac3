"""A sender with a recipe, all the way through the real program, and the change of its secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path

import pytest

from tests.databases import TikiDatabase
from tests.end_to_end.program import free_port, run, running, until
from tests.signed_requests import private_key, private_pem, public_pem
from tikisync.database import Database

SECTIONS = """
[handler Shop]
recipe = stripe

[handler Shop 2026]
recipe = stripe

[rule order]
handler = Shop, Shop 2026
when = topic == 'order.paid'
tracker = Orders
key = orderId
field.orderId = body.data.order
field.orderTotal = {amount: body.data.total, currency: 'EUR'}
field.orderState = 'paid'
"""
OLD, NEW = "whsec_the_old_one", "whsec_the_new_one"


def event(number: int, total: int = 36) -> bytes:
    data = {"order": "A-1", "total": total}
    return json.dumps({"id": f"evt_{number}", "type": "order.paid", "data": data}).encode()


def signed(body: bytes, *secrets: str, age: int = 0) -> dict[str, str]:
    """The header as Stripe writes it (docs.stripe.com/webhooks/signature), one signature for each secret."""
    moment = int(time.time()) - age
    signatures = [
        hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest() for secret in secrets
    ]
    return {"Stripe-Signature": ",".join([f"t={moment}", *(f"v1={each}" for each in signatures)])}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def config(tiki: TikiDatabase, tiki_url: str, tmp_path: Path, port: int) -> Path:
    with tiki.admin.transaction() as tx:
        tx.update("tiki_webhooks", {"name": "Shop"}, {"signatureHeader": "Stripe-Signature", "secret": OLD})
        tx.insert(
            "tiki_webhooks",
            {
                "name": "Shop 2026", "user": "hook", "verification": "hmac", "algo": "sha256",
                "signatureHeader": "Stripe-Signature", "secret": NEW, "created": 1, "lastModif": 1,
            },
        )  # fmt: skip
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {tiki_url}\n\n[server]\nport = {port}\n{SECTIONS}")
    return path


def deliveries(database: Database) -> list[tuple[str, str, int]]:
    with database.transaction() as tx:
        rows = tx.all("SELECT handler, status, duplicates FROM tikisync_deliveries ORDER BY delivery_id")
    return [(row["handler"], row["status"], row["duplicates"]) for row in rows]


def amounts(database: Database) -> list[str]:
    with database.transaction() as tx:
        return [row["value"] for row in tx.all("SELECT value FROM tiki_tracker_item_fields WHERE fieldId = 47")]


def test_a_stripe_event_becomes_an_item_and_forged_late_and_repeated_ones_do_nothing(
    tiki: TikiDatabase, config: Path, port: int
) -> None:
    body = event(1)
    with running("serve", config, port) as service:
        assert service.post(body, signed(body, OLD)) == (200, "ok")
        until(lambda: deliveries(tiki) == [("Shop", "done", 0)], service.log)
        assert amounts(tiki) == ["36EUR"]
        assert service.post(event(1, 99), signed(body, OLD)) == (403, "Webhook not authorized.")
        assert service.post(event(2, 99), signed(event(2, 99), OLD, age=400)) == (403, "Webhook not authorized.")
        assert service.post(body, signed(body, OLD, age=10)) == (200, "ok")
        assert deliveries(tiki) == [("Shop", "done", 1)]
        assert amounts(tiki) == ["36EUR"]
        log = service.log.read_text()
        assert "reason=wrong_signature" in log
        assert "reason=stale_timestamp" in log
        assert OLD not in log


def test_send_signs_as_the_sender_does_and_a_section_written_meanwhile_counts(
    tiki: TikiDatabase, config: Path, port: int, tmp_path: Path
) -> None:
    whole = config.read_text()
    config.write_text(whole.replace("recipe = stripe", "recipe = plain"))
    file = tmp_path / "event.json"
    file.write_bytes(event(1))
    with running("serve", config, port) as service:
        assert service.post(event(1), signed(event(1), OLD))[0] == 403
        config.write_text(whole)
        until(lambda: "config.loaded" in service.log.read_text(), service.log)
        sent = run("send", "Shop 2026", str(file), "-c", str(config))
        assert (sent.returncode, "200" in sent.stdout) == (0, True), sent.stderr
        until(lambda: deliveries(tiki) == [("Shop 2026", "done", 0)], service.log)
        shown = run("inbox", "show", "1", "-c", str(config)).stdout
        assert "(hidden)" in shown
        assert "v1=" not in shown


def test_a_secret_is_changed_without_losing_or_repeating_an_event(tiki: TikiDatabase, config: Path, port: int) -> None:
    def last_used() -> dict[str, str]:
        rows = json.loads(run("handlers", "--json", "-c", str(config)).stdout)
        return {row["name"]: row["last used"] for row in rows}

    with running("serve", config, port) as service:
        both = signed(event(1), OLD, NEW)
        new_alone = {"Stripe-Signature": ",".join(both["Stripe-Signature"].split(",")[::2])}
        assert service.post(event(1), both) == (200, "ok")
        assert service.post(event(1), new_alone) == (200, "ok")
        assert deliveries(tiki)[0][::2] == ("Shop", 1), "the same event by the other secret is a duplicate"
        assert (last_used()["Shop"] > "2026", last_used()["Shop 2026"]) == (True, "")

        assert service.post(event(2, 40), signed(event(2, 40), NEW)) == (200, "ok")
        assert last_used()["Shop 2026"] > "2026"
        with tiki.admin.transaction() as tx:
            tx.delete("tiki_webhooks", {"name": "Shop"})
        assert service.post(event(3, 41), signed(event(3, 41), OLD)) == (403, "Webhook not authorized.")
        assert service.post(event(3, 42), signed(event(3, 42), NEW)) == (200, "ok")
        until(lambda: {status for _, status, _ in deliveries(tiki)} == {"done"}, service.log)
    assert [handler for handler, _, _ in deliveries(tiki)] == ["Shop", "Shop 2026", "Shop 2026"]
    assert amounts(tiki) == ["42EUR"]


def test_handlers_tells_which_recipes_are_configured_and_which_inferred(tiki: TikiDatabase, config: Path) -> None:
    with tiki.admin.transaction() as tx:
        tx.update("tiki_webhooks", {"name": "Forge"}, {"signatureHeader": "X-Hub-Signature-256"})
    rows = {row["name"]: row for row in json.loads(run("handlers", "--json", "-c", str(config)).stdout)}
    assert {name: (row["recipe"], row["recipe is inferred"]) for name, row in rows.items()} == {
        "Shop": ("stripe", False), "Shop 2026": ("stripe", False), "Forge": ("github", True),
        "Bank": ("", False), "Forge two": ("", False),
    }  # fmt: skip
    shown = run("handlers", "-c", str(config)).stdout
    assert "recipe stripe" in shown
    assert "recipe github (inferred from X-Hub-Signature-256)" in shown
    assert "hmac, sha512, in X-Bank-Digest" in shown
    assert "never" in shown
    assert OLD not in shown + json.dumps(list(rows.values()))


def test_send_signs_with_a_private_key_and_puts_a_secret_in_the_address_without_showing_it(
    sqlite_tiki: TikiDatabase, tmp_path: Path, port: int
) -> None:
    with sqlite_tiki.admin.transaction() as tx:
        tx.update("tiki_webhooks", {"name": "Shop"}, {"secret": public_pem(private_key("ecdsa"))})
        tx.update("tiki_webhooks", {"name": "Forge"}, {"secret": "t0ken of the forge"})
    sections = "[handler Shop]\nrecipe = sendgrid\n[handler Forge]\nrecipe = url-secret\n"
    config, file, key = tmp_path / "config.ini", tmp_path / "event.json", tmp_path / "key.pem"
    config.write_text(f"[tiki]\nurl = {sqlite_tiki.shown}\n[server]\nport = {port}\n{sections}")
    file.write_bytes(event(1))
    key.write_text(private_pem(private_key("ecdsa")))
    with running("serve", config, port) as service:
        by_key = run("send", "Shop", str(file), "--private-key", str(key), "-c", str(config))
        by_token = run("send", "Forge", str(file), "-c", str(config))
        without = run("send", "Shop", str(file), "-c", str(config))
        assert service.stop() == 0
    assert (by_key.returncode, by_token.returncode) == (0, 0), by_key.stderr + by_token.stderr
    assert "t0ken" not in by_token.stdout
    assert (without.returncode, "private key" in without.stderr) == (2, True)
    assert [handler for handler, _, _ in deliveries(sqlite_tiki)] == ["Shop", "Forge"]
