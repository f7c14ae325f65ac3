"""A config file as frozen values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tikisync.core.deaths import Bounds
from tikisync.core.door import Rate
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.requests import Network
from tikisync.core.retry import RetrySettings
from tikisync.core.rules import Rule


@dataclass(frozen=True, slots=True)
class TikiSettings:
    """Where Tiki is: its folder, or the URL of its database; with the URL from the environment, maybe both."""

    path: Path | None = None
    url: str | None = field(default=None, repr=False)
    site: str = ""  # of a MultiTiki
    system_configuration_file: Path | None = None  # besides the one that db/local.php names
    system_configuration_identifier: str | None = None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where and how ``tikisync serve`` listens."""

    host: str = "127.0.0.1"
    port: int = 8025
    body_limit: int = 1 << 20  # bytes
    trusted_proxies: tuple[Network, ...] = ()
    public_url: str = ""  # of Tiki, as senders know it, without a slash at the end
    metrics: str = "off"  # who may read /metrics: off, loopback, all
    spool: Path | Literal["off"] | None = None  # the folder; None: beside the config file
    spool_limit: int = 64 << 20  # bytes
    ready_lag: int = 0  # milliseconds that a delivery may wait before /readyz says so; 0: it does not look


PER_HANDLER = Rate(60_000, 60)


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Who is let in how often, and how many refused requests are kept to be looked at."""

    per_address: Rate | None = None  # None: the door's own for strangers, none for this host
    per_handler: Rate = PER_HANDLER  # of requests whose path names the handler
    keep_refused: int = 20
    refused_file: Path | None = None  # None: beside the config file


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How deliveries are applied."""

    enabled: bool = True  # in ``tikisync serve``; ``tikisync work`` works in any case
    batch: int = 50  # deliveries applied in one transaction, where they can be
    lease: int = 60_000  # milliseconds until another worker may take over what was claimed
    poll: int = 1_000  # milliseconds between looks for work that another process received
    retry: RetrySettings = field(default_factory=RetrySettings)
    bounds: Bounds = field(default_factory=Bounds)


DAY = 86_400_000  # milliseconds


@dataclass(frozen=True, slots=True)
class InboxSettings:
    """For how long deliveries are kept."""

    keep: int | None = 90 * DAY  # milliseconds from when one was finished; None: forever


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """Whether people may look in with a browser, and how."""

    enabled: bool = False
    session_key: str = field(default="", repr=False)  # '': made at start, so a restart ends all sessions
    tiki_url: str = ""  # where people reach Tiki, ends with /; '': no links to it
    local_passwords: bool = False  # take Tiki's own passwords although auth_method says otherwise


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and how."""

    level: str = "INFO"
    format: str = "text"
    otel: bool = False  # tell OpenTelemetry of what is received and applied


@dataclass(frozen=True, slots=True)
class HandlerSettings:
    """What Tiki's handler does not say about its sender; header names in lower case, '' where there is none."""

    delivery_id: str = ""  # header
    duplicates: str = "id+body"  # what makes a delivery a duplicate: id, body, id+body, or nothing: accept
    topic: str = ""  # header
    recipe: Recipe | None = None  # how the sender signs, where that is said
    allow: tuple[Network, ...] = ()  # from where its requests may come; empty: from anywhere

    @property
    def topic_place(self) -> str:
        """The place (``core.recipes.recipe``) where the topic stands; '' to look in the usual ones."""
        return f"headers.{self.topic}" if self.topic else self.recipe.topic if self.recipe else ""


def recipes_of(handlers: Mapping[str, HandlerSettings]) -> Mapping[str, Recipe]:
    """Return the recipes that are named, by the handler's name."""
    return {name: each.recipe for name, each in handlers.items() if each.recipe}


@dataclass(frozen=True, slots=True)
class Config:
    """A whole config file, valid in itself; ``fingerprint`` changes with the rules and with what they see."""

    source: str
    tiki: TikiSettings
    server: ServerSettings = ServerSettings()
    worker: WorkerSettings = WorkerSettings()
    inbox: InboxSettings = InboxSettings()
    dashboard: DashboardSettings = DashboardSettings()
    log: LogSettings = LogSettings()
    door: DoorSettings = DoorSettings()
    handlers: Mapping[str, HandlerSettings] = field(default_factory=dict)  # by the handler's name in Tiki
    rules: tuple[Rule, ...] = ()
    rules_page: str = ""  # the name of a Tiki wiki page that holds further ones
    rules_lack: str = ""  # says why those are not known yet; until they are, nothing is applied
    fingerprint: str = field(init=False)

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """The recipes that are named, by the handler's name."""
        return recipes_of(self.handlers)

    def __post_init__(self) -> None:
        topics = sorted((name, handler.topic_place) for name, handler in self.handlers.items())
        digest = hashlib.blake2b(repr((self.rules, topics)).encode("utf-8", "surrogatepass"), digest_size=8)
        object.__setattr__(self, "fingerprint", digest.hexdigest())
