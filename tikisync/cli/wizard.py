"""What ``tikisync init`` knows so far, and how it talks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tikisync.cli import output
from tikisync.cli.asking import Asker

if TYPE_CHECKING:
    from tikisync.app import App


@dataclass(slots=True)
class Wizard:
    """The state of one run; ``given`` holds the options by name, ``report`` what ``--json`` prints at the end."""

    asker: Asker
    config: Path
    given: Mapping[str, str]
    silent: bool
    tiki: dict[str, str] = field(default_factory=dict)  # keys of [tiki]
    server: dict[str, str] = field(default_factory=dict)  # keys of [server]
    front: str = "none"  # the web server in front
    first: str = ""  # handler and file of a webhook that can be sent, as `tikisync send` takes them
    is_made_up: bool = False  # that webhook is nobody's
    report: dict[str, Any] = field(default_factory=dict)

    def tell(self, sentence: str = "") -> None:
        """Say a sentence to the person, if there is one."""
        if not self.silent:
            output.say(sentence)

    def step(self, title: str) -> None:
        """Begin a part."""
        self.tell(f"\n[bold]{title}[/bold]")

    def draft(self, rules: Sequence[str]) -> str:
        """Return the text of the config file as it is so far."""
        from tikisync.config.drafting import draft

        return draft(self.tiki, self.server, proxied=self.front != "none", rules=rules)

    def app(self, rules: Sequence[str] = ()) -> App:
        """Return the app of that config; raise ConfigError where it cannot be read back."""
        from tikisync import config
        from tikisync.app import app_of

        return app_of(self.config, config.read(self.draft(rules), self.config))

    def where_in_tiki(self) -> str:
        """Say where Tiki's admin has its webhooks."""
        base = self.server.get("public_url") or "https://your-tiki"
        return f"{base}/tiki-admin.php?page=security, tab Webhooks"
