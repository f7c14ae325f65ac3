"""Compare what tikisync would make of requests with what Tiki's own endpoint does; nothing is stored or applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tikisync.config import HandlerSettings, recipes_of
from tikisync.core.document import CREDENTIALS
from tikisync.core.handlers import Handler, Verified
from tikisync.core.recipes.choice import for_handler
from tikisync.core.refusals import HIDDEN, Refusal
from tikisync.core.requests import TIKI_PATH, Request, handler_in
from tikisync.core.shadow import FPM, MODULE, REFUSED, Difference, Outcome, difference, outcome, tikis_choice
from tikisync.database import Database
from tikisync.errors import TikisyncError
from tikisync.inbox import deliveries
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.judging import Judge, Shaken
from tikisync.tiki import handlers as tiki_handlers
from tikisync.tiki import preferences

_PAGE = 100  # deliveries read at a time


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy of the Tiki answered."""

    status: int  # of HTTP
    text: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One request, what both make of it, and how that differs; or why it could not be compared."""

    request: str  # in words
    ours: Outcome = REFUSED
    tikis: Outcome = REFUSED
    difference: Difference | None = None
    left_out: str = ""


@dataclass(slots=True)
class Shadow:
    """Compares requests, by Tiki's switch and handlers as they are at that moment.

    ``ask`` has a copy of the Tiki judge a request, and raises TikisyncError where it does not answer; without it,
    Tiki's rule is evaluated here, for a PHP run in the way that ``php`` says.
    """

    database: Database
    settings: Mapping[str, HandlerSettings]
    forced: Mapping[str, str]  # preferences that Tiki's system configuration forces
    php: str = FPM
    ask: Callable[[Request, Sequence[Handler]], Copy] | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("same", "documented", "real", "left out"), 0))

    def compare(self, told: str, request: Request) -> Compared:
        """Return what both make of a request; raises PassingError where the database is away."""
        with self.database.transaction() as tx:
            is_on = preferences.switch_is_on(tx, self.forced)
            handlers = tiki_handlers.load(tx)
        if not is_on:
            return self.leave_out(told, "webhooks are switched off in Tiki, so both refuse everything")
        verdict = Judge(handlers, self.settings, {}).verdict(request)
        ours = verdict.handler if isinstance(verdict, Shaken) else verdict
        mine = outcome(ours.handler if isinstance(ours, Verified) else None)
        if isinstance(ours, str):
            mine = Outcome(True, ours)
        php, tikis, answered = self.php, tikis_choice(request, handlers, self.php), ""
        if self.ask:
            try:
                copy = self.ask(request, handlers)
            except TikisyncError as error:
                return self.leave_out(told, str(error))
            php, tikis, answered = _by_answer(request, handlers, copy)
        found = (
            Difference("verdict", answered, is_documented=False)
            if answered
            else difference(request, ours, tikis, recipes_of(self.settings), php)
        )
        return self._counted(Compared(told, mine, outcome(tikis), found))

    def kept(self, limit: int) -> Iterator[tuple[str, Request, str]]:
        """Yield stored deliveries, newest first: in words, as requests, and why one is not whole."""
        with self.database.transaction() as tx:
            handlers = {each.name: each for each in tiki_handlers.load(tx)}
        before = None
        while limit > 0:
            with self.database.transaction() as tx:
                page = deliveries.listing(tx, before_id=before, limit=min(limit, _PAGE))
                found = deliveries.load(tx, [each.delivery_id for each in page]) if page else []
            for each in reversed(found):
                yield f"delivery {each.delivery_id}", request_of(each), self._lacks(each, handlers.get(each.handler))
            if not page:
                return
            before, limit = page[-1].delivery_id, limit - len(page)

    def leave_out(self, told: str, why: str) -> Compared:
        """Count a request that is not whole."""
        return self._counted(Compared(told, left_out=why))

    def _lacks(self, delivery: Delivery, handler: Handler | None) -> str:
        if delivery.expired_at is not None:
            return "its body and headers have expired"
        if handler is None:
            return f"Tiki has no handler {delivery.handler} any more"
        recipe = for_handler(handler, recipes_of(self.settings))
        places = recipe.signature if recipe else (f"headers.{handler.signature_header.lower()}",)
        shown = recipe is not None and recipe.scheme == "token"
        if shown or any(place.removeprefix("headers.") in CREDENTIALS for place in places):
            return "its sender shows a secret, which is not kept with the delivery"
        return ""

    def _counted(self, compared: Compared) -> Compared:
        found = compared.difference
        kind = "left out" if compared.left_out else "same" if not found else "real"
        if found and found.is_documented:
            kind = "documented"
        self.counts[kind] += 1
        return compared


def request_of(delivery: Delivery) -> Request:
    """Return a kept delivery as the request it was, without the tokens that are not kept."""
    headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in delivery.headers)
    return Request(
        delivery.method, delivery.path, delivery.query, headers, delivery.body, delivery.received_at,
        delivery.client_ip, handler_in(delivery.path),
    )  # fmt: skip


def why_not_whole(refusal: Refusal) -> str:
    """Say what of a refused request was not kept, '' where all of it was."""
    if refusal.body_left_out:
        return f"its body was not kept: {refusal.body_left_out}"
    hidden = any(HIDDEN.encode() in value for _, value in refusal.request.headers) or HIDDEN in refusal.request.query
    return "a secret was taken out of it" if hidden else ""


def as_tiki_gets_it(request: Request) -> Request:
    """Return a request under Tiki's own path, whatever path a mirror brought it on."""
    return replace(request, path=TIKI_PATH, handler_name=None)


def _by_answer(request: Request, handlers: Sequence[Handler], copy: Copy) -> tuple[str, Handler | None, str]:
    """Return how the copy's PHP seems to be run, the handler that it chose, and what is odd about its answer."""
    if copy.status not in (200, 403):
        return FPM, None, f"the copy answered {copy.status}, as no tiki-webhooks.php does: {copy.text[:80]!r}"
    for php in (FPM, MODULE):
        choice = tikis_choice(request, handlers, php)
        if bool(choice) == (copy.status == 200):
            return php, choice, ""
    told = f"for handler {choice.name}" if choice else "for no handler"
    return FPM, None, (
        f"the copy answered {copy.status} {copy.text[:80]!r}, but by Tiki's rule and the handlers here it is signed "
        f"{told}: has the copy the same handlers, and does it get the request unchanged?"
    )  # fmt: skip
