"""Answer requests as Tiki does, and tell in the log why some are refused."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tikisync.core.document import iso_utc
from tikisync.core.recipes.handshakes import HandshakeAnswer
from tikisync.core.requests import Request
from tikisync.core.trace import trace_id_of
from tikisync.core.verification import Refused, Verified
from tikisync.errors import SenderError, TikisyncError
from tikisync.logs import event
from tikisync.pipeline.judging import NOT_POST, Shaken, Verdict

log = logging.getLogger(__name__)

DISABLED = Refused("disabled", "webhooks are switched off in Tiki (preference auth_webhooks)")
TEMPORARILY = "Temporarily unavailable."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told, and for our own records the reason and the handler."""

    status: int  # of HTTP
    text: str
    reason: str
    handler: str = ""
    handshake: HandshakeAnswer | None = None  # what is sent instead of the text


METHOD_NOT_ALLOWED = Answer(405, "Only POST is allowed here.", "method")


def answers(requests: Sequence[Request], verdicts: Sequence[Verdict]) -> list[Answer]:
    """Return the answer to each request, and log why some are refused. They are Tiki's (Tiki 25, tiki-webhooks.php)."""
    _tell_of_refused(requests, verdicts)
    return list(map(_answer, requests, verdicts))


def _answer(request: Request, verdict: Verdict) -> Answer:
    if isinstance(verdict, Verified):
        return _accepted(verdict.handler.name)
    if isinstance(verdict, Shaken):
        _tell_of_handshake(request, verdict)
        return Answer(200, "", "handshake", verdict.handler, verdict.answer)
    if verdict is NOT_POST:
        return METHOD_NOT_ALLOWED
    text = "Feature not enabled" if verdict is DISABLED else "Webhook not authorized."
    return Answer(403, text, verdict.reason, verdict.handler)


@lru_cache(maxsize=1024)
def _accepted(handler: str) -> Answer:
    return Answer(200, "ok", "received", handler)


def _tell_of_refused(requests: Sequence[Request], verdicts: Sequence[Verdict]) -> None:
    """Log why requests were refused; of those that were refused alike one line for all, with the trace of the first."""
    refused: dict[tuple[Refused, str], list[Request]] = {}
    for request, verdict in zip(requests, verdicts, strict=True):
        if isinstance(verdict, Refused) and verdict is not NOT_POST:
            refused.setdefault((verdict, request.client_ip), []).append(request)
    for (verdict, client_ip), alike in refused.items():
        told = {"reason": verdict.reason, "handler": verdict.handler or None, "client_ip": client_ip}
        trace_id = trace_id_of(alike[0].headers)
        detail = verdict.detail
        event(log, logging.WARNING, "delivery.refused", **told, count=len(alike), detail=detail, trace_id=trace_id)


def _tell_of_handshake(request: Request, shaken: Shaken) -> None:
    """Log a handshake. A secret that a sender gives is told nowhere else, and anybody may have sent it."""
    facts = {"handler": shaken.handler, "client_ip": request.client_ip, "received_at": iso_utc(request.received_at)}
    if not shaken.answer.secret:
        event(log, logging.INFO, "handshake.answered", **facts)
        return
    advice = "if you were just setting up this webhook, put the secret into the handler in Tiki's admin"
    event(log, logging.WARNING, "handshake.secret", **facts, secret=shaken.answer.secret, advice=advice)


def trouble(error: Exception, count: int) -> Answer:
    """Log why so many requests could not be judged or stored; return the answer, which tells only whose fault it is."""
    if not isinstance(error, TikisyncError):
        log.error("delivery.not_stored", exc_info=error)
        return Answer(500, "Internal error.", "internal")
    event(log, logging.ERROR, "delivery.not_stored", reason=error.reason, count=count, error=str(error))
    if isinstance(error, SenderError):
        return Answer(400, "This webhook cannot be stored.", error.reason)
    return Answer(503, TEMPORARILY, error.reason)
