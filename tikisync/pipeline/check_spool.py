"""What about the spool an admin should know of."""

from __future__ import annotations

from collections.abc import Iterator

from tikisync.core.document import iso_utc
from tikisync.errors import PassingError
from tikisync.inbox.spool import Spool
from tikisync.pipeline.finding import ERROR, WARNING, Finding

_RIGHTS = "give the folder to the user that the service runs as, or name another with [server] spool; off does without"


def check(spool: Spool) -> Iterator[Finding]:
    """Yield findings; nothing is written, for somebody else than the service may be asking."""
    where = f"spool {spool.folder}"
    if not spool.is_writable():
        why = "it cannot be written, so senders are told to come back while the database is away"
        yield Finding(WARNING, where, why, _RIGHTS)
    try:
        there = spool.standing()
    except PassingError as error:
        yield Finding(WARNING, where, str(error), "run this as the user that the service runs as")
        return
    if there.waiting:
        since = f", since {iso_utc(there.oldest)}" if there.oldest is not None else ""
        yield Finding(
            WARNING, where, f"deliveries wait in it to be stored: {there.waiting}{since}",
            "the running service stores them when the database is back; its log says what keeps it (spool.not_drained)",
        )  # fmt: skip
    if there.rejected:
        yield Finding(
            ERROR, where, f"deliveries did not verify any more when they were to be stored: {there.rejected}",
            "`tikisync spool list` says why; mend it in Tiki, then `tikisync spool retry`, or `tikisync spool discard`",
        )  # fmt: skip
    if there.damaged:
        yield Finding(
            ERROR, where, f"files with what could not be read any more: {there.damaged}",
            "look for trouble with the disk and let the senders send anew; `tikisync spool discard` removes them",
        )  # fmt: skip
