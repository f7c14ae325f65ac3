"""What happens in the demo: its rules, and the webhooks that arrive one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tikisync.core.trackers import Json

CONFIG = """\
; The configuration of `tikisync demo`. A real one names the folder of your Tiki instead of a URL:
;   path = /var/www/tiki
[tiki]
url = {url}

[server]
host = 127.0.0.1
port = {port}

[dashboard]
enabled = yes

[rule new-order]
handler = Shop
when = topic == 'orders/create'
tracker = Orders
key = orderId
field.orderId = body.id
field.orderCustomer = join(' ', [body.customer.first_name, body.customer.last_name])
field.orderEmail = body.customer.email
field.orderTotal = {{amount: body.total_price, currency: body.currency}}
field.orderPlaced = body.created_at
field.orderState = 'open'

[rule payment]
handler = Payments
when = body.event == 'payment.succeeded'
tracker = Orders
key = orderId
field.orderId = body.order
field.orderState = 'paid'

[rule enquiry]
handler = Contact form
tracker = Enquiries
field.enquiryName = body.name
field.enquiryEmail = body.email
field.enquiryTopics = body.topics
field.enquiryText = body.message
field.enquiryNewsletter = body.newsletter
"""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request that the demo sends."""

    title: str
    handler: str
    body: Json
    headers: Mapping[str, str]
    forged: bool = False


_ORDER: Json = {
    "id": 1001,
    "created_at": "2026-11-24T09:15:00+01:00",
    "total_price": "74.90",
    "currency": "EUR",
    "customer": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"},
}

WEBHOOKS = (
    Webhook("The shop has a new order", "Shop", _ORDER, {"X-Shopify-Topic": "orders/create"}),
    Webhook("The order is paid", "Payments", {"event": "payment.succeeded", "order": "1001"}, {}),
    Webhook(
        "Somebody fills in the contact form",
        "Contact form",
        {
            "name": "Grace Hopper",
            "email": "grace@example.org",
            "topics": ["Sales", "Press"],
            "message": "Do you ship to Arlington?\nRegards, Grace",
            "newsletter": True,
        },
        {},
    ),
    Webhook(
        "A stranger sends an order with a forged signature",
        "Shop",
        {"id": 666, "total_price": "0.01", "currency": "EUR"},
        {"X-Shopify-Topic": "orders/create"},
        forged=True,
    ),
    Webhook("The shop sends the first order once more", "Shop", _ORDER, {"X-Shopify-Topic": "orders/create"}),
    Webhook("A payment fails: no rule wants it", "Payments", {"event": "payment.failed", "order": "1001"}, {}),
)
