"""Receive requests: verify each as Tiki's handlers say and keep the verified ones, a whole group in one transaction."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tikisync.config import HandlerSettings
from tikisync.core.document import iso_utc
from tikisync.core.recipes.handshakes import HandshakeAnswer
from tikisync.core.recipes.recipe import GET_HANDSHAKES
from tikisync.core.requests import Request
from tikisync.core.spooled import Spooled
from tikisync.core.trace import trace_id_of
from tikisync.core.verification import Handler, Refused, Verified
from tikisync.database import Database
from tikisync.database.inserts import STATEMENT
from tikisync.errors import ConflictError, PassingError, SenderError, SetupError, TikisyncError
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import Arrival
from tikisync.inbox.refusals import Refusals
from tikisync.inbox.spool import Spool
from tikisync.logs import event
from tikisync.pipeline.judging import NOT_POST, Judge, Shaken, Verdict
from tikisync.tiki.live_handlers import LiveHandlers

log = logging.getLogger(__name__)

DISABLED = Refused("disabled", "webhooks are switched off in Tiki (preference auth_webhooks)")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told, and for our own records the reason and the handler."""

    status: int  # of HTTP
    text: str
    reason: str
    handler: str = ""
    handshake: HandshakeAnswer | None = None  # what is sent instead of the text


