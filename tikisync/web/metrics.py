"""``/metrics`` in Prometheus' text format, of this process and of the inbox that all processes share.

Written here rather than by prometheus_client: that keeps its registry in module-level state, and most of these figures
are read from the database at the scrape anyway (https://prometheus.io/docs/instrumenting/exposition_formats/, 0.0.4).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias

from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tikisync import __version__
from tikisync.app import App
from tikisync.core.requests import Request
from tikisync.errors import TikisyncError
from tikisync.inbox.spool import Standing
from tikisync.pipeline import overview
from tikisync.pipeline.answering import Answer
from tikisync.pipeline.overview import Overview
from tikisync.web.histogram import Histogram
from tikisync.web.nearness import is_local

Sample: TypeAlias = "tuple[dict[str, str], float]"

ALL, LOOPBACK = "all", "loopback"


class Metrics:
    """Counts the answers given to senders, and tells them with the inbox's figures."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._answers: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()
        self.acks = Histogram()  # seconds from a request's receipt to its answer

    def answered(self, requests: Sequence[Request], answers: Sequence[Answer]) -> None:
        """Count answers, and how long their requests waited for them."""
        counted = Counter([(answer.status, answer.reason) for answer in answers])
        now = self._app.clock()
        with self._lock:
            self._answers.update(counted)
            for request in requests:
                self.acks.observe(max(0.0, now - request.received_at / 1000))

    def routes(self) -> list[Route]:
        """Return the route, none where the config keeps the metrics off."""
        return [] if self._app.config.server.metrics == "off" else [Route("/metrics", self._tell)]

    def _tell(self, request: HttpRequest) -> Response:
        if self._app.config.server.metrics != ALL and not is_local(request):
            return PlainTextResponse("Not Found", 404)
        return PlainTextResponse("".join(self._lines()), media_type="text/plain; version=0.0.4")

    def _lines(self) -> Iterator[str]:
        yield from metric("tikisync_build_info", "gauge", "The running version.", [({"version": __version__}, 1)])
        yield from metric(
            "tikisync_requests_total", "counter", "Webhook requests answered by this process.",
            [({"status": str(status), "reason": why}, count) for (status, why), count in self._answers.copy().items()],
        )  # fmt: skip
        yield from histogram("tikisync_ack_seconds", "From receipt to answer, by this process.", self.acks)
        with suppress(TikisyncError):
            yield from self._of_spool(self._app.spooled())
        try:
            inbox = overview.overview(self._app.database, self._app.forced)
        except TikisyncError:
            yield from metric("tikisync_database_up", "gauge", "Whether the database answers.", [({}, 0)])
            return
        yield from metric("tikisync_database_up", "gauge", "Whether the database answers.", [({}, 1)])
        yield from self._of_inbox(inbox)

    def _of_spool(self, spool: Standing) -> Iterator[str]:
        told = "Deliveries in the spool: waiting for the database, or rejected when it was back."
        counts = {"waiting": spool.waiting, "rejected": spool.rejected}
        yield from metric(
            "tikisync_spool_deliveries", "gauge", told, [({"state": state}, count) for state, count in counts.items()]
        )
        yield from metric(
            "tikisync_spool_oldest_seconds", "gauge", "Age of the longest waiting one in the spool.",
            [({}, self._age(spool.oldest))],
        )  # fmt: skip
        yield from metric("tikisync_spool_bytes", "gauge", "Size of the spool.", [({}, spool.size)])

    def _age(self, received_at: int | None) -> float:
        return 0.0 if received_at is None else max(0.0, self._app.clock() - received_at / 1000)

    def _of_inbox(self, inbox: Overview) -> Iterator[str]:
        yield from metric(
            "tikisync_deliveries", "gauge", "Deliveries in the inbox that are not through, by status.",
            [({"status": "pending"}, inbox.pending), ({"status": "failed"}, inbox.failed)],
        )  # fmt: skip
        age = self._age(inbox.oldest_pending)
        yield from metric("tikisync_oldest_pending_seconds", "gauge", "Age of the longest waiting.", [({}, age)])
        told = "Whether Tiki's preference auth_webhooks is on."
        yield from metric("tikisync_webhooks_enabled", "gauge", told, [({}, int(inbox.switch_is_on))])
        told = "From receipt to done, of the last 200 deliveries done."
        yield from _quantiles("tikisync_receipt_to_done_seconds", told, inbox.time_to_done)
        yield from _quantiles("tikisync_apply_seconds", "One attempt, of the last 200.", inbox.time_to_apply)


def _quantiles(name: str, told: str, within: Callable[[int], int | None]) -> Iterator[str]:
    shares = ((percent / 100, within(percent)) for percent in (50, 95, 99))
    samples = [({"quantile": str(share)}, took / 1000) for share, took in shares if took is not None]
    yield from metric(name, "gauge", told, samples)


def histogram(name: str, told: str, histogram: Histogram) -> Iterator[str]:
    """Yield the lines of a histogram."""
    total = histogram.total
    yield f"# HELP {name} {told}\n# TYPE {name} histogram\n"
    count = 0
    for bound, count in histogram.samples():
        yield f'{name}_bucket{{le="{bound}"}} {count}\n'
    yield f"{name}_sum {total}\n{name}_count {count}\n"


def metric(name: str, kind: str, told: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the lines of one metric."""
    yield f"# HELP {name} {told}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{shown}}} {value}\n" if shown else f"{name} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
