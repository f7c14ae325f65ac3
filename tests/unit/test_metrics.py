"""The text format of metrics, and what the manual says of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.requests import Request

from tests import manual_pages
from tests.manual_pages import PAGES
from tikisync.web import metrics
from tikisync.web.nearness import is_local

ALERTS = Path(metrics.__file__).parent / "prometheus-alerts.yml"


def test_labels_are_escaped_as_the_format_asks() -> None:
    lines = "".join(metrics.metric("m", "gauge", "Told.", [({"a": 'x"\\\n', "b": ""}, 1), ({}, 0.5)]))
    assert lines == '# HELP m Told.\n# TYPE m gauge\nm{a="x\\"\\\\\\n",b=""} 1\nm 0.5\n'


def test_every_metric_is_in_the_manual_and_no_other() -> None:
    told = manual_pages.sections(PAGES["running"])["Metrics and alerts"]
    source = Path(metrics.__file__).read_text()
    named = re.compile(r"`(tikisync_[a-z_]+)[`{]")
    assert set(named.findall(told)) == set(re.findall(r'"(tikisync_[a-z_]+)"', source))


def test_the_alerts_ask_for_metrics_that_there_are() -> None:
    asked = re.findall(r"expr: .*?(tikisync_[a-z_]+)", ALERTS.read_text())
    assert len(asked) == 7
    assert set(asked) <= set(re.findall(r'"(tikisync_[a-z_]+)"', Path(metrics.__file__).read_text()))


def test_the_alerts_are_rules_as_prometheus_reads_them() -> None:
    """Each rule: a name of its own, an expression, how long it must hold if not at once, and a sentence for people."""
    head, *rules = re.split(r"^      - alert: ", ALERTS.read_text().partition("groups:")[2], flags=re.MULTILINE)
    assert head == "\n  - name: tikisync\n    rules:\n"
    shape = r"""([A-Z]\w+)
        expr: \S[^\n]*(?:
        for: [1-9]\d*[smh])?
        annotations:
          summary: [A-Za-z][^\n:#]*[.?]
"""
    found = [re.fullmatch(shape, rule) for rule in rules]
    assert all(found)
    assert len({each[1] for each in found if each}) == len(rules)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")
def test_prometheus_itself_takes_the_alerts() -> None:
    done = subprocess.run(["promtool", "check", "rules", ALERTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("client", "headers", "local"),
    [
        (("127.0.0.1", 1), [], True),
        (("::1", 1), [], True),
        (("192.0.2.1", 1), [], False),
        (("127.0.0.1", 1), [(b"x-forwarded-for", b"192.0.2.1")], False),
        (("/run/socket", 0), [], False),
        (None, [], False),
    ],
)
def test_only_a_request_of_this_machine_through_no_proxy_is_local(
    client: tuple[str, int] | None, headers: list[tuple[bytes, bytes]], local: bool
) -> None:
    assert is_local(Request({"type": "http", "client": client, "headers": headers})) is local