@dataclass(frozen=True, slots=True)
class Group:
    """Requests with the verdicts on them, and what is to be stored of the verified ones."""

    judge: Judge | None  # None: webhooks are off
    requests: Sequence[Request]
    verdicts: list[Verdict]
    arrivals: Sequence[Arrival]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A group judged by the handlers seen last; the ``statements`` store it, and fail where those have changed."""

    group: Group
    statements: Sequence[str] = field(repr=False)


METHOD_NOT_ALLOWED = Answer(405, "Only POST is allowed here.", "method")
TEMPORARILY = "Temporarily unavailable."
_TRIES_AT_CONFLICTS = 4


@dataclass(slots=True)
class Receiver:
    """Receives groups of requests; ``handlers``, the config's settings by name, may be replaced at any time.

    So may ``elders``: for each handler the one among whose deliveries its duplicates count too (``core.rotation``).
    """

    database: Database
    handlers: Mapping[str, HandlerSettings]
    forced: Mapping[str, str]  # preferences that Tiki's system configuration forces
    elders: Mapping[str, str] = field(default_factory=dict)
    refusals: Refusals | None = None  # where refused requests are kept to be looked at
    spool: Spool | None = None  # where verified requests wait while the database is away
    seen: Sequence[Handler] | None = field(default=None, init=False, repr=False)  # last; None while the switch was off
    _live: LiveHandlers = field(init=False, repr=False)
    _judge: Judge | None = field(default=None, init=False, repr=False)
    _turns: Iterator[int] = field(default_factory=itertools.count, init=False, repr=False)

    def __post_init__(self) -> None:
        self._live = LiveHandlers(self.forced)

    def answers(self, method: str) -> bool:
        """Tell whether requests of this method are to be received: POST, and GET and HEAD for some handshakes."""
        if method not in ("GET", "HEAD"):
            return method == "POST"
        return any(each.recipe and each.recipe.handshake in GET_HANDSHAKES for each in self.handlers.values())

    @property
    def can_spool(self) -> bool:
        """Whether signed requests would be taken with the database away."""
        return self.seen is not None and self.spool is not None and self.spool.has_room()

    def receive(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer each request, in order; whatever is answered with 200 is stored or spooled for good. Raises nothing.

        The answers are Tiki's own (Tiki 25, tiki-webhooks.php). Duplicates are counted and get the answer of the first.
        """
        try:
            return self._received(requests)
        except (PassingError, SetupError) as error:
            return [_trouble(error, len(requests))] * len(requests)
        except Exception as error:  # maybe one request's fault, from which the others must not suffer
            if len(requests) == 1:
                return [_trouble(error, 1)]
        half = len(requests) // 2
        return self.receive(requests[:half]) + self.receive(requests[half:])

    def _received(self, requests: Sequence[Request]) -> list[Answer]:
        """Store requests; but into the spool with them where older ones wait there still, or the database is away."""
        spool = self.spool
        if spool and spool.waits() and (answers := self._spooled(requests, spool, joining=True)):
            return answers
        try:
            verdicts = self.keep(requests)
        except PassingError as error:
            if spool is None or isinstance(error, ConflictError):  # then the database is there
                raise
            event(log, logging.ERROR, "database.away", reason=error.reason, error=str(error))
            return self._spooled(requests, spool)
        return _answers(requests, verdicts)

    def keep(self, requests: Sequence[Request]) -> list[Verdict]:
        """Judge requests by the handlers as they are now and store the verified ones; where it raises, none is."""
        for _ in range(_TRIES_AT_CONFLICTS - 1):
            try:
                return self._store(requests)
            except ConflictError:
                continue
            except PassingError:  # a pooled connection may have died unnoticed; the next try gets a new one
                break
        return self._store(requests)

    def prepare(self, requests: Sequence[Request]) -> Prepared | None:
        """Judge requests before the database is asked; None where that has to come first, or the spool is in use."""
        seen = self._live.seen
        if seen is None or not seen.stands or (self.spool and self.spool.waits()):
            return None
        group = self._judged(requests, seen.handlers)
        statements = deliveries.addition(group.arrivals, seen.stands, next(self._turns))
        return Prepared(group, statements) if len(statements[-1]) <= STATEMENT else None

    def complete(self, prepared: Prepared, affected: int) -> list[Answer]:
        """Answer the requests of a group whose statements have taken effect, the last one on so many rows."""
        group = prepared.group
        self._tell(group, duplicates=affected - len(group.arrivals))
        return _answers(group.requests, group.verdicts)

    def _store(self, requests: Sequence[Request]) -> list[Verdict]:
        with self.database.transaction() as tx:
            handlers = self._live.look(tx)
            group = self._judged(requests, handlers)
            duplicates = deliveries.add(tx, group.arrivals) if group.arrivals else 0
        self.seen = handlers
        self._tell(group, duplicates)
        return group.verdicts

    def _judged(self, requests: Sequence[Request], handlers: Sequence[Handler] | None) -> Group:
        judge = self._judge_by(handlers)
        if judge is None:
            return Group(None, requests, [DISABLED] * len(requests), [])
        verdicts = [judge.verdict(request) for request in requests]
        judged = zip(requests, verdicts, strict=True)
        arrivals = [judge.arrival(request, verdict) for request, verdict in judged if isinstance(verdict, Verified)]
        return Group(judge, requests, verdicts, arrivals)

    def _tell(self, group: Group, duplicates: int) -> None:
        if group.arrivals:
            names = ",".join(sorted({arrival.handler for arrival in group.arrivals}))
            count = len(group.arrivals)
            event(log, logging.INFO, "delivery.received", count=count, duplicates=duplicates, handlers=names)
        if group.judge is None or self.refusals is None or len(group.arrivals) == len(group.requests):
            return
        for request, verdict in zip(group.requests, group.verdicts, strict=True):
            if isinstance(verdict, Refused) and verdict is not NOT_POST:
                self.refusals.note(request, verdict, group.judge.handlers)

    def _judge_by(self, handlers: Sequence[Handler] | None) -> Judge | None:
        """Return who judges by these handlers, the same one while nothing changed; None where webhooks are off."""
        if handlers is None:
            return None
        judge = self._judge
        if judge is None or not judge.goes_by(handlers, self.handlers, self.elders):
            judge = self._judge = Judge(handlers, self.handlers, self.elders)
        return judge

    def _spooled(self, requests: Sequence[Request], spool: Spool, *, joining: bool = False) -> list[Answer]:
        """Spool what the handlers seen last verify. All else is to come again, for they may have changed meanwhile.

        Return no answers where the requests were to join others and those are stored by now.
        """
        judge = self._judge_by(self.seen)
        if judge is None:
            raise PassingError("the database is away, and Tiki's handlers were not seen before", reason="none_seen")
        names = [v.handler.name if isinstance(v := judge.verdict(each), Verified) else None for each in requests]
        verified = [Spooled(request, name) for request, name in zip(requests, names, strict=True) if name is not None]
        room = spool.add(verified, joining=joining) if verified else 0
        if room is None:
            return []
        told = {"count": room, "left_out": len(requests) - room, "handlers": ",".join(sorted({*filter(None, names)}))}
        event(log, logging.WARNING, "delivery.spooled", **told)
        answers = []
        for name in names:
            if name is None or not room:
                answers.append(Answer(503, TEMPORARILY, "database_away" if name is None else "spool_full"))
            else:
                answers.append(Answer(200, "ok", "spooled", name))
                room -= 1
        return answers


def _answers(requests: Sequence[Request], verdicts: Sequence[Verdict]) -> list[Answer]:
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


def _trouble(error: Exception, count: int) -> Answer:
    """Log why ``count`` requests could not be judged or stored; the sender learns only whose fault it is."""
    if not isinstance(error, TikisyncError):
        log.error("delivery.not_stored", exc_info=error)
        return Answer(500, "Internal error.", "internal")
    event(log, logging.ERROR, "delivery.not_stored", reason=error.reason, count=count, error=str(error))
    if isinstance(error, SenderError):
        return Answer(400, "This webhook cannot be stored.", error.reason)
    return Answer(503, TEMPORARILY, error.reason)
