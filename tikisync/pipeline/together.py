"""Changes of many deliveries in one transaction: those that are independent of each other, written as if one by one.

All are planned first, then all are written; so a plan knows nothing of what the others write. That makes no difference
as long as each writes rows of its own item only, and what it went by is still so when all is written: else it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tikisync.database import Transaction
from tikisync.errors import PassingError, TikisyncError
from tikisync.pipeline.asking import still_hold
from tikisync.pipeline.change import Planned, Written, planned, write
from tikisync.pipeline.steps import Task
from tikisync.tiki.items import Write


class EntangledError(PassingError):
    """What one delivery of a batch writes is what another goes by; each has to be applied by itself."""


def carry_out(tx: Transaction, tasks: Mapping[int, Sequence[Task]]) -> dict[int, list[Written]]:
    """Carry out tasks, by delivery; return what became of them, without deliveries that must be applied alone.

    Nothing is written of those. Raises EntangledError where some of the others turn out not to be independent.
    """
    found = iter(planned(tx, [task for own in tasks.values() for task in own]))
    plans = _independent({delivery: [next(found) for _ in own] for delivery, own in tasks.items()})
    together = [each for own in plans.values() for each in own]
    all_written = write(tx, together)
    if len(together) > 1 and not still_hold(
        tx, [(plan.known, own.item_id) for plan, own in zip(together, all_written, strict=True)]
    ):
        raise EntangledError("changes of a batch are about the same items")
    written = iter(all_written)
    return {delivery: [next(written) for _ in own] for delivery, own in plans.items()}


def _independent(found: Mapping[int, Sequence[Planned | TikisyncError]]) -> dict[int, list[Planned]]:
    """Return the deliveries whose every change can be written together with others, and is about an item of its own."""
    independent: dict[int, list[Planned]] = {}
    taken: set[int] = set()
    for delivery, outcomes in found.items():
        plans = [each for each in outcomes if isinstance(each, Planned) and each.stands_alone]
        items = [each.step.plan.item.item_id for each in plans if isinstance(each.step, Write) and each.step.plan.item]
        if len(plans) == len(outcomes) and len({*items} - taken) == len(items):
            taken.update(items)
            independent[delivery] = plans
    return independent
