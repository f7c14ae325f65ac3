"""How an answer is written: as ASGI messages, or as the bytes that go over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from starlette.types import Message

from tikisync.core.recipes.handshakes import HandshakeAnswer
from tikisync.pipeline.answering import Answer

RETRY_AFTER = 15  # seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer's status, headers and body; ``closes``: nothing more is taken over this connection."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    wire: bytes  # headers and body as HTTP/1.1 writes them, after the lines that the server adds
    closes: bool = False

    @property
    def messages(self) -> tuple[Message, Message]:
        """The two messages of ASGI; where it closes, an empty one is to follow when all is read."""
        return (
            {"type": "http.response.start", "status": self.status, "headers": self.headers},
            {"type": "http.response.body", "body": self.body, "more_body": self.closes},
        )


def reply(answer: Answer, retry_after: int = RETRY_AFTER, *, closes: bool = False) -> Reply:
    """Return what a sender gets for an answer; ``retry_after`` (seconds) is told where the trouble passes."""
    return _handshake(answer.handshake) if answer.handshake else _text(answer, retry_after, closes)


@lru_cache(maxsize=256)
def _text(answer: Answer, retry_after: int, closes: bool) -> Reply:
    headers = []
    if answer.status in (429, 503):
        headers.append((b"retry-after", str(retry_after).encode("ascii")))
    if answer.status == 405:
        headers.append((b"allow", b"POST"))
    if closes:
        headers.append((b"connection", b"close"))
    return _written(answer.status, "text/plain; charset=utf-8", answer.text.encode("utf-8"), headers, closes)


def _handshake(answer: HandshakeAnswer) -> Reply:
    headers = [*answer.headers, (b"x-content-type-options", b"nosniff")]
    return _written(200, answer.content_type, answer.body, headers, closes=False)


def _written(status: int, kind: str, body: bytes, more: list[tuple[bytes, bytes]], closes: bool) -> Reply:
    length = str(len(body)).encode("ascii")
    headers = ((b"content-type", kind.encode("ascii")), (b"content-length", length), *more)
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    return Reply(status, headers, body, b"%b\r\n%b" % (lines, body), closes)
