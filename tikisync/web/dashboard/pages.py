"""Rendering: templates, and what every page shows around its content."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tikisync import __version__
from tikisync.app import App
from tikisync.errors import TikisyncError
from tikisync.logs import event
from tikisync.web.dashboard import PREFIX, shown
from tikisync.web.histogram import Histogram

log = logging.getLogger(__name__)

COOKIE = "tikisync_session"

_NAVIGATION = (("Now", "/"), ("Deliveries", "/deliveries"), ("Refused", "/refused"),
               ("Handlers", "/handlers"), ("Rules", "/rules"), ("Workbench", "/workbench"))  # fmt: skip
_TOLD: Mapping[str, str] = {  # by a word in the address: nobody can put a text of theirs on the page
    "replay": "will be applied again",
    "discard": "put aside: kept, and not applied",
}


class Pages:
    """Makes responses of templates."""

    def __init__(self, app: App, acks: Histogram) -> None:
        self.app, self.acks = app, acks
        self._templates = Environment(
            loader=PackageLoader("tikisync.web.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(shown.FILTERS)
        self._templates.globals.update(prefix=PREFIX, version=__version__)

    def render(self, request: Request, template: str, *, status: int = 200, **content: Any) -> Response:
        """Return a page; ``content`` is what its template asks for besides the frame."""
        state = request.scope["state"]
        frame = {
            "path": request.url.path.removeprefix(PREFIX),
            "navigation": _NAVIGATION,
            "login": state["session"].login if state["session"] else "",
            "told": _told(request.query_params),
            "tiki_url": self.app.config.dashboard.tiki_url,
            "now": self.now(),
        }
        return HTMLResponse(self._templates.get_template(template).render({**frame, **content}), status)

    def trouble(self, request: Request, error: TikisyncError) -> Response:
        """Return the page for an error, in the words that an admin gets on the command line too; a stranger none."""
        event(log, logging.ERROR, "dashboard.trouble", reason=error.reason, error=str(error))
        status = 404 if error.reason == "delivery_unknown" else 503 if error.retried else 500
        told = (str(error), error.hint) if request.scope["state"]["session"] else ("The service's log says why.", "")
        return self.render(request, "trouble.html", status=status, message=told[0], hint=told[1])

    def missing(self, request: Request, status: int) -> Response:
        """Return the page for an address or a method that there is not."""
        return self.render(request, "trouble.html", status=status, message="There is no such page.", hint="")

    @staticmethod
    def now() -> int:
        """Return the time in milliseconds since the epoch."""
        return int(time.time() * 1000)


def number_of(text: str) -> int | None:
    """Return the number of a delivery that an address or a form gives, None where it can be none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _told(query: Mapping[str, str]) -> str:
    """Return what an action did, of the action and the number of deliveries in the address."""
    done, count = _TOLD.get(query.get("told", ""), ""), query.get("count", "")
    if not (done and count.isdecimal() and len(count) < 10):
        return ""
    if int(count) == 0:
        return "Nothing was changed: a worker has it in hand, or its status does not allow it."
    return f"{int(count)} {'delivery' if int(count) == 1 else 'deliveries'} {done}."
