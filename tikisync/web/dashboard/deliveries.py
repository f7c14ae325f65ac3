"""The list of deliveries, one of them with its whole story, and what can be done with them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tikisync import inspection
from tikisync.core.recipes.choice import for_handler
from tikisync.errors import TikisyncError
from tikisync.inbox.deliveries import STATUSES
from tikisync.inbox.search import Filter
from tikisync.logs import event
from tikisync.pipeline import activity, administer
from tikisync.pipeline.explain import explain, rehearse
from tikisync.web.dashboard import PREFIX, shown
from tikisync.web.dashboard.pages import Pages, number_of

log = logging.getLogger(__name__)

_ACTIONS = {"replay": administer.replay, "discard": administer.discard}
_FILTERED = ("handler", "status", "item", "text", "since", "until")


def routes(pages: Pages) -> list[Route]:
    """Return the routes of the deliveries."""
    app = pages.app

    def listing(request: Request) -> Response:
        given = request.query_params
        before = given.get("before", "")
        page, words = activity.found(app.database, filter_of(given), number_of(before))
        query = _query(given)
        older = f"{query}&before={page.next_before}".lstrip("&") if page.next_before else ""
        names = [each.name for each in administer.handlers(app.database)]
        return pages.render(request, "deliveries.html", page=page, words=words, given=_plain(given), query=query,
                            older=older, is_first=not before, handlers=names, statuses=STATUSES)  # fmt: skip

    def one(request: Request) -> Response:
        delivery, attempts = administer.delivery(app.database, _number(request))
        explanation = explain(app.applier, delivery)
        preview, problem = None, ""
        if "dry_run" in request.query_params:
            try:
                preview = rehearse(app.applier, delivery)
            except TikisyncError as error:
                problem = f"{error}" + (f" → {error.hint}" if error.hint else "")
        template = "dry_run.html" if request.headers.get("hx-target") == "dry-run" else "delivery.html"
        hidden = inspection.hidden_headers(app, delivery.handler)
        own = explanation.handler
        recipe = for_handler(own, app.config.recipes) if own else None
        return pages.render(request, template, delivery=delivery, attempts=attempts, explanation=explanation,
                            recipe=recipe, preview=preview, problem=problem, asked="dry_run" in request.query_params,
                            headers=shown.headers(delivery.headers, hidden), items=shown.items(attempts),
                            body=shown.body(delivery.body, delivery.headers))  # fmt: skip

    def act(request: Request) -> Response:
        number, action = _number(request), _action(request)
        met = _ACTIONS[action](app.database, [number])
        _note(request, action, delivery=number, count=met)
        return RedirectResponse(f"{PREFIX}/deliveries/{number}?told={action}&count={met}", 303)

    def ask(request: Request) -> Response:
        action = _action(request)
        found = activity.matching(app.database, filter_of(request.query_params))
        return pages.render(request, "bulk.html", action=action, count=len(found), most=activity.BULK,
                            given=_plain(request.query_params), query=_query(request.query_params))  # fmt: skip

    def bulk(request: Request) -> Response:
        given, action = request.state.form, _action(request)
        met = _ACTIONS[action](app.database, activity.matching(app.database, filter_of(given)))
        _note(request, action, filter=_query(given), count=met)
        return RedirectResponse(f"{PREFIX}/deliveries?{_query(given)}&told={action}&count={met}", 303)

    return [
        Route("/deliveries", listing),
        Route("/deliveries/all/{action}", ask),
        Route("/deliveries/all/{action}", bulk, methods=["POST"]),
        Route("/deliveries/{number}", one),
        Route("/deliveries/{number}/{action}", act, methods=["POST"]),
    ]


def filter_of(given: Mapping[str, str]) -> Filter:
    """Return the filter of a form's fields; what cannot be read counts as empty."""
    return Filter(
        status=given.get("status", "") if given.get("status") in STATUSES else "",
        handler=given.get("handler", ""),
        item=number_of(given.get("item", "").strip()),
        text=given.get("text", "").strip(),
        since=_time(given.get("since", "")),
        until=_time(given.get("until", "")),
    )


def _action(request: Request) -> str:
    action: str = request.path_params["action"]
    if action not in _ACTIONS:
        raise HTTPException(404)
    return action


def _number(request: Request) -> int:
    number = number_of(request.path_params["number"])
    if number is None:
        raise HTTPException(404)
    return number


def _note(request: Request, action: str, **facts: object) -> None:
    """Log who did it."""
    event(log, logging.INFO, f"dashboard.{action}", user=request.state.session.login, **facts)


def _time(text: str) -> int | None:
    """Return milliseconds since the epoch of what a browser's date and time field sends, taken as UTC."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _plain(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in _FILTERED}


def _query(given: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in _plain(given).items() if value})
