"""Wiring: from the config file to the running parts, with the real clock. Importing it starts nothing.

What receiving does without is loaded where it is first asked for: a service is to listen soon after its start.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import random
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tikisync import config as configuration
from tikisync.config import Config
from tikisync.core.refusals import Refusal
from tikisync.core.rotation import elders
from tikisync.database import Database
from tikisync.database.clock import database_clock
from tikisync.errors import ConfigError, PassingError, SetupError
from tikisync.inbox.refusals import Refusals, stored
from tikisync.inbox.spool import Spool, Standing
from tikisync.logs import event
from tikisync.pipeline import overview
from tikisync.pipeline.drain import Drainer
from tikisync.pipeline.receive import Receiver
from tikisync.pipeline.retention import Retention
from tikisync.pipeline.supervisor import Supervisor
from tikisync.tiki.site import of_config

if TYPE_CHECKING:
    from tikisync.pipeline.apply import Applier
    from tikisync.pipeline.held import Held
    from tikisync.pipeline.rules_page import RulesPage
    from tikisync.pipeline.spans import Spans
    from tikisync.pipeline.worker import Applies, Worker

log = logging.getLogger(__name__)

_SENDERS_WAIT = 10  # seconds for an answer of the database, until it counts as away
_SPOOL_WAITS = 60
_SETUP_HOLDS = 0.1  # seconds for which deliveries that were claimed together go by what was read of Tiki's set-up
_NO_OTEL = "[log] otel is on, but OpenTelemetry is not installed: pip install 'tikisync[otel]', or turn it off"


@dataclass(slots=True)
class App:
    """An opened config: the database it leads to and the parts made from it."""

    path: Path
    config: Config
    database: Database
    forced: Mapping[str, str]  # preferences that Tiki's system configuration forces
    warnings: tuple[str, ...] = ()
    clock: Callable[[], float] = time.time  # UNIX seconds, UTC
    page: RulesPage | None = field(init=False)  # further rules, where the config names a page of Tiki's
    receiver: Receiver = field(init=False)
    late_receiver: Receiver = field(init=False)  # of what the spool held, in a thread of its own
    spool: Spool | None = field(init=False)  # None where the config switches it off
    _own: Config = field(init=False)  # the config file alone
    _applier: Applier | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._own = self.config
        self.page = self._rules_page()
        self.config = self._whole(self.config)
        self.spool = self._spool()
        rest = self.config.handlers, self.forced, elders(self.config.rules), self._refusals()
        self.receiver = Receiver(self.database.impatient(_SENDERS_WAIT), *rest, self.spool)
        self.late_receiver = Receiver(self.database.impatient(_SPOOL_WAITS), *rest)

    @property
    def applier(self) -> Applier:
        """What applies deliveries by the config as it is."""
        if self._applier is None:
            from tikisync.pipeline.apply import Applier

            self._applier = Applier(self.database, self.config, self.forced, self.clock, _SETUP_HOLDS)
        self._applier.config = self.config
        return self._applier

    def worker(self) -> Worker:
        """Return a worker that runs in this process."""
        return self._worker(self.applier, _worker_name())

    def bounded_worker(self, name: str, held: Held) -> Worker:
        """Return a worker that may use only so much of the machine, and notes what it has in hand."""
        from tikisync.pipeline.bounded import BoundedApplier

        return self._worker(BoundedApplier(self.applier, held, self.config.worker.bounds), name)

    def _worker(self, applier: Applies, name: str) -> Worker:
        from tikisync.pipeline.worker import Worker

        clock, settings = database_clock(self.database), self.config.worker
        return Worker(self.database, applier, name, settings, clock, random.random, self.spans())

    def spans(self) -> Spans | None:
        """Return what tells OpenTelemetry of the work in this process; None where that is off."""
        if not self.config.log.otel:
            return None
        from tikisync.pipeline import spans  # what it imports takes longer than all the rest

        return spans.exporting()

    def supervisor(self, log_format: str) -> Supervisor:
        """Return what keeps a bounded worker running in a process of its own."""

        def command(name: str, held: int) -> list[str]:
            program = [sys.executable, "-m", "tikisync", "apply-deliveries", "-c", str(self.path)]
            return [*program, "--name", name, "--held", str(held), "--log-format", log_format]

        def config() -> Config:
            return dataclasses.replace(self.config, rules_page="")  # it is followed here: the worker is told

        clock = database_clock(self.database)
        return Supervisor(self.database, config, _worker_name, command, clock, random.random)

    def drainer(self, stored: Callable[[], object]) -> Drainer | None:
        """Return what stores the spool's deliveries, and then calls ``stored``; None where there is no spool."""
        if self.spool is None:
            return None
        return Drainer(self.late_receiver, [self.receiver], self.spool, random.random, stored)

    def reload(self) -> bool:
        """Read the config file again; on a problem keep the rules as they are, log it and return False.

        Handlers and rules take effect at once; the database, the address and the spool need a restart.
        """
        try:
            fresh = configuration.load(self.path)
            whole = self._whole(fresh)
        except ConfigError as error:
            event(log, logging.ERROR, "config.refused", problems=len(error.problems), first=error.problems[0])
            return False
        self._own = fresh
        self.use(whole)
        return True

    def refresh(self, *, at_once: bool = False) -> None:
        """Take over the rules on Tiki's page where it was edited; raises PassingError where the database is away."""
        if self.page is None:
            return
        self.page.refresh({rule.name for rule in self._own.rules}, time.monotonic(), at_once=at_once)
        fresh = self._whole(self._own)
        if (fresh.rules, fresh.rules_lack) != (self.config.rules, self.config.rules_lack):
            self.use(fresh)

    def use(self, config: Config) -> None:
        """Go by another config from now on, in all parts that are there."""
        self.config = config
        if self._applier is not None:
            self._applier.config = config
        for each in (self.receiver, self.late_receiver):
            each.handlers, each.elders = config.handlers, elders(config.rules)
        event(log, logging.INFO, "config.loaded", rules=len(config.rules), fingerprint=config.fingerprint)

    def _whole(self, own: Config) -> Config:
        """Return a config with the rules on Tiki's page; raise ConfigError where names are given twice."""
        return self.page.added_to(own) if self.page else own

    def close(self) -> None:
        """Close the connections to the database."""
        for each in (self.database, self.receiver.database, self.late_receiver.database):
            each.close()

    def retention(self) -> Retention:
        """Return what lets old deliveries go."""
        return Retention(self.database, lambda: self.config.inbox.keep, self.clock)

    def spooled(self) -> Standing:
        """Say what the spool holds; raise PassingError where it cannot be read."""
        return self.spool.standing() if self.spool else Standing()

    def unready(self) -> list[str]:
        """Say what keeps the service from receiving; nothing where it is ready. Raises PassingError."""
        missing = self.config.log.otel and find_spec("opentelemetry.exporter") is None
        return [*overview.unready(self.database), *[_NO_OTEL] * missing]

    def _behind(self) -> list[str]:
        limit = self.config.server.ready_lag
        return overview.lagging(self.database, limit, int(self.clock() * 1000)) if limit else []

    def not_receiving(self) -> list[str]:
        """Say the same of the running service, which receives without the database as long as the spool has room.

        Where the config asks for that, also whether it keeps up.
        """
        if self.spool and self.spool.waits():
            self.spooled()  # raises where nothing can line up there
        try:
            return self.unready() or self._behind()
        except PassingError:
            if self.receiver.can_spool:
                return []
            raise

    def refused(self) -> list[Refusal]:
        """Return the refused requests that were kept, newest first; raise SetupError where they cannot be read."""
        try:
            return stored(self._refused_file)[::-1]
        except OSError as error:
            hint = "run this as the user that the service runs as"
            raise SetupError(f"{self._refused_file} cannot be read: {error.strerror}", hint=hint) from None

    @property
    def _refused_file(self) -> Path:
        return self.config.door.refused_file or self.path.with_suffix(".refused")

    def _refusals(self) -> Refusals | None:
        keep = self.config.door.keep_refused
        return Refusals(self._refused_file, keep) if keep else None

    def _rules_page(self) -> RulesPage | None:
        name = self.config.rules_page
        if not name:
            return None
        from tikisync.pipeline.rules_page import RulesPage

        return RulesPage(self.database, name, self.forced)

    def _spool(self) -> Spool | None:
        settings = self.config.server
        folder = self.path.with_suffix(".spool") if settings.spool is None else settings.spool
        return None if folder == "off" else Spool(folder, settings.spool_limit)


