"""Whether a failed attempt at a delivery is tried again, and when."""

from __future__ import annotations

from dataclasses import dataclass

from tikisync.errors import TikisyncError


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How long to wait and how often to try; times are milliseconds."""

    first_delay: int = 1_000
    longest_delay: int = 300_000
    attempts: int = 20  # at passing trouble
    attempts_at_bugs: int = 5


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at a time (milliseconds since the epoch, UTC)."""

    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again."""

    reason: str


def decide(error: Exception, attempts: int, now: int, jitter: float, settings: RetrySettings) -> Retry | GiveUp:
    """Judge the error that ended the last of ``attempts`` attempts; ``now`` in milliseconds, ``jitter`` in [0, 1).

    Passing trouble and our own bugs are tried again up to their limits; what the sender or an admin has to mend is not.
    """
    if isinstance(error, TikisyncError):
        reason, limit = error.reason, settings.attempts if error.retried else 0
    else:
        reason, limit = TikisyncError.reason, settings.attempts_at_bugs
    if attempts >= limit:
        return GiveUp(reason)
    return Retry(now + delay(attempts, jitter, settings), reason)


def delay(failures: int, jitter: float, settings: RetrySettings) -> int:
    """Return how long to wait after so many failures in a row: up to twice as long each time (full jitter).

    See Marc Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
    """
    doublings = min(failures - 1, 60)  # no longer delay is that long, and no float overflows
    return int(jitter * min(settings.longest_delay, settings.first_delay * 2**doublings))


def sentence(error: Exception) -> str:
    """Say for an admin what went wrong, without anything that a sender sent; the log has the rest of a bug."""
    if not isinstance(error, TikisyncError):
        return f"a bug in tikisync ({type(error).__name__}); its log has the details"
    return f"{error}; {error.hint}" if error.hint else str(error)
