"""Logging: one event a line, as text or JSON, with ``key=value`` facts and never a body or a secret."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def event(logger: logging.Logger, level: int, action: str, **facts: object) -> None:
    """Log ``action`` (a fixed dotted name such as ``delivery.done``) with its facts; None facts are left out."""
    if logger.isEnabledFor(level):
        logger.log(level, action, extra={"facts": {key: value for key, value in facts.items() if value is not None}})


class TextFormatter(logging.Formatter):
    """``2026-11-24T06:30:00.123Z INFO delivery.done delivery=12 handler=Shop``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, an exception's traceback below it."""
        facts = "".join(f" {key}={_shown(value)}" for key, value in _facts(record).items())
        message = record.getMessage()
        action = message if message.isprintable() else json.dumps(message)[1:-1]
        line = f"{_when(record)} {record.levelname} {action}{facts}"
        return line + (_indented(self.formatException(record.exc_info)) if record.exc_info else "")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``action`` and the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, Any] = {"time": _when(record), "level": record.levelname.lower(), "action": record.getMessage()}
        line.update(_facts(record))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        text = json.dumps(line, default=str, ensure_ascii=False)
        return text if text.isprintable() else json.dumps(line, default=str)


def configure(level: str = "INFO", style: str = "text", stream: TextIO | None = None) -> None:
    """Send all logging to ``stream`` (standard error) in ``style`` ``text`` or ``json``."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _when(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = getattr(record, "facts", {})
    return facts or {key: value for key, value in vars(record).items() if key not in _STANDARD and key != "facts"}


def _indented(traceback: str) -> str:
    """Return the lines below an event: none may look like an event, or move a terminal, whatever the error says."""
    return "".join(f"\n  {line if line.isprintable() else repr(line)[1:-1]}" for line in traceback.split("\n"))


def _shown(value: object) -> str:
    text = str(value)
    if text and text.isprintable() and not any(c in text for c in ' "='):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())  # nothing that moves a terminal or begins a line
