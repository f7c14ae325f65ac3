"""Receive requests: verify each as Tiki's handlers say and keep the verified ones, a whole group in one transaction."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tikisync.config import HandlerSettings
from tikisync.core.recipes.recipe import GET_HANDSHAKES
from tikisync.core.requests import Request
from tikisync.core.spooled import Spooled
from tikisync.core.verification import Handler, Refused, Verified
from tikisync.database import Database
from tikisync.database.literals import STATEMENT
from tikisync.database.nonblocking import Command
from tikisync.errors import ConflictError, PassingError, SetupError
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import Arrival
from tikisync.inbox.refusals import Refusals
from tikisync.inbox.spool import Spool
from tikisync.logs import event
from tikisync.pipeline.answering import DISABLED, TEMPORARILY, Answer, answers, trouble
from tikisync.pipeline.judging import NOT_POST, Judge, Verdict
from tikisync.tiki.live_handlers import LiveHandlers

log = logging.getLogger(__name__)


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
    statements: Sequence[Command] = field(repr=False)


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
            return [trouble(error, len(requests))] * len(requests)
        except Exception as error:  # maybe one request's fault, from which the others must not suffer
            if len(requests) == 1:
                return [trouble(error, 1)]
        half = len(requests) // 2
        return self.receive(requests[:half]) + self.receive(requests[half:])

    def _received(self, requests: Sequence[Request]) -> list[Answer]:
        """Store requests; but into the spool with them where older ones wait there still, or the database is away."""
        spool = self.spool
        if spool and spool.waits() and (spooled := self._spooled(requests, spool, joining=True)):
            return spooled
        try:
            verdicts = self.keep(requests)
        except PassingError as error:
            if spool is None or isinstance(error, ConflictError):  # then the database is there
                raise
            event(log, logging.ERROR, "database.away", reason=error.reason, error=str(error))
            return self._spooled(requests, spool)
        return answers(requests, verdicts)

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

    def prepare(self, requests: Sequence[Request], *, in_bulk: bool = False) -> Prepared | None:
        """Judge requests before the database is asked; None where that has to come first, or the spool is in use.

        ``in_bulk``: the connection they are for has ``deliveries.ADDITION`` as its bulk statement.
        """
        seen = self._live.seen
        if seen is None or not seen.stands or (self.spool and self.spool.waits()):
            return None
        group = self._judged(requests, seen.handlers)
        stands = self._live.condition(each.handler if isinstance(each, Verified) else None for each in group.verdicts)
        statements = deliveries.addition(group.arrivals, stands, next(self._turns), in_bulk=in_bulk)
        return Prepared(group, statements) if len(statements[-1]) <= STATEMENT else None

    def complete(self, prepared: Prepared, affected: int) -> list[Answer]:
        """Answer the requests of a group whose statements have taken effect, the last one on so many rows."""
        group = prepared.group
        self._tell(group, duplicates=affected - len(group.arrivals))
        return answers(group.requests, group.verdicts)

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
        found = []
        for name in names:
            if name is None or not room:
                found.append(Answer(503, TEMPORARILY, "database_away" if name is None else "spool_full"))
            else:
                found.append(Answer(200, "ok", "spooled", name))
                room -= 1
        return found
