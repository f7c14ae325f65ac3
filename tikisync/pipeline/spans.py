"""Spans for OpenTelemetry: what was received, claimed and applied, as part of the sender's trace where it names one.

Imported only where ``[log] otel`` is on. Each span is told when it is over, so nothing wraps the work itself. Where to
and how they go is OpenTelemetry's own to say, by its variables ``OTEL_…`` (opentelemetry.io/docs/specs/otel,
SDK environment variables).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from tikisync import __version__
from tikisync.core.requests import Request
from tikisync.core.trace import Trace, trace_of
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.answering import Answer

_MILLISECOND = 1_000_000  # nanoseconds


class Spans:
    """Tells spans to a provider; times are milliseconds since the epoch, UTC."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("tikisync", __version__)

    def received(self, requests: Sequence[Request], answers: Sequence[Answer], now: int) -> None:
        """Tell of the requests of a group that were kept."""
        for request, answer in zip(requests, answers, strict=True):
            if answer.reason in ("received", "spooled"):
                facts: dict[str, str | int] = {
                    "tikisync.handler": answer.handler,
                    "http.response.status_code": answer.status,
                }
                self._tell("receive", SpanKind.SERVER, trace_of(request.headers), request.received_at, now, facts)

    def claimed(self, worker: str, deliveries: Sequence[Delivery], started: int, ended: int) -> None:
        """Tell that a worker has claimed deliveries, linked to the traces of all of them."""
        traces = [found for each in deliveries if (found := trace_of(each.headers))]
        span = self._tracer.start_span(
            "claim",
            kind=SpanKind.CONSUMER,
            links=[Link(_context(each)) for each in traces],
            attributes={"tikisync.worker": worker, "tikisync.deliveries": len(deliveries)},
            start_time=started * _MILLISECOND,
        )
        span.end(ended * _MILLISECOND)

    def applied(self, delivery: Delivery, started: int, ended: int, outcome: str, reason: str) -> None:
        """Tell of one attempt at a delivery, how it ended, and the reason where it did not end well."""
        facts: dict[str, str | int] = {
            "tikisync.delivery": delivery.delivery_id,
            "tikisync.handler": delivery.handler,
            "tikisync.attempt": delivery.attempts,
            "tikisync.outcome": outcome,
        }
        if reason:
            facts["error.type"] = reason
        self._tell("apply", SpanKind.CONSUMER, trace_of(delivery.headers), started, ended, facts)

    def _tell(
        self, name: str, kind: SpanKind, parent: Trace | None, started: int, ended: int, facts: Mapping[str, str | int]
    ) -> None:
        above = trace.set_span_in_context(NonRecordingSpan(_context(parent))) if parent else None
        span = self._tracer.start_span(name, above, kind, facts, start_time=started * _MILLISECOND)
        if "error.type" in facts:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended * _MILLISECOND)


def exporting() -> Spans:
    """Return spans that go, in batches and from a thread of their own, to where ``OTEL_EXPORTER_OTLP_…`` says."""
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    provider = TracerProvider(resource=Resource.create({} if named else {"service.name": "tikisync"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(provider)


def _context(parent: Trace) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)
