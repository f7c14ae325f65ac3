"""The web application: the senders' endpoint ahead of everything else, then Starlette's routes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette import types
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from tikisync.app import App
from tikisync.config import DoorSettings, ServerSettings
from tikisync.core.requests import Request
from tikisync.inbox.spool import Standing
from tikisync.pipeline.answering import Answer
from tikisync.pipeline.receive import Receiver
from tikisync.web import dashboard, health
from tikisync.web.door import Door
from tikisync.web.hooks import HookEndpoint
from tikisync.web.later import Later
from tikisync.web.metrics import Metrics
from tikisync.web.receiving import Receiving

MEMORY = 32 << 20  # bytes of bodies on their way in, all together; more where a single one may be that large


class Application(Starlette):
    """A Starlette application whose hook endpoint sees a request before any middleware or route does."""

    def __init__(
        self, hooks: HookEndpoint, routes: Sequence[BaseRoute], lifespan: types.StatelessLifespan[Application]
    ) -> None:
        super().__init__(routes=routes, lifespan=lifespan)
        self.hooks = hooks

    def load(self) -> None:
        """Make what can be made once requests are taken already."""
        for route in self.routes:
            if isinstance(route, Later):
                route.load()

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Serve one request, or the start and end of the server (ASGI 3)."""
        if scope["type"] == "http" and self.hooks.serves(scope["path"]):
            await self.hooks(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create(
    receiver: Receiver,
    settings: ServerSettings,
    *,
    door: DoorSettings | None = None,
    ready: health.Problems,
    stored: Callable[[], object] = lambda: None,
    answered: Callable[[Sequence[Request], Sequence[Answer]], object] = lambda _requests, _answers: None,
    spooled: Callable[[], Standing] = Standing,
    routes: Sequence[BaseRoute] = (),
) -> Application:
    """Return the application; nothing of it runs before a server starts it.

    ``ready`` says in sentences what keeps the service from receiving; ``stored`` and ``answered`` are told of what is
    received, as ``Receiving`` has it; ``spooled`` says what the spool holds.
    """
    receiving = Receiving(receiver, stored, answered)
    hooks = HookEndpoint(
        receiving.group,
        body_limit=settings.body_limit,
        memory=max(MEMORY, 2 * settings.body_limit),
        trusted_proxies=settings.trusted_proxies,
        allowed=receiver.answers,
        door=Door(door or DoorSettings()),
    )
    return Application(hooks, [*health.routes(ready, spooled), *routes], receiving.lifespan)


def of_app(app: App, stored: Callable[[], object]) -> Application:
    """Return the application with all that the config switches on: dashboard and metrics."""
    metrics, spans = Metrics(app), app.spans()
    routes: list[BaseRoute] = [*metrics.routes()]
    if app.config.dashboard.enabled:
        routes.append(dashboard.mounted(app, metrics.acks))

    def answered(requests: Sequence[Request], answers: Sequence[Answer]) -> None:
        metrics.answered(requests, answers)
        if spans:
            spans.received(requests, answers, int(app.clock() * 1000))

    return create(
        app.receiver,
        app.config.server,
        door=app.config.door,
        ready=app.not_receiving,
        spooled=app.spooled,
        stored=stored,
        answered=answered,
        routes=routes,
    )
