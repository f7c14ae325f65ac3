"""The part of ``tikisync init`` that proposes a first rule."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tikisync.cli.output import escape

if TYPE_CHECKING:
    from tikisync.app import App
    from tikisync.cli.wizard import Wizard
    from tikisync.core.handlers import Handler
    from tikisync.core.trackers import Tracker


def propose(wizard: Wizard, app: App, handlers: Sequence[Handler]) -> list[str]:
    """Return the lines of a handler's section and a rule, for a tracker and a payload that the person names."""
    from tikisync.cli.samples import sample_of
    from tikisync.core.learning import learn
    from tikisync.errors import SetupError
    from tikisync.pipeline import administer

    wizard.step("4. A first rule")
    trackers = administer.trackers(app.database)
    wizard.report["trackers"] = {str(number): name for number, name in trackers.items()}
    if not trackers:
        wizard.tell("Tiki has no trackers yet, so there is nothing that a rule could fill.")
        return []
    names = [each.name for each in handlers]
    if wizard.asker.yes and not (wizard.given["tracker"] or len(trackers) == 1):
        wizard.tell("Give --tracker, and --handler where there are several, for a first rule.")
        return []
    name = wizard.asker.one_of(
        "Handler that the rule is for (name or number)", "--handler", wizard.given["handler"], names
    )
    chosen = next(each for each in handlers if each.name == name)
    for number, title in trackers.items():
        wizard.tell(f"   {number:>3}  {escape(title)}")

    def tracker_of(answer: str) -> Tracker:
        if not answer:
            raise SetupError("no tracker is named", hint="give its name or number")
        return administer.tracker(app.database, answer)

    only = str(next(iter(trackers))) if len(trackers) == 1 else ""
    tracker = wizard.asker.value("Tracker that it fills (name or number)", wizard.given["tracker"], only, tracker_of)
    sample = sample_of(app, wizard.asker, wizard.given["sample"], chosen, tracker, wizard.config.parent)
    wizard.tell(f"[green]✓[/green] {escape(sample.told)}")
    lines = learn(sample.request, chosen.name, chosen, tracker, wizard.server["public_url"])
    rules = wizard.app(lines).config.rules
    wizard.is_made_up = sample.is_made_up
    wizard.report |= {
        "handler": name,
        "tracker": tracker.tracker_id,
        "rule": "\n".join(lines),
        "sample": str(sample.file or sample.told),
    }
    wizard.tell(escape("\n" + "\n".join(f"   {line}" for line in lines)) + "\n")
    is_payload = sample.file is not None and sample.file.read_bytes() == sample.request.body
    wizard.first = f"{shlex.quote(name)} {shlex.quote(str(sample.file))}" if is_payload and rules else ""
    if rules:
        _rehearse(wizard, wizard.app(lines), rules[0].name, sample.request.body)
    return lines


def _rehearse(wizard: Wizard, app: App, rule: str, body: bytes) -> None:
    """Tell what the rule would write for the sample; nothing is written."""
    from tikisync import inspection
    from tikisync.errors import TikisyncError

    try:
        would = [
            str(each).replace("item 0 of", "a new item of") for each in inspection.preview(app, rule, body, {}).written
        ]
    except TikisyncError as error:
        wizard.tell(f"[yellow]![/yellow] as it is, this payload would be refused: {escape(str(error))}")
        wizard.report["would"] = str(error)
    else:
        wizard.tell(f"[green]✓[/green] with this payload: {escape('; '.join(would) or 'nothing')}")
        wizard.report["would"] = would
