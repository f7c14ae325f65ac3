"""The sender's trace goes through: into the log always, to OpenTelemetry where that is on; a collector listens here."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.databases import TikiDatabase
from tests.end_to_end.program import free_port, run, running, until
from tests.end_to_end.test_commands import RULES
from tests.end_to_end.test_service import order, signed
from tikisync.app import open_app

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


class Collector(HTTPServer):
    """Takes spans as OpenTelemetry's collector does (OTLP over HTTP)."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Taking)


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["content-length"]))
        for each in ExportTraceServiceRequest.FromString(body).resource_spans:
            facts = {fact.key: fact.value.string_value for fact in each.resource.attributes}
            self.server.services.add(facts["service.name"])
            self.server.spans += [span for scope in each.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.fixture
def config(tiki_url: str, tmp_path: Path) -> Path:
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = {tiki_url}\n[server]\nport = {free_port()}\n[log]\nformat = json\nOTEL\n{RULES}")
    return path


def test_spans_of_receiving_claiming_and_applying_are_of_the_senders_trace(
    tiki: TikiDatabase, config: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(config.read_text().replace("OTEL", "otel = yes"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    body, bad = order(1), order(2, state="no such state")
    with running("serve", config, open_app(config).config.server.port) as service:
        for each in (body, bad):
            assert service.post(each, {**signed(each), **TRACEPARENT}) == (200, "ok")
        until(lambda: sum(span.name == "apply" for span in collector.spans) == 2, service.log)
        until(lambda: sum(span.name == "receive" for span in collector.spans) == 2, service.log)
        until(lambda: any(link.trace_id.hex() == TRACE for each in collector.spans for link in each.links), service.log)
        assert service.stop() == 0

    of_the_trace = [span for span in collector.spans if span.trace_id.hex() == TRACE]
    assert sorted(span.name for span in of_the_trace) == ["apply", "apply", "receive", "receive"]
    assert {span.parent_span_id.hex() for span in of_the_trace} == {SPAN}
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in collector.spans)
    facts = [{fact.key: fact.value.string_value for fact in span.attributes} for span in of_the_trace]
    outcomes = {each["tikisync.outcome"]: each.get("error.type") for each in facts if "tikisync.outcome" in each}
    assert outcomes == {"done": None, "failed": "unknown_option"}
    assert collector.services == {"tikisync"}
    assert "A-1" not in str(collector.spans)  # nothing of a payload


def test_the_log_names_the_trace_and_no_body(tiki: TikiDatabase, config: Path) -> None:
    config.write_text(config.read_text().replace("OTEL", "level = DEBUG"))
    with running("serve", config, open_app(config).config.server.port) as service:
        assert service.post(order(1), {**signed(order(1)), **TRACEPARENT}) == (200, "ok")
        assert service.post(order(2), {"X-Shop-Signature": "forged", **TRACEPARENT})[0] == 403
        until(lambda: "delivery.done" in service.log.read_text(), service.log)
        assert service.stop() == 0

    events = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert all(each["action"] and each["time"].endswith("Z") for each in events)
    traced = {each["action"]: each for each in events if each.get("trace_id") == TRACE}
    assert traced.keys() == {"delivery.done", "delivery.refused"}
    assert traced["delivery.done"]["delivery"] == 1
    assert "placed" not in service.log.read_text()  # a word of the body


def test_nothing_of_opentelemetry_is_loaded_where_it_is_off() -> None:
    code = (
        "import sys; from tikisync.app import App; from tikisync.web import application, server; "
        "from tikisync.pipeline import supervisor; print(sum('opentelemetry' in name for name in sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "0\n"


def test_without_the_package_the_service_says_what_to_install(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace("OTEL", "otel = yes"))
    hidden = tmp_path / "opentelemetry"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("")

    done = run("serve", "-c", str(config), PYTHONPATH=f"{tmp_path}:{Path.cwd()}")

    assert done.returncode == 2
    assert "pip install 'tikisync[otel]'" in done.stderr
