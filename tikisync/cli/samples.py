"""The payload that a first rule is proposed from: a file, what the sender sent already, or one that is made up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tikisync.errors import SetupError

if TYPE_CHECKING:
    from tikisync.app import App
    from tikisync.cli.asking import Asker
    from tikisync.core.handlers import Handler
    from tikisync.core.requests import Request
    from tikisync.core.trackers import Tracker

DELIVERY, REFUSED, MADE_UP = "delivery", "refused", "made-up"


@dataclass(frozen=True, slots=True)
class Sample:
    """A request, where it comes from in words, and the file that holds its payload, if one does."""

    request: Request
    told: str
    file: Path | None = None
    is_made_up: bool = False


def sample_of(app: App, asker: Asker, given: str, handler: Handler, tracker: Tracker, folder: Path) -> Sample:
    """Return the sample that the option or the person names; what is proposed is the best that is there."""
    proposed = DELIVERY if _last_delivery(app, handler) else REFUSED if _last_refused(app) else MADE_UP

    def read(answer: str) -> Sample:
        from tikisync.cli.captured import kept_delivery, read_capture

        if answer == DELIVERY and (number := _last_delivery(app, handler)):
            return Sample(kept_delivery(app, number), f"delivery {number}, the last one of {handler.name}")
        if answer == REFUSED and (request := _last_refused(app)):
            return Sample(request, "the request that was refused last")
        if answer == MADE_UP:
            return _made_up(tracker, folder)
        if answer in (DELIVERY, REFUSED):
            raise SetupError(f"there is no {answer} request to learn from", hint=f"name a file, or {MADE_UP}")
        file = Path(answer).expanduser()
        return Sample(read_capture(file), f"the payload in {file}", file)

    names = [DELIVERY] * (proposed == DELIVERY) + [REFUSED] * bool(_last_refused(app)) + [MADE_UP]
    question = f"A webhook of that sender: a file with its payload, or {', '.join(names)}"
    return asker.value(question, given, proposed, read)


def _last_delivery(app: App, handler: Handler) -> int:
    from tikisync.pipeline import administer

    last = next(iter(administer.listing(app.database, None, handler.name, 1)), None)
    return last.delivery_id if last and last.expired_at is None else 0


def _last_refused(app: App) -> Request | None:
    """Return the last refused request whose body was kept."""
    return next((each.request for each in app.refused() if each.request.body), None)


def _made_up(tracker: Tracker, folder: Path) -> Sample:
    from tikisync.cli.captured import read_capture
    from tikisync.core.made_up import payload

    file = folder / "first-webhook.json"
    if file.exists():
        raise SetupError(f"{file} is there already", hint="name it as the sample, or move it away")
    file.write_text(json.dumps(payload(tracker), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Sample(read_capture(file), f"made up for the tracker's fields: {file}", file, is_made_up=True)