def _worker_name() -> str:
    """Name a worker after this host and process, and by chance: containers repeat both."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def open_app(path: Path) -> App:
    """Read the config file and what of Tiki's files it names. Raises SetupError."""
    return app_of(path, configuration.load(path))


def app_of(path: Path, config: Config) -> App:
    """Return the App of a config that stands, or is to stand, at ``path``; read what of Tiki's files it names.

    Nothing is connected yet, except where rules are on a page of Tiki's: they are read, if that can be done now.
    """
    site = of_config(config.tiki)
    app = App(path, config, Database(site.url), site.forced, site.warnings)
    with suppress(PassingError):  # the service looks again and again, and applies nothing before it knows them
        app.refresh()
    return app


def watch(
    path: Path,
    changed: Callable[[], object],
    stop: threading.Event,
    interval: float = 1.0,
    look: Callable[[], object] = lambda: None,
) -> None:
    """Call ``changed`` whenever the file becomes another one, and ``look`` at each turn, until ``stop`` is set."""
    seen = _stamp(path)
    while not stop.wait(interval):
        now = _stamp(path)
        if now != seen and now is not None:
            seen = now
            changed()
        with suppress(PassingError):  # the worker logs it
            look()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None  # an editor is replacing it
    return (status.st_mtime_ns, status.st_size, status.st_ino)
