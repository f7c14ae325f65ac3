"""``tikisync serve`` and ``tikisync work``: the service itself."""

from __future__ import annotations

import signal
import threading

from tikisync.cli.options import DEFAULT_CONFIG, ConfigFile, LogAsJson


def serve(config: ConfigFile = DEFAULT_CONFIG, json: LogAsJson = False) -> None:
    """Receive webhooks, keep them, and apply them to Tiki. Stop it with Ctrl-C or SIGTERM."""
    from tikisync import logs
    from tikisync.app import open_app
    from tikisync.cli.running import Background, require_ready
    from tikisync.web import application, server

    app = open_app(config)
    logs.configure(app.config.log.level, "json" if json else app.config.log.format)
    require_ready(app)
    with Background(app, work=app.config.worker.enabled) as background:
        settings = app.config.server
        web = application.of_app(app, background.wake.set)
        server.serve(web, settings.host, settings.port)


def work(config: ConfigFile = DEFAULT_CONFIG, json: LogAsJson = False) -> None:
    """Apply kept deliveries only: for more worker processes, on this machine or others."""
    from tikisync import logs
    from tikisync.app import open_app
    from tikisync.cli.running import Background, require_ready

    app = open_app(config)
    logs.configure(app.config.log.level, "json" if json else app.config.log.format)
    require_ready(app)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    with Background(app, work=True):
        asked.wait()
