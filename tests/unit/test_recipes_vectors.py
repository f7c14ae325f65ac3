"""Requests that senders publish with their signatures, in documentation and in the tests of their libraries."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from tikisync.core.handlers import Handler, Refused, Verified
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import Request
from tikisync.core.verification import verify

FORM = ("content-type", "application/x-www-form-urlencoded")
JSON = ("content-type", "application/json")
HUBSPOT = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"


def request(url: str, body: bytes, *headers: tuple[str, str], at: int = 0, method: str = "POST") -> Request:
    path, _, query = url.partition("?")
    encoded = tuple((name.lower().encode(), value.encode()) for name, value in headers)
    return Request(method, path, query, encoded, body, at * 1000, "192.0.2.7")


TWILIO = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
TWILIO_REPEATED = [
    ("Sid", "CA123"),
    ("SidAccount", "AC123"),
    ("Digits", "5678"),
    ("Digits", "1234"),
    ("Digits", "1234"),
]
TWILIO_JSON = "/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"

SLACK = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)

# As sendgrid-python's tests have it; the line break at the end is part of the body.
SENDGRID = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)

SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eN"
    "Ec6wEA3F+g=="
)

HUBSPOT_EVENT = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":'
    b'"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)

VECTORS = {
    # docs.github.com, 'Validating webhook deliveries'
    "github": (
        "It's a Secret to Everybody",
        request(
            "/", b"Hello, World!",
            ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
        ),
    ),
    # api.slack.com, 'Verifying requests from Slack'
    "slack": (
        "8f742231b10e8888abcd99yyyzzz85a5",
        request(
            "/", SLACK, FORM,
            ("X-Slack-Request-Timestamp", "1531420618"),
            ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
            at=1531420618,
        ),
    ),
    # github.com/standard-webhooks/standard-webhooks, the libraries' tests
    "standard-webhooks": (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        request(
            "/", b'{"test": 2432232314}', JSON,
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            at=1614265330,
        ),
    ),
    # twilio.com, 'Validating Signatures from Twilio', and twilio's libraries' tests
    "twilio": (
        "12345",
        request(
            "/myapp.php?foo=1&bar=2", urlencode(TWILIO).encode(), FORM,
            ("X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ),
    ),
    "twilio, a repeated parameter": (
        "12345",
        request(
            "/myapp.php?foo=1&bar=2", urlencode(TWILIO_REPEATED).encode(), FORM,
            ("X-Twilio-Signature", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        ),
    ),
    "twilio, JSON": (
        "12345",
        request(
            TWILIO_JSON, b'{"property": "value", "boolean": true}', JSON,
            ("X-Twilio-Signature", "a9nBmqA0ju/hNViExpshrM61xv4="),
        ),
    ),
    # github.com/sendgrid/sendgrid-python, test/unit/test_eventwebhook.py
    "sendgrid": (
        SENDGRID_KEY,
        request(
            "/", SENDGRID, JSON,
            ("X-Twilio-Email-Event-Webhook-Timestamp", "1600112502"),
            (
                "X-Twilio-Email-Event-Webhook-Signature",
                "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
            ),
            at=1600112502,
        ),
    ),
    # developers.hubspot.com, 'v1 request validation' and 'v2 request validation'
    "hubspot-v1": (
        HUBSPOT,
        request(
            "/", HUBSPOT_EVENT, JSON,
            ("X-HubSpot-Signature", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"),
        ),
    ),
    "hubspot-v2": (
        HUBSPOT,
        request(
            "/webhook_uri", b"",
            ("X-HubSpot-Signature", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
            method="GET",
        ),
    ),
}  # fmt: skip

HOSTS = {"twilio": "https://mycompany.com", "hubspot-v2": "https://www.example.com"}


@pytest.mark.parametrize("vector", VECTORS)
def test_a_published_request_verifies_and_none_other_does(vector: str) -> None:
    secret, published = VECTORS[vector]
    name = vector.partition(",")[0]
    recipe = replace(RECIPES[name], public_url=HOSTS.get(name, ""))
    handler = Handler(1, "Sender", "hook", "hmac", "sha256", "X-Signature", secret)
    assert isinstance(verify(published, [handler], {"Sender": recipe}), Verified)
    for body in (published.body + b" ", published.body[:-1] + b"?"):
        assert isinstance(verify(replace(published, body=body), [handler], {"Sender": recipe}), Refused)
