"""The requests that were refused last, and what would accept each: what ``tikisync doctor`` says, with a mouse."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tikisync import inspection
from tikisync.core.diagnosis import NOTHING_FITS
from tikisync.core.handlers import Refused
from tikisync.core.refusals import reference
from tikisync.pipeline import administer
from tikisync.web.dashboard import shown
from tikisync.web.dashboard.pages import Pages


def routes(pages: Pages) -> list[Route]:
    """Return the routes of the refused requests."""
    app = pages.app

    def listing(request: Request) -> Response:
        refused = [(reference(each), each) for each in app.refused()]
        return pages.render(request, "refused.html", refused=refused, kept=app.config.door.keep_refused)

    def one(request: Request) -> Response:
        wanted = request.path_params["reference"]
        found = next((each for each in app.refused() if reference(each) == wanted), None)
        if found is None:
            raise HTTPException(404)
        diagnosis = inspection.diagnose(app, found.request)
        hidden = frozenset().union(
            *(inspection.hidden_headers(app, each.name) for each in administer.handlers(app.database))
        )
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in found.request.headers]
        return pages.render(request, "refusal.html", refusal=found, diagnosis=diagnosis, nothing_fits=NOTHING_FITS,
                            accepted=not isinstance(diagnosis.verdict, Refused), headers=shown.headers(headers, hidden),
                            body=shown.body(found.request.body, headers))  # fmt: skip

    return [Route("/refused", listing), Route("/refused/{reference}", one)]
