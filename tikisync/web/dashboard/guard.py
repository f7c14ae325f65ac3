"""What stands before every page: same-origin forms, bounded bodies, a session, and headers that forbid the rest."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tikisync.core.requests import client_address
from tikisync.errors import TikisyncError
from tikisync.pipeline.sign_in import SignIn
from tikisync.web.dashboard import PREFIX
from tikisync.web.dashboard.pages import COOKIE, Pages

MAX_FORM = 4 << 20  # bytes: a payload pasted into the workbench, percent-encoded
MAX_LOGIN = 16 << 10  # bytes, of somebody we do not know yet
MAX_FIELDS = 100

_OPEN = (f"{PREFIX}/login", f"{PREFIX}/static/")
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """ASGI around the dashboard's routes; puts ``session`` and ``form`` into the request's state."""

    def __init__(self, routes: ASGIApp, pages: Pages, sign_in: SignIn) -> None:
        self._routes = routes
        self._pages = pages
        self._sign_in = sign_in

    @classmethod
    def around(cls, mount: Mount, pages: Pages, sign_in: SignIn) -> Mount:
        """Return the mount with its inside guarded."""
        return Mount(mount.path, app=cls(mount.app, pages, sign_in))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope, receive)
        response = await self._refusal(request)
        try:
            await (response or self._routes)(scope, receive, send_guarded)
        except TikisyncError as error:
            await self._pages.trouble(request, error)(scope, receive, send_guarded)
        except HTTPException as error:
            await self._pages.missing(request, error.status_code)(scope, receive, send_guarded)

    async def _refusal(self, request: Request) -> Response | None:
        """Return the answer of a request that goes no further; else fill in its state."""
        state = request.scope.setdefault("state", {})
        state.update(session=None, form={}, client_ip=self._client(request))
        if request.method not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("Only GET and POST are allowed here.", 405, {"allow": "GET, HEAD, POST"})
        if request.method == "POST" and not is_same_origin(request):
            return PlainTextResponse("This form was not sent from the dashboard's own pages.", 403)
        is_open = request.scope["path"].startswith(_OPEN)  # as it is routed: the URL is made of the Host header too
        if not is_open:
            try:
                state["session"] = await run_in_threadpool(self._sign_in.session, request.cookies.get(COOKIE, ""))
            except TikisyncError as error:
                return self._pages.trouble(request, error)
            if state["session"] is None:
                return _to_login(request)
        if request.method == "POST":
            state["form"] = await _form(request, MAX_LOGIN if is_open else MAX_FORM)
            if state["form"] is None:
                return PlainTextResponse("The form is too large.", 413)
        return None

    def _client(self, request: Request) -> str:
        peer = request.client.host if request.client else ""
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        return client_address(peer, forwarded, self._pages.app.config.server.trusted_proxies)


def is_same_origin(connection: HTTPConnection) -> bool:
    """Tell whether a browser says that a request comes from a page of this very site.

    Sec-Fetch-Site where the browser sends it (Fetch Metadata; it holds behind any proxy), else Origin beside Host.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == connection.headers.get("host")


def _to_login(request: Request) -> Response:
    """Lead to the login page and from there back; a part of a page cannot be led, so the whole page goes."""
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": f"{PREFIX}/login"})
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    query = "" if request.method == "POST" else f"?next={quote(target, safe='/')}"
    return RedirectResponse(f"{PREFIX}/login{query}", 303)


async def _form(request: Request, most: int) -> Mapping[str, str] | None:
    """Return the fields of a form, the last of those that are there twice; None where it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        return {}
