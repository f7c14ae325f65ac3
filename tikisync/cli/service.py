"""``tikisync serve`` and ``tikisync work``: the service itself."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from typing import Annotated

import typer

from tikisync.cli.options import DEFAULT_CONFIG, ConfigFile, LogAsJson


def serve(config: ConfigFile = DEFAULT_CONFIG, json: LogAsJson = False) -> None:
    """Receive webhooks, keep them, and apply them to Tiki. Stop it with Ctrl-C or SIGTERM."""
    gc.disable()  # what is loaded now stays: looking through it for garbage would take a tenth of the start
    from tikisync import logs
    from tikisync.app import open_app
    from tikisync.cli.running import Background, require_ready
    from tikisync.web import application, server

    app = open_app(config)
    form = "json" if json else app.config.log.format
    logs.configure(app.config.log.level, form)
    require_ready(app)
    worker = app.supervisor(form) if app.config.worker.enabled else None
    with Background(app, worker, receive=True) as background:
        settings = app.config.server
        web = application.of_app(app, background.wake.set)

        def load_the_rest() -> None:
            try:
                web.load()
            finally:
                gc.freeze()
                gc.enable()

        server.serve(web, settings.host, settings.port, load_the_rest)


def work(config: ConfigFile = DEFAULT_CONFIG, json: LogAsJson = False) -> None:
    """Apply kept deliveries only: for more worker processes, on this machine or others."""
    from tikisync import logs
    from tikisync.app import open_app
    from tikisync.cli.running import Background, require_ready
    from tikisync.web import systemd

    app = open_app(config)
    form = "json" if json else app.config.log.format
    logs.configure(app.config.log.level, form)
    require_ready(app)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    with Background(app, app.supervisor(form)):
        systemd.notify("READY=1")
        asked.wait()
        systemd.notify("STOPPING=1")


def apply_deliveries(
    name: Annotated[str, typer.Option()],
    held: Annotated[int, typer.Option()],
    log_format: Annotated[str, typer.Option()],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Apply deliveries until standard input ends: the process that serve and work start for it, within bounds."""
    from tikisync import logs
    from tikisync.app import app_of
    from tikisync.pipeline import supervisor
    from tikisync.pipeline.bounded import limit_memory
    from tikisync.pipeline.held import Held

    for number in (signal.SIGTERM, signal.SIGINT):  # sent to the whole group: who started this one ends it
        signal.signal(number, signal.SIG_IGN)
    messages = supervisor.told(sys.stdin.buffer)
    app = app_of(config, next(messages))
    logs.configure(app.config.log.level, log_format)
    limit_memory(app.config.worker.bounds.memory_limit)
    supervisor.obey(app.bounded_worker(name, Held(held)), messages, app.use)
