"""Logging in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tikisync.core.login import Denied
from tikisync.core.sessions import LIFETIME, seal
from tikisync.pipeline.sign_in import SignIn
from tikisync.web.dashboard import PREFIX
from tikisync.web.dashboard.pages import COOKIE, Pages
from tikisync.web.nearness import is_local

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NOT_KEPT = "Your browser did not keep the session: open the dashboard over https (or on this very machine)."


def routes(pages: Pages, sign_in: SignIn) -> list[Route]:
    """Return the routes of logging in and out."""

    def form(request: Request) -> Response:
        told = _NOT_KEPT if _signed_in(request.query_params.get("next", "")) else ""
        return pages.render(request, "login.html", problem=told, next=_own(request.query_params.get("next", "")))

    def check(request: Request) -> Response:
        given, target = request.state.form, _own(request.state.form.get("next", ""))
        verdict = sign_in.sign_in(
            given.get("login", ""), given.get("password", ""), given.get("code", ""), request.state.client_ip
        )
        if isinstance(verdict, Denied):
            status = 429 if verdict.reason == "too_many" else 403
            return pages.render(request, "login.html", status=status, problem=verdict.told, next=target)
        answer = RedirectResponse(_marked(target), 303)
        _set_cookie(answer, request, seal(verdict, sign_in.key), LIFETIME)
        return answer

    def leave(request: Request) -> Response:
        answer = RedirectResponse(f"{PREFIX}/login", 303)
        _set_cookie(answer, request, "", 0)
        return answer

    return [
        Route("/login", form),
        Route("/login", check, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
    ]


def to_front_page(_request: Request) -> Response:
    """Lead from the bare prefix to the page."""
    return RedirectResponse(f"{PREFIX}/", 308)


def _set_cookie(answer: Response, request: Request, value: str, lifetime: int) -> None:
    """Set the session cookie: for https only, except on the machine itself, where it crosses no network."""
    is_near = request.url.hostname in _LOOPBACK and is_local(request)
    answer.set_cookie(
        COOKIE, value, max_age=lifetime, path=f"{PREFIX}/", httponly=True, samesite="lax",
        secure=not is_near,
    )  # fmt: skip


def _own(target: str) -> str:
    """Return an address of the dashboard, whatever a link says."""
    return target if target.startswith(f"{PREFIX}/") and "\\" not in target and "//" not in target else f"{PREFIX}/"


def _marked(target: str) -> str:
    return target + ("&" if "?" in target else "?") + "signed_in="


def _signed_in(target: str) -> bool:
    """Tell whether somebody has come from the login page just now, and without the cookie it gave them."""
    return target.endswith("signed_in=")
