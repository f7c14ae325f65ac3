"""The trace that a request belongs to, where its sender says so: W3C Trace Context (www.w3.org/TR/trace-context-2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Version ff is none; later versions begin like version 00, and may go on after another hyphen.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace and the sender's span in it, in lower-case hex; ``sampled``: whether the sender records it."""

    trace_id: str
    span_id: str
    sampled: bool


def trace_of(headers: Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]) -> Trace | None:
    """Return the trace that a request's headers (names in lower case) name, None where there is no one valid one."""
    values = [value for name, value in headers if name in ("traceparent", b"traceparent")]
    if len(values) != 1:
        return None
    text = values[0].decode("latin-1") if isinstance(values[0], bytes) else values[0]
    found = _TRACEPARENT.fullmatch(text)
    if found is None or (found[1] == "00" and found[5]):
        return None
    return Trace(found[2], found[3], bool(int(found[4], 16) & 1))


def trace_id_of(headers: Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the trace's id alone, for the log."""
    trace = trace_of(headers)
    return trace.trace_id if trace else None
