"""A histogram as Prometheus has them: how many observations were at most so large, for a few bounds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Histogram:
    """Observations of one process since its start; told to by one thread at a time, read by any."""

    bounds: Sequence[float] = SECONDS
    total: float = 0.0
    _counts: list[int] = field(init=False)  # by bound, and one for what is above all of them

    def __post_init__(self) -> None:
        self._counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def samples(self) -> Iterator[tuple[str, int]]:
        """Yield each bound, as Prometheus' label ``le`` has it, with the number of values up to it; ``+Inf``: all."""
        below = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self._counts.copy(), strict=True):
            below += count
            yield bound, below

    def within(self, percent: int) -> float | None:
        """Return the bound within which so many of the values are, None where there are none or it is above all."""
        counts = [count for _, count in self.samples()]
        wanted = counts[-1] * percent / 100
        return next(
            (bound for bound, count in zip(self.bounds, counts, strict=False) if counts[-1] and count >= wanted), None
        )
