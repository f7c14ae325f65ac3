"""The dashboard at ``/tikisync/``: server-rendered pages for Tiki's administrators; reading works without scripts."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from tikisync.app import App
from tikisync.pipeline.sign_in import SignIn
from tikisync.web.dashboard import deliveries, login, now, refused, rules
from tikisync.web.dashboard.guard import Guard
from tikisync.web.dashboard.pages import PREFIX, Pages

__all__ = ["PREFIX", "routes"]

_STATIC = Path(__file__).parent / "static"


def routes(app: App) -> list[BaseRoute]:
    """Return the dashboard's routes, none where the config does not switch it on."""
    settings = app.config.dashboard
    if not settings.enabled:
        return []
    key = settings.session_key.encode() or secrets.token_bytes(32)
    sign_in = SignIn(app.database, app.forced, time.time, key, local_passwords=settings.local_passwords)
    pages = Pages(app)
    guarded = Mount(
        PREFIX,
        routes=[
            *login.routes(pages, sign_in),
            *now.routes(pages),
            *deliveries.routes(pages),
            *refused.routes(pages),
            *rules.routes(pages),
            Mount("/static", StaticFiles(directory=_STATIC), name="static"),
        ],
    )
    return [
        Route(PREFIX, login.to_front_page),
        Guard.around(guarded, pages, sign_in),
    ]
