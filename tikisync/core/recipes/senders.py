"""The built-in recipes: how known senders sign, as their documentation of webhooks says.

Read an entry as: name, sender, where the signature stands, and what differs from an HMAC-SHA256 of the body in hex
(``recipe.Recipe`` explains each word). A sender's delivery id is given only where no two events share one: batches
(SendGrid, HubSpot, Mandrill), ids of the object (Brevo, Pipedrive) and WooCommerce's id, which counts seconds, do not
tell duplicates.
"""

from __future__ import annotations

from collections.abc import Mapping

from tikisync.core.recipes.recipe import Recipe

_STANDARD = "{id}.{timestamp}.{body}"

_SENDERS = (
    # Any sender: what Tiki's handler says, to be adjusted by recipe.* keys.
    Recipe("hmac", "an HMAC of Tiki's handler", (), algorithm="", encoding=""),
    Recipe("token", "a token in the handler's header", (), scheme="token", encoding="text"),
    Recipe("bearer", "a bearer token", ("headers.authorization",), scheme="token", encoding="text", prefix="Bearer "),
    Recipe("basic", "user:password (HTTP basic)", ("headers.authorization",), scheme="token", encoding="base64",
           prefix="Basic "),
    Recipe("url-secret", "a secret in the address", ("query.secret",), scheme="token", encoding="text"),
    # Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec) and those who follow it.
    Recipe("standard-webhooks", "Standard Webhooks", ("headers.webhook-signature",), encoding="base64", prefix="v1,",
           separator=" ", content=(_STANDARD,), key="whsec", timestamp="headers.webhook-timestamp",
           delivery_id="headers.webhook-id", event_time="body.timestamp", topic="body.type"),
    Recipe("standard-webhooks-ed25519", "Standard Webhooks with Ed25519", ("headers.webhook-signature",),
           scheme="ed25519", encoding="base64", prefix="v1a,", separator=" ", content=(_STANDARD,),
           timestamp="headers.webhook-timestamp", delivery_id="headers.webhook-id", event_time="body.timestamp",
           topic="body.type"),
    Recipe("svix", "Svix", ("headers.svix-signature",), encoding="base64", prefix="v1,", separator=" ",
           content=(_STANDARD,), key="whsec", timestamp="headers.svix-timestamp", delivery_id="headers.svix-id",
           topic="body.type"),
    # gitlab.com/help/user/project/integrations/webhooks: signing tokens since 19.0, before that the plain token.
    Recipe("gitlab", "GitLab", ("headers.webhook-signature",), encoding="base64", prefix="v1,", separator=" ",
           content=(_STANDARD,), key="whsec", timestamp="headers.webhook-timestamp",
           delivery_id="headers.webhook-id", topic="headers.x-gitlab-event"),
    Recipe("gitlab-token", "GitLab (plain token)", ("headers.x-gitlab-token",), scheme="token", encoding="text",
           delivery_id="headers.idempotency-key", topic="headers.x-gitlab-event"),
    # The body alone.
    Recipe("github", "GitHub", ("headers.x-hub-signature-256",), prefix="sha256=",
           delivery_id="headers.x-github-delivery", topic="headers.x-github-event"),
    Recipe("shopify", "Shopify", ("headers.x-shopify-hmac-sha256",), encoding="base64",
           delivery_id="headers.x-shopify-webhook-id", event_time="headers.x-shopify-triggered-at",
           topic="headers.x-shopify-topic"),
    Recipe("woocommerce", "WooCommerce", ("headers.x-wc-webhook-signature",), encoding="base64",
           event_time="body.date_modified_gmt", topic="headers.x-wc-webhook-topic", handshake="woocommerce"),
    Recipe("intercom", "Intercom", ("headers.x-hub-signature",), algorithm="sha1", prefix="sha1=",
           delivery_id="body.id", event_time="body.created_at", topic="body.topic"),
    Recipe("jira", "Jira", ("headers.x-hub-signature",), prefix="sha256=",
           delivery_id="headers.x-atlassian-webhook-identifier", event_time="body.timestamp",
           topic="body.webhookEvent"),
    Recipe("typeform", "Typeform", ("headers.typeform-signature",), encoding="base64", prefix="sha256=",
           delivery_id="body.event_id", event_time="body.form_response.submitted_at", topic="body.event_type"),
    Recipe("dropbox", "Dropbox", ("headers.x-dropbox-signature",), handshake="dropbox"),
    Recipe("notion", "Notion", ("headers.x-notion-signature",), prefix="sha256=", delivery_id="body.id",
           event_time="body.timestamp", topic="body.type", handshake="notion"),
    Recipe("linear", "Linear", ("headers.linear-signature",), timestamp="body.webhookTimestamp",
           clock="milliseconds", tolerance=60_000, delivery_id="headers.linear-delivery",
           event_time="body.createdAt", topic="headers.linear-event"),
    Recipe("sentry", "Sentry", ("headers.sentry-hook-signature",), delivery_id="headers.request-id",
           event_time="headers.sentry-hook-timestamp", topic="headers.sentry-hook-resource"),
    Recipe("discourse", "Discourse", ("headers.x-discourse-event-signature",), prefix="sha256=",
           delivery_id="headers.x-discourse-event-id", topic="headers.x-discourse-event"),
    Recipe("docusign", "DocuSign Connect", ("headers.x-docusign-signature-#",), encoding="base64",
           event_time="body.generatedDateTime", topic="body.event"),
    Recipe("gitea", "Gitea", ("headers.x-gitea-signature", "headers.x-gogs-signature"), content=("{payload}",),
           delivery_id="headers.x-gitea-delivery", topic="headers.x-gitea-event"),
    Recipe("forgejo", "Forgejo", ("headers.x-forgejo-signature", "headers.x-gitea-signature"),
           content=("{payload}",), delivery_id="headers.x-forgejo-delivery", topic="headers.x-forgejo-event"),
    Recipe("meta", "Meta", ("headers.x-hub-signature-256",), prefix="sha256=", topic="body.object",
           handshake="meta"),
    Recipe("asana", "Asana", ("headers.x-hook-signature",), handshake="asana"),
    Recipe("clickup", "ClickUp", ("headers.x-signature",), topic="body.event"),
    Recipe("calcom", "Cal.com", ("headers.x-cal-signature-256",), event_time="body.createdAt",
           topic="body.triggerEvent"),
    Recipe("acuity", "Acuity", ("headers.x-acuity-signature",), encoding="base64", topic="body.action"),
    Recipe("redmine", "Redmine", ("headers.x-redmine-signature-256",), prefix="sha256=", event_time="body.timestamp",
           topic="body.type"),
    Recipe("grafana", "Grafana alerting", ("headers.x-grafana-alerting-signature",), topic="body.status"),
    # The body and the time.
    Recipe("stripe", "Stripe", ("headers.stripe-signature",), prefix="v1=", separator=",",
           content=("{timestamp}.{body}",), timestamp="item.t=", delivery_id="body.id", event_time="body.created",
           topic="body.type"),
    Recipe("slack", "Slack", ("headers.x-slack-signature",), prefix="v0=", content=("v0:{timestamp}:{body}",),
           timestamp="headers.x-slack-request-timestamp", delivery_id="body.event_id", event_time="body.event_time",
           topic="body.event.type", handshake="slack"),
    Recipe("zendesk", "Zendesk", ("headers.x-zendesk-webhook-signature",), encoding="base64",
           content=("{timestamp}{body}",), timestamp="headers.x-zendesk-webhook-signature-timestamp", clock="iso",
           delivery_id="headers.x-zendesk-webhook-invocation-id", event_time="body.time", topic="body.type"),
    Recipe("calendly", "Calendly", ("headers.calendly-webhook-signature",), prefix="v1=", separator=",",
           content=("{timestamp}.{body}",), timestamp="item.t=", event_time="body.created_at", topic="body.event"),
    Recipe("paddle", "Paddle Billing", ("headers.paddle-signature",), prefix="h1=", separator=";",
           content=("{timestamp}:{body}",), timestamp="item.ts=", tolerance=5_000, delivery_id="body.event_id",
           event_time="body.occurred_at", topic="body.event_type"),
    Recipe("zoom", "Zoom", ("headers.x-zm-signature",), prefix="v0=", content=("v0:{timestamp}:{body}",),
           timestamp="headers.x-zm-request-timestamp", event_time="body.event_ts", topic="body.event",
           handshake="zoom"),
    Recipe("chatwoot", "Chatwoot", ("headers.x-chatwoot-signature",), prefix="sha256=",
           content=("{timestamp}.{body}",), timestamp="headers.x-chatwoot-timestamp",
           delivery_id="headers.x-chatwoot-delivery", topic="body.event"),
    # The address too: they need [server] public_url or recipe.url.
    Recipe("square", "Square", ("headers.x-square-hmacsha256-signature",), encoding="base64",
           content=("{url}{body}",), delivery_id="body.event_id", event_time="body.created_at", topic="body.type"),
    Recipe("hubspot", "HubSpot", ("headers.x-hubspot-signature-v3",), encoding="base64",
           content=("{method}{url}{body}{timestamp}", "{method}{url_unescaped}{body}{timestamp}"),
           timestamp="headers.x-hubspot-request-timestamp", clock="milliseconds", event_time="body.0.occurredAt",
           topic="body.0.subscriptionType"),
    Recipe("hubspot-v2", "HubSpot (version 2)", ("headers.x-hubspot-signature",), scheme="hash",
           content=("{secret}{method}{url}{body}",)),
    Recipe("hubspot-v1", "HubSpot (version 1)", ("headers.x-hubspot-signature",), scheme="hash",
           content=("{secret}{body}",), event_time="body.0.occurredAt", topic="body.0.subscriptionType"),
    Recipe("twilio", "Twilio", ("headers.x-twilio-signature",), algorithm="sha1", encoding="base64",
           content=("{url}{parameters}", "{url_other_port}{parameters}"),
           delivery_id="headers.i-twilio-idempotency-token"),
    Recipe("mandrill", "Mandrill", ("headers.x-mandrill-signature",), algorithm="sha1", encoding="base64",
           content=("{url}{parameters}",), handshake="mandrill"),
    # Public keys, as PEM (or SendGrid's bare base64) in Tiki's secret field.
    Recipe("sendgrid", "SendGrid", ("headers.x-twilio-email-event-webhook-signature",), scheme="ecdsa",
           encoding="base64", content=("{timestamp}{body}",),
           timestamp="headers.x-twilio-email-event-webhook-timestamp", event_time="body.0.timestamp",
           topic="body.0.event"),
    Recipe("paypal", "PayPal", ("headers.paypal-transmission-sig",), scheme="rsa", encoding="base64",
           content=("{id}|{timestamp}|{webhook_id}|{body_crc32}",), timestamp="headers.paypal-transmission-time",
           clock="iso", delivery_id="headers.paypal-transmission-id", event_time="body.create_time",
           topic="body.event_type"),
    # No signature at all: only a secret that is shown.
    Recipe("mailchimp", "Mailchimp", ("query.secret",), scheme="token", encoding="text", event_time="body.fired_at",
           topic="body.type", handshake="mailchimp"),
    Recipe("brevo", "Brevo", ("headers.authorization",), scheme="token", encoding="text", prefix="Bearer ",
           topic="body.event"),
    Recipe("brevo-basic", "Brevo (HTTP basic)", ("headers.authorization",), scheme="token", encoding="base64",
           prefix="Basic ", topic="body.event"),
    Recipe("pipedrive", "Pipedrive", ("headers.authorization",), scheme="token", encoding="base64", prefix="Basic ",
           event_time="body.meta.timestamp", topic="body.meta.action"),
    Recipe("postmark", "Postmark", ("headers.authorization",), scheme="token", encoding="base64", prefix="Basic ",
           topic="body.RecordType"),
    Recipe("telegram", "Telegram", ("headers.x-telegram-bot-api-secret-token",), scheme="token", encoding="text",
           delivery_id="body.update_id"),
)  # fmt: skip

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _SENDERS}
"""The built-in recipes by name."""

PLAIN = Recipe("plain", "Tiki's plain rule", ())
"""Named in the config, it keeps a handler from being verified by a recipe that its header gives away."""
