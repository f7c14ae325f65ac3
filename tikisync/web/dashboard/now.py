"""The front page: what goes on now."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tikisync import inspection
from tikisync.app import App
from tikisync.errors import PassingError
from tikisync.inbox.deliveries import STATUSES
from tikisync.inbox.spool import Standing
from tikisync.inbox.statistics import MINUTE
from tikisync.pipeline import activity
from tikisync.pipeline.activity import MINUTES, Activity
from tikisync.web.dashboard.pages import Pages

HEIGHT, BAR = 100.0, 10.0  # of the chart, and the width of a minute in it: units of its viewBox
_STACKED = ("done", "ignored", "discarded", "pending", "failed")  # from the ground up


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the chart."""

    status: str
    x: float
    y: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Deliveries per minute: bars, the height of the scale, times below it, and the sums by status."""

    bars: tuple[Bar, ...]
    top: int
    labels: tuple[int, ...]  # milliseconds since the epoch
    sums: tuple[tuple[str, int], ...]

    @property
    def width(self) -> float:
        """The width of the viewBox."""
        return MINUTES * BAR


def routes(pages: Pages) -> list[Route]:
    """Return the routes of the front page and of its part that is fetched again every few seconds."""

    def content(template: str, request: Request) -> Response:
        app = pages.app
        found = activity.activity(app.database, app.forced, pages.now())
        handlers = activity.handlers(app.database)
        findings = inspection.check(app) if template == "now.html" else []
        return pages.render(request, template, activity=found, chart=chart(found), handlers=handlers,
                            refused=app.refused(), spool=_spooled(app), acks=pages.acks, findings=findings)  # fmt: skip

    def page(request: Request) -> Response:
        return content("now.html", request)

    def live(request: Request) -> Response:
        return content("now_live.html", request)

    return [Route("/", page), Route("/live", live)]


def _spooled(app: App) -> Standing:
    try:
        return app.spooled()
    except PassingError:  # the findings say so
        return Standing()


def chart(found: Activity) -> Chart:
    """Return the chart of the last hour."""
    highest = max((sum(counts.values()) for counts in found.minutes.values()), default=0)
    top = _scale(highest)
    bars = []
    for number in range(MINUTES):
        counts, ground = found.minutes.get(found.first_minute + number * MINUTE, {}), HEIGHT
        for status in _STACKED:
            if count := counts.get(status, 0):
                height = count / top * HEIGHT
                ground -= height
                bars.append(Bar(status, number * BAR + 1, round(ground, 2), round(height, 2), f"{count} {status}"))
    labels = tuple(found.first_minute + number * MINUTE for number in range(0, MINUTES, 15))
    sums = tuple((status, sum(each.get(status, 0) for each in found.minutes.values())) for status in STATUSES)
    return Chart(tuple(bars), top, (*labels, found.first_minute + MINUTES * MINUTE), sums)


def _scale(highest: int) -> int:
    """Return the lowest of 4, 10, 20, 50, 100, … that holds a number."""
    step = 1
    while True:
        for factor in (4, 10, 20) if step == 1 else (5, 10, 20):
            if highest <= factor * step:
                return factor * step
        step *= 10
