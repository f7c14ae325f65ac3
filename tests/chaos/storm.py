"""Carrying out faults, and healing what they broke when their time is over."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TypeVar

from tests.chaos.editor import Editor
from tests.chaos.faults import Fault, Kind
from tests.chaos.mariadb import Node
from tests.chaos.processes import Part, Program
from tests.chaos.site import Site

_TORN_WITHIN = 20_000  # bytes
_PARTS = [*Part]
_FULL_WITHIN = 5_000  # bytes
_WRONG_BY = 60  # seconds, at most

_Any = TypeVar("_Any")


class Storm:
    """Faults on a site; ``step`` does what is due, and starts again what ended by itself."""

    def __init__(self, site: Site, editor: Editor, faults: Iterator[Fault]) -> None:
        self.carried_out: Counter[str] = Counter()
        self._site, self._editor, self._faults = site, editor, faults
        self._next = next(faults)
        self._due: float | None = None
        self._healing: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._down: set[Program | Node] = set()  # kept down for now

    def step(self, now: float) -> None:
        """Do what is due at ``now`` (seconds of a monotonic clock)."""
        self._heal(now)
        self._due = self._due or now + self._next.pause
        if now >= self._due:
            self._inflict(self._next, now)
            self._next = next(self._faults)
            self._due += self._next.pause

    def calm(self) -> None:
        """Heal everything at once."""
        self._heal(float("inf"))
        for program in self._site.programs:
            program.set_clock(0)

    def _inflict(self, fault: Fault, now: float) -> None:
        programs = {Kind.KILL_SERVE: self._site.serving, Kind.KILL_WORK: self._site.working}
        program = _chosen(programs.get(fault.kind, self._site.programs), fault.target)
        proxy = _chosen(self._site.proxies, fault.target)
        healing: Callable[[], object] | None = None
        match fault.kind:
            case Kind.KILL_SERVE | Kind.KILL_WORK:
                part = _PARTS[fault.amount % len(_PARTS)]
                program.kill(part)
                healing = self._keep_down(program) if part != Part.CHILD else None
            case Kind.KILL_DATABASE:
                node = _chosen(self._site.nodes, fault.target)
                if not self._site.may_kill(node):
                    return
                node.kill()
                healing = self._keep_down(node)
            case Kind.FREEZE:
                program.freeze()
                healing = program.thaw
            case Kind.CUT:
                proxy.cut()
                healing = proxy.restore
            case Kind.TEAR:
                proxy.tear(fault.amount % _TORN_WITHIN)
            case Kind.FULL:
                for each in self._site.proxies:
                    each.cut()
                self._site.limit_spool(fault.amount % _FULL_WITHIN)
                healing = self._mend_spool
            case Kind.CLOCK:
                program.set_clock(fault.amount % (2 * _WRONG_BY) - _WRONG_BY)
            case Kind.DEADLOCKS:
                self._editor.busy.set()
                healing = self._editor.busy.clear
        if healing:
            seconds = 2 * fault.seconds if fault.kind == Kind.FREEZE else fault.seconds
            heapq.heappush(self._healing, (now + seconds, next(self._numbers), healing))
        self.carried_out[fault.kind] += 1

    def _mend_spool(self) -> None:
        self._site.limit_spool(None)
        for each in self._site.proxies:
            each.restore()

    def _keep_down(self, victim: Program | Node) -> Callable[[], object]:
        self._down.add(victim)
        return lambda: self._down.discard(victim)

    def _heal(self, now: float) -> None:
        while self._healing and self._healing[0][0] <= now:
            heapq.heappop(self._healing)[2]()
        victims: list[Program | Node] = [*self._site.nodes, *self._site.programs]
        for each in victims:
            if each.has_ended and each not in self._down:
                each.start()


def _chosen(among: Sequence[_Any], number: int) -> _Any:
    return among[number % len(among)]
