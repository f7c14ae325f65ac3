"""A clock for tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StandingClock:
    """Tells the same time, in seconds, until it is set forward."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now
