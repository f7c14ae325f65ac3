"""All addresses of the dashboard, behind their guard."""

from __future__ import annotations

import mimetypes
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from tikisync.app import App
from tikisync.pipeline.sign_in import SignIn
from tikisync.web.dashboard import PREFIX, deliveries, login, now, refused, rules
from tikisync.web.dashboard.guard import Guard
from tikisync.web.dashboard.pages import Pages
from tikisync.web.histogram import Histogram


def routes(app: App, acks: Histogram) -> list[BaseRoute]:
    """Return the dashboard's routes; ``acks`` are the times from a request's receipt to its answer, in seconds."""
    settings = app.config.dashboard
    key = settings.session_key.encode() or secrets.token_bytes(32)
    sign_in = SignIn(app.database, app.forced, time.time, key, local_passwords=settings.local_passwords)
    pages = Pages(app, acks)
    guarded = Mount(
        PREFIX,
        routes=[
            *login.routes(pages, sign_in),
            *now.routes(pages),
            *deliveries.routes(pages),
            *refused.routes(pages),
            *rules.routes(pages),
            Route("/static/{name}", _static()),
        ],
    )
    return [
        Route(PREFIX, login.to_front_page),
        Guard.around(guarded, pages, sign_in),
    ]


def _static() -> Callable[[Request], Awaitable[Response]]:
    """Return the route of the few files that pages need; from memory, as each open file would cost a connection."""
    files = {file.name: file.read_bytes() for file in (Path(__file__).parent / "static").iterdir()}

    async def one(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], media_type=mimetypes.guess_type(name)[0])

    return one
