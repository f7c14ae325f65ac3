"""Why a delivery became what it became: what verification and each rule say of it, asked once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tikisync.core.requests import Request
from tikisync.core.rules import Evaluation, Rule
from tikisync.core.verification import Handler, Refused, Verified, verify
from tikisync.errors import SetupError, TikisyncError
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline import administer
from tikisync.pipeline.apply import Applier
from tikisync.pipeline.preview import Preview, preview
from tikisync.tiki import handlers as tiki_handlers


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would be said of a delivery if it came now; ``error``: why the rules cannot be asked."""

    handler: Handler | None  # None: Tiki has no handler of this name any more
    verdict: Verified | Refused
    evaluation: Evaluation | None
    error: str


def explain(applier: Applier, delivery: Delivery) -> Explanation:
    """Verify a stored delivery again and evaluate the rules for it; nothing is written."""
    with applier.database.transaction() as tx:
        handlers = tiki_handlers.load(tx)
    evaluation, error = None, ""
    try:
        evaluation = applier.evaluate(delivery)
    except TikisyncError as trouble:
        error = str(trouble)
    own = next((each for each in handlers if each.name == delivery.handler), None)
    return Explanation(own, verify(_request(delivery), handlers, applier.config.recipes), evaluation, error)


def rehearse(applier: Applier, delivery: Delivery, rules: tuple[Rule, ...] | None = None) -> Preview:
    """Return what applying a delivery would write, by other rules than the config's if given; write nothing."""
    if rules is not None:
        applier = replace(applier, config=replace(applier.config, rules=rules))
    return preview(applier, delivery)


def rehearse_payload(
    applier: Applier, rule_or_handler: str, body: bytes, headers: Mapping[str, str], now: int
) -> Preview:
    """Rehearse a payload for one rule, or for all rules of a handler; write nothing. ``now`` as for ``made_up``.

    Raises SetupError where no rule and no rule's handler has this name.
    """
    known = applier.config.rules
    rules = [rule for rule in known if rule.name == rule_or_handler]
    rules = rules or [rule for rule in known if rule_or_handler in rule.handlers]
    if not rules:
        names = ", ".join(rule.name for rule in known) or "none"
        raise SetupError(
            f"no rule is named {rule_or_handler!r} or is for such a handler", hint=f"the rules are: {names}"
        )
    name = rule_or_handler if rule_or_handler in rules[0].handlers else rules[0].handlers[0]
    handler = administer.handler(applier.database, name)
    return rehearse(applier, made_up(handler, body, headers, now), tuple(rules))


def made_up(handler: Handler, body: bytes, headers: Mapping[str, str], now: int) -> Delivery:
    """Return a delivery that never came; ``now`` in milliseconds since the epoch."""
    lower = tuple((name.lower(), value) for name, value in headers.items())
    return Delivery(
        0, handler.name, handler.user, now, path="/tiki-webhooks.php", client_ip="127.0.0.1",
        headers=lower, body=body, size=len(body),
    )  # fmt: skip


def _request(delivery: Delivery) -> Request:
    return Request(
        method=delivery.method,
        path=delivery.path,
        query=delivery.query,
        headers=tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in delivery.headers),
        body=delivery.body,
        received_at=delivery.received_at,
        client_ip=delivery.client_ip,
        handler_name=None if delivery.path == "/tiki-webhooks.php" else delivery.handler,
    )
