"""Log lines: one event a line, readable by people or machines, whatever the facts hold."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync import logs

LOGGER = logging.getLogger("tikisync.tests.logs")


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def record(action: str = "delivery.done", **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("tikisync", logging.INFO, __file__, 1, action, (), None)
    made.created = datetime(2026, 11, 24, 6, 30, 0, 123000, UTC).timestamp()
    made.facts = facts
    return made


def test_a_text_line_has_time_level_action_and_facts() -> None:
    line = logs.TextFormatter().format(record(delivery=12, handler="Shop"))
    assert line == "2026-11-24T06:30:00.123Z INFO delivery.done delivery=12 handler=Shop"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", '""'),
        ("two words", '"two words"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("a=b", '"a=b"'),
        ("new\nline", '"new\\nline"'),
        ("červená", "červená"),
        ("žlutá barva", '"žlutá barva"'),
        ("\x1b[31mred", '"\\u001b[31mred"'),
        ("para\u2029graph", '"para\\u2029graph"'),
        ("\ud800", '"\\ud800"'),
        (0, "0"),
        (False, "False"),
    ],
)
def test_a_fact_is_quoted_where_it_would_be_unclear(value: object, shown: str) -> None:
    assert logs.TextFormatter().format(record(value=value)).endswith(f" value={shown}")


@given(st.text(), st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(), max_size=3))
def test_an_event_is_one_line_whatever_it_holds(action: str, facts: dict[str, Any]) -> None:
    line = logs.TextFormatter().format(record(action, **facts))
    assert line.isprintable()
    line = logs.JsonFormatter().format(record(action, **facts))
    assert line.isprintable()
    read = json.loads(line)
    assert read["action"] == action
    assert {key: read[key] for key in facts} == facts


def test_a_json_line_has_time_level_action_and_facts() -> None:
    line = logs.JsonFormatter().format(record(delivery=12, at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert json.loads(line) == {
        "time": "2026-11-24T06:30:00.123Z",
        "level": "info",
        "action": "delivery.done",
        "delivery": 12,
        "at": "2026-01-01 00:00:00+00:00",
    }


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_exception_comes_with_its_traceback(style: str) -> None:
    stream = io.StringIO()
    logs.configure("INFO", style, stream)
    try:
        raise ValueError("broken")
    except ValueError:
        LOGGER.exception("delivery.failed")
    told = json.loads(stream.getvalue())["traceback"] if style == "json" else stream.getvalue()
    assert told.splitlines()[-1].strip() == "ValueError: broken"
    assert "test_logs.py" in told


def test_an_error_cannot_forge_an_event_or_move_a_terminal() -> None:
    stream = io.StringIO()
    logs.configure("INFO", "text", stream)
    try:
        raise ValueError("x\n2026-11-24T06:30:00.123Z INFO dashboard.login user=admin\r\x1b[2J")
    except ValueError:
        LOGGER.exception("delivery.failed")
    first, *others = stream.getvalue().removesuffix("\n").split("\n")
    assert first.endswith("ERROR delivery.failed")
    assert all(line.startswith("  ") and line.isprintable() for line in others)


def test_an_event_below_the_level_is_not_logged_and_facts_of_none_are_left_out() -> None:
    stream = io.StringIO()
    logs.configure("WARNING", "text", stream)
    logs.event(LOGGER, logging.INFO, "delivery.done", delivery=1)
    assert stream.getvalue() == ""
    logs.event(LOGGER, logging.WARNING, "delivery.failed", delivery=1, handler=None)
    assert stream.getvalue().endswith("WARNING delivery.failed delivery=1\n")


def test_lines_of_other_libraries_keep_their_extra_facts() -> None:
    stream = io.StringIO()
    logs.configure("INFO", "json", stream)
    LOGGER.info("started %s", "server", extra={"port": 8025})
    read = json.loads(stream.getvalue())
    assert (read["action"], read["port"]) == ("started server", 8025)
    assert "name" not in read
    assert "msg" not in read


def test_configuring_again_replaces_the_handlers_and_logs_to_standard_error_by_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO", "json", io.StringIO())
    logs.configure()
    LOGGER.info("delivery.done")
    assert len(logging.getLogger().handlers) == 1
    assert capsys.readouterr().err.count("delivery.done") == 1
