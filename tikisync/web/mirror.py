"""An endpoint for requests that a web server mirrors: each is handed on to be judged, and answered with nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tikisync.config import DoorSettings, ServerSettings
from tikisync.core.door import Rate
from tikisync.core.requests import Request
from tikisync.pipeline.answering import Answer
from tikisync.web.application import Application
from tikisync.web.door import Door
from tikisync.web.group_commit import GroupCommit
from tikisync.web.hooks import HookEndpoint

SEEN = Answer(204, "", "")
_NO_LIMIT = Rate(0, 1)


class _Mirror(HookEndpoint):
    @staticmethod
    def serves(path: str) -> bool:  # noqa: ARG004
        """Take every path: Tiki may be in any folder."""
        return True


def application(take: Callable[[Request], object], settings: ServerSettings) -> Application:
    """Return the application; ``take`` gets every request, in a thread of its own, and must not wait."""

    def receive(requests: Sequence[Request]) -> Sequence[Answer]:
        for request in requests:
            take(request)
        return [SEEN] * len(requests)

    group = GroupCommit(receive)

    mirror = _Mirror(
        group,
        body_limit=settings.body_limit,
        trusted_proxies=settings.trusted_proxies,
        allowed=lambda _method: True,
        door=Door(DoorSettings(_NO_LIMIT, _NO_LIMIT)),
    )
    return Application(mirror, [], group.lifespan)
