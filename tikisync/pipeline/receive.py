"""Receive requests: verify each as Tiki's handlers say and keep the verified ones, a whole group in one transaction."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tikisync.config import HandlerSettings
from tikisync.core.requests import Request
from tikisync.core.verification import Refused, Verified, verify
from tikisync.database import Database
from tikisync.errors import PassingError, SenderError, SetupError, TikisyncError
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import Arrival
from tikisync.logs import event
from tikisync.tiki import handlers as tiki_handlers
from tikisync.tiki import preferences

log = logging.getLogger(__name__)

DISABLED = Refused("disabled", "webhooks are switched off in Tiki (preference auth_webhooks)")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told, and for our own records the reason and the handler."""

    status: int  # of HTTP
    text: str
    reason: str
    handler: str = ""


@dataclass(slots=True)
class Receiver:
    """Receives groups of requests; ``handlers``, the config's settings by name, may be replaced at any time."""

    database: Database
    handlers: Mapping[str, HandlerSettings]
    forced: Mapping[str, str]  # preferences that Tiki's system configuration forces

    def receive(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer each request, in order; whatever is answered with 200 is stored for good. Raises nothing.

        The answers are Tiki's own (Tiki 25, tiki-webhooks.php). Duplicates are counted and get the answer of the first.
        """
        try:
            return self._try_twice(requests)
        except (PassingError, SetupError) as error:
            return [_trouble(error, len(requests))] * len(requests)
        except Exception as error:  # maybe one request's fault, from which the others must not suffer
            if len(requests) == 1:
                return [_trouble(error, 1)]
        half = len(requests) // 2
        return self.receive(requests[:half]) + self.receive(requests[half:])

    def _try_twice(self, requests: Sequence[Request]) -> list[Answer]:
        try:
            return self._store(requests)
        except PassingError:  # a pooled connection may have died unnoticed; the next try gets a new one
            return self._store(requests)

    def _store(self, requests: Sequence[Request]) -> list[Answer]:
        with self.database.transaction() as tx:
            if preferences.switch_is_on(tx, self.forced):
                handlers = tiki_handlers.load(tx)
                verdicts = [verify(request, handlers) for request in requests]
            else:
                verdicts = [DISABLED] * len(requests)
            judged = list(zip(requests, verdicts, strict=True))
            arrivals = [self._arrival(request, verdict) for request, verdict in judged if isinstance(verdict, Verified)]
            duplicates = deliveries.add(tx, arrivals) if arrivals else 0
        if arrivals:
            names = ",".join(sorted({arrival.handler for arrival in arrivals}))
            event(log, logging.INFO, "delivery.received", count=len(arrivals), duplicates=duplicates, handlers=names)
        return [_answer(request, verdict) for request, verdict in judged]

    def _arrival(self, request: Request, verified: Verified) -> Arrival:
        handler = verified.handler
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)
        id_key, body_key = duplicate_keys(
            request, verified.signature, self.handlers.get(handler.name, HandlerSettings())
        )
        return Arrival(
            handler_id=handler.handler_id,
            handler=handler.name,
            user=handler.user,
            received_at=request.received_at,
            method=request.method,
            path=request.path,
            query=request.query,
            client_ip=request.client_ip,
            headers=headers,
            body=request.body,
            id_key=id_key,
            body_key=body_key,
        )


def duplicate_keys(request: Request, signature: bytes, settings: HandlerSettings) -> tuple[bytes | None, bytes | None]:
    """Return what a duplicate shares with the first: the key of its delivery id and that of body and signature.

    A request is a duplicate where either key is known already; None is a key that does not count. Where the
    delivery id counts but was not sent, body and signature count instead.
    """
    if settings.duplicates == "accept":
        return None, None
    id_key = None
    if settings.delivery_id and settings.duplicates != "body":
        delivery_id = request.combined_headers().get(settings.delivery_id.encode("utf-8"))
        id_key = hashlib.sha256(delivery_id).digest() if delivery_id else None
    if id_key and settings.duplicates == "id":
        return id_key, None
    return id_key, hashlib.sha256(signature + b"\n" + request.body).digest()


def _answer(request: Request, verdict: Verified | Refused) -> Answer:
    if isinstance(verdict, Verified):
        return Answer(200, "ok", "received", verdict.handler.name)
    event(
        log,
        logging.WARNING,
        "delivery.refused",
        reason=verdict.reason,
        handler=verdict.handler or None,
        client_ip=request.client_ip,
        detail=verdict.detail,
    )
    text = "Feature not enabled" if verdict is DISABLED else "Webhook not authorized."
    return Answer(403, text, verdict.reason, verdict.handler)


def _trouble(error: Exception, count: int) -> Answer:
    """Log why ``count`` requests could not be judged or stored; the sender learns only whose fault it is."""
    if not isinstance(error, TikisyncError):
        log.error("delivery.not_stored", exc_info=error)
        return Answer(500, "Internal error.", "internal")
    event(log, logging.ERROR, "delivery.not_stored", reason=error.reason, count=count, error=str(error))
    if isinstance(error, SenderError):
        return Answer(400, "This webhook cannot be stored.", error.reason)
    return Answer(503, "Temporarily unavailable.", error.reason)
