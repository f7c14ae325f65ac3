"""Which faults come when: a seed and the kinds of faults decide it, nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can go wrong; for how long ``Fault.seconds`` says."""

    KILL_SERVE = "kill serve"
    KILL_WORK = "kill work"
    KILL_DATABASE = "kill database"
    FREEZE = "freeze a process"  # it does nothing for a while and then goes on, as a machine that was suspended
    CUT = "cut connections"  # all of those to the database, and new ones are refused
    TEAR = "tear a connection"  # one of those, in the middle of a statement or of its answer
    FULL = "fill the spool's disk"  # while the connections to the database are cut
    CLOCK = "set a clock wrong"  # of one process
    DEADLOCKS = "edit the same items"  # in transactions that lock in another order


_WEIGHTS = {Kind.KILL_SERVE: 3, Kind.KILL_WORK: 3, Kind.KILL_DATABASE: 2, Kind.TEAR: 5}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong; ``target`` and ``amount`` are whole numbers that each kind takes in its own way."""

    pause: float  # seconds after the fault before it
    kind: Kind
    target: int
    amount: int
    seconds: float


def faults(seed: int, kinds: Sequence[Kind], *, every: float = 1.5) -> Iterator[Fault]:
    """Yield faults without end, one each ``every`` seconds on average; the same for the same arguments."""
    chance = random.Random(seed)
    weights = [_WEIGHTS.get(kind, 1) for kind in kinds]
    while True:
        yield Fault(
            pause=chance.expovariate(1 / every),
            kind=chance.choices(kinds, weights)[0],
            target=chance.randrange(1 << 16),
            amount=chance.randrange(1 << 16),
            seconds=chance.uniform(0, 4),
        )
