"""The dashboard at ``/tikisync/``: server-rendered pages for Tiki's administrators; reading works without scripts.

It is loaded once the service listens, or with the first request to it: to receive webhooks needs nothing of it.
"""

from __future__ import annotations

from starlette.routing import Router
from starlette.types import ASGIApp

from tikisync.app import App
from tikisync.web.histogram import Histogram
from tikisync.web.later import Later

PREFIX = "/tikisync"


def mounted(app: App, acks: Histogram) -> Later:
    """Return the route to all pages; ``acks`` are the times from a request's receipt to its answer, in seconds."""

    def pages() -> ASGIApp:
        from tikisync.web.dashboard.routes import routes  # and all that pages are made with

        return Router(routes(app, acks))

    return Later(PREFIX, pages)
