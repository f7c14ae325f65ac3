"""Our verification and the senders' own libraries agree, on whole requests and on those with one bit flipped."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.signed_requests import FORM, FORM_TYPE, PATH, PUBLIC_URL, handler_for, private_key, recipe_named, unsigned
from tests.signed_requests import signed as signed_by_us
from tikisync.core.handlers import Verified
from tikisync.core.requests import Request
from tikisync.core.verification import verify

SENDERS = Path(__file__).parents[1] / "senders"
BODY = '{"id": "evt_1", "object": "event", "webhookTimestamp": %d, "name": "Zoë"}'
URL = PUBLIC_URL + PATH
SECRET = "whsec_YSBzZWNyZXQgb2YgMjQgYnl0ZXMgLi4u"

Headers = Mapping[str, str]


def without(what: str) -> NoReturn:
    """Skip the test for a person, who may do without; fail it where CI runs, for which scripts/setup installs all."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def library(name: str) -> Any:
    """Import a sender's library, or skip the test where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of their imports
        try:
            return importlib.import_module(name)
        except ImportError:
            without(f"{name} is not installed (dependency group senders)")


def node(sender: str, action: str, body: str, headers: Headers) -> Any:
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm and Node.js are not installed")
    if not (SENDERS / "node_modules").is_dir():
        without("the libraries are not installed (npm install --prefix tests/senders)")
    question = {"sender": sender, "action": action, "secret": SECRET, "body": body, "headers": dict(headers)}
    answer = subprocess.run(
        ["node", SENDERS / "sender.mjs"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


# How a library signs: a request's body and its timestamp in seconds → headers.


def _stripe_signs(body: str, now: int) -> Headers:
    signature = library("stripe").WebhookSignature.generate_signature_header(body, SECRET, now)
    return {"stripe-signature": signature}


def _standard_signs(prefix: str, module: str) -> Callable[[str, int], Headers]:
    def signs(body: str, now: int) -> Headers:
        moment = datetime.fromtimestamp(now, UTC)
        signature = library(module).Webhook(SECRET).sign("msg_1", moment, body)
        return {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": str(now), f"{prefix}-signature": signature}

    return signs


def _slack_signs(body: str, now: int) -> Headers:
    verifier = library("slack_sdk.signature").SignatureVerifier(SECRET)
    signature = verifier.generate_signature(timestamp=str(now), body=body)
    return {"x-slack-request-timestamp": str(now), "x-slack-signature": signature}


def _twilio_signs(body: str, _now: int) -> Headers:
    validator = library("twilio.request_validator").RequestValidator(SECRET)
    return {"x-twilio-signature": validator.compute_signature(URL, dict(parse_qsl(body)))}


def _hubspot_signs(version: str) -> Callable[[str, int], Headers]:
    def signs(body: str, now: int) -> Headers:
        signature = library("hubspot.utils.signature").Signature.get_signature(
            SECRET, body, version, URL, "POST", str(now * 1000)
        )
        header = "x-hubspot-signature-v3" if version == "v3" else "x-hubspot-signature"
        return {header: signature, "x-hubspot-request-timestamp": str(now * 1000)}

    return signs


def _paddle_signs(body: str, now: int) -> Headers:
    paddle = library("paddle_billing.Notifications.PaddleSignature").PaddleSignature
    return {"paddle-signature": f"ts={now};h1={paddle.calculate_hmac(SECRET, f'{now}:{body}'.encode()).hexdigest()}"}


SIGNS: Mapping[str, Callable[[str, int], Headers]] = {
    "stripe": _stripe_signs,
    "standard-webhooks": _standard_signs("webhook", "standardwebhooks"),
    "svix": _standard_signs("svix", "svix.webhooks"),
    "slack": _slack_signs,
    "twilio": _twilio_signs,
    "hubspot": _hubspot_signs("v3"),
    "hubspot-v2": _hubspot_signs("v2"),
    "hubspot-v1": _hubspot_signs("v1"),
    "paddle": _paddle_signs,
    "github": lambda body, _now: {"x-hub-signature-256": node("github", "sign", body, {})},
    "notion": lambda body, _now: {"x-notion-signature": node("notion", "sign", body, {})},
}


# How a library verifies: a request's body and headers → whether it is signed; some raise instead.


def _stripe_accepts(body: str, headers: Headers) -> bool:
    return bool(library("stripe").WebhookSignature.verify_header(body, headers["stripe-signature"], SECRET, 300))


def _slack_accepts(body: str, headers: Headers) -> bool:
    return bool(library("slack_sdk.signature").SignatureVerifier(SECRET).is_valid_request(body, dict(headers)))


def _twilio_accepts(body: str, headers: Headers) -> bool:
    validator = library("twilio.request_validator").RequestValidator(SECRET)
    return bool(validator.validate(URL, dict(parse_qsl(body)), headers["x-twilio-signature"]))


def _sendgrid_accepts(body: str, headers: Headers) -> bool:
    webhook = library("sendgrid.helpers.eventwebhook").EventWebhook()
    der = private_key("ecdsa").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = webhook.convert_public_key_to_ecdsa("".join(der.decode().splitlines()[1:-1]))
    name = "x-twilio-email-event-webhook-"
    return bool(webhook.verify_signature(body, headers[f"{name}signature"], headers[f"{name}timestamp"], key))


@dataclass
class PaddleRequest:
    body: bytes
    headers: Mapping[str, str]


def _paddle_accepts(body: str, headers: Headers) -> bool:
    request = PaddleRequest(body.encode(), {"Paddle-Signature": headers["paddle-signature"]})
    secret = library("paddle_billing.Notifications.Secret").Secret(SECRET)
    return bool(library("paddle_billing.Notifications.Verifier").Verifier().verify(request, secret))


def _square_accepts(body: str, headers: Headers) -> bool:
    return bool(
        library("square.utils.webhooks_helper").verify_signature(
            request_body=body,
            signature_header=headers["x-square-hmacsha256-signature"],
            signature_key=SECRET,
            notification_url=URL,
        )
    )


def _hubspot_accepts(body: str, headers: Headers) -> bool:
    name = "x-hubspot-request-timestamp"
    return bool(
        library("hubspot.utils.signature").Signature.is_valid(
            headers["x-hubspot-signature-v3"], SECRET, body, URL, "POST", "v3", headers[name]
        )
    )


ACCEPTS: Mapping[str, Callable[[str, Headers], bool]] = {
    "stripe": _stripe_accepts,
    "standard-webhooks": lambda body, headers: library("standardwebhooks").Webhook(SECRET).verify(body, headers) != {},
    "svix": lambda body, headers: library("svix.webhooks").Webhook(SECRET).verify(body, headers) is None,
    "slack": _slack_accepts,
    "twilio": _twilio_accepts,
    "sendgrid": _sendgrid_accepts,
    "paddle": _paddle_accepts,
    "square": _square_accepts,
    "hubspot": _hubspot_accepts,
    "github": lambda body, headers: bool(node("github", "verify", body, headers)),
    "notion": lambda body, headers: bool(node("notion", "verify", body, headers)),
    "linear": lambda body, headers: bool(node("linear", "verify", body, headers)),
    "shopify": lambda body, headers: bool(node("shopify", "verify", body, headers)),
}


def library_accepts(name: str, request: Request) -> bool:
    headers = {key.decode(): value.decode() for key, value in request.headers}
    try:
        return ACCEPTS[name](request.body.decode(), headers)
    except Exception as refusal:  # each library has its own
        if isinstance(refusal, AssertionError):
            raise
        return False


def we_accept(name: str, request: Request) -> bool:
    recipe = recipe_named(name)
    handler = handler_for(recipe)
    handler = handler if name == "sendgrid" else replace(handler, secret=SECRET)
    return isinstance(verify(request, [handler], {handler.name: recipe}), Verified)


def fresh(name: str) -> Request:
    now = time.time_ns() // 1_000_000
    request = unsigned(FORM, FORM_TYPE) if name == "twilio" else unsigned((BODY % now).encode())
    return replace(request, received_at=now)


def flipped(request: Request) -> Request:
    body = bytearray(request.body)
    body[-2] ^= 1
    return replace(request, body=bytes(body))


@pytest.mark.parametrize("name", SIGNS)
def test_a_request_that_the_senders_library_signs_verifies_unless_a_bit_is_flipped(name: str) -> None:
    request = fresh(name)
    headers = SIGNS[name](request.body.decode(), request.received_at // 1000)
    encoded = tuple((key.encode(), value.encode()) for key, value in headers.items())
    request = replace(request, headers=(*request.headers, *encoded))
    assert we_accept(name, request)
    assert not we_accept(name, flipped(request))


@pytest.mark.parametrize("name", ACCEPTS)
def test_a_request_that_we_sign_is_accepted_by_the_senders_library_unless_a_bit_is_flipped(name: str) -> None:
    recipe = recipe_named(name)
    handler = handler_for(recipe)
    request = signed_by_us(recipe, fresh(name), handler if name == "sendgrid" else replace(handler, secret=SECRET))
    assert we_accept(name, request)
    assert library_accepts(name, request)
    assert not library_accepts(name, flipped(request))
