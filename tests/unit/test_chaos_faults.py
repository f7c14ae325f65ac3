"""A seed of ``scripts/chaos`` chooses its faults, and nothing else does."""

from __future__ import annotations

from itertools import islice

from tests.chaos.faults import Fault, Kind, faults


def first(seed: int, number: int = 500) -> list[Fault]:
    return list(islice(faults(seed, list(Kind)), number))


def test_the_same_seed_chooses_the_same_faults() -> None:
    assert first(7) == first(7)


def test_another_seed_chooses_others() -> None:
    assert first(7) != first(8)


def test_every_kind_of_fault_comes() -> None:
    assert {fault.kind for fault in first(7)} == set(Kind)


def test_kinds_that_were_not_asked_for_do_not_come() -> None:
    assert {fault.kind for fault in islice(faults(7, [Kind.TEAR, Kind.CUT]), 100)} == {Kind.TEAR, Kind.CUT}
