"""What a rule would write for a payload, on the real trackers, with nothing written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tikisync.core.rules import Evaluation
from tikisync.database.rehearsal import rehearsal
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline.apply import Applier
from tikisync.pipeline.change import Written


@dataclass(frozen=True, slots=True)
class Preview:
    """What applying a delivery would do."""

    evaluation: Evaluation
    written: tuple[Written, ...]
    rows: tuple[tuple[str, str, Mapping[str, Any]], ...]  # as ``database.rehearsal.Rehearsal`` records them


def preview(applier: Applier, delivery: Delivery) -> Preview:
    """Rehearse a delivery, stored or made up; raise what applying it would raise."""
    evaluation = applier.evaluate(delivery)
    with rehearsal(applier.database) as tx:
        written = applier.write(tx, delivery, evaluation)
        rows = tuple(write for write in tx.writes if not write[1].startswith("tikisync_"))
    return Preview(evaluation, tuple(written), rows)
