"""What an admin asks of an App, on the command line and on the dashboard; the running service does without."""

from __future__ import annotations

from collections.abc import Mapping

from tikisync.app import App
from tikisync.core.diagnosis import Diagnosis
from tikisync.core.diagnosis import diagnose as diagnosis_of
from tikisync.core.document import CREDENTIALS
from tikisync.core.recipes.choice import signature_headers
from tikisync.core.requests import Request
from tikisync.pipeline import administer, check_config, check_spool
from tikisync.pipeline import check as check_site
from tikisync.pipeline.explain import rehearse_payload
from tikisync.pipeline.finding import Finding
from tikisync.pipeline.preview import Preview


def check(app: App) -> list[Finding]:
    """Return everything that keeps webhooks from working."""
    app.refresh(at_once=True)
    findings = [*check_config.check(app.path, app.config)]
    findings += check_site.check(app.database, app.config, app.forced, app.warnings)
    findings += app.page.findings if app.page else ()
    return [*findings, *check_spool.check(app.spool)] if app.spool else findings


def grants(app: App, user: str, host: str, *, setup: bool = False) -> list[str]:
    """Return the statements that give a database account the least rights, to run or to ``setup``."""
    used = {"dashboard": app.config.dashboard.enabled, "rules_page": bool(app.config.rules_page)}
    return administer.grants(app.database, user, host, setup=setup, **used)


def preview(app: App, rule_or_handler: str, body: bytes, headers: Mapping[str, str]) -> Preview:
    """Rehearse a payload for one rule, or for all rules of a handler; write nothing."""
    return rehearse_payload(app.applier, rule_or_handler, body, headers, int(app.clock() * 1000))


def diagnose(app: App, request: Request) -> Diagnosis:
    """Say what becomes of a request, and where it is refused, what would accept it."""
    allow = {name: each.allow for name, each in app.config.handlers.items()}
    handlers, public_url = administer.handlers(app.database), app.config.server.public_url
    return diagnosis_of(request, handlers, app.config.recipes, public_url, allow)


def hidden_headers(app: App, handler: str) -> frozenset[str]:
    """Return the names, in lower case, of headers whose values no one should read: signatures and credentials."""
    found = [each for each in administer.handlers(app.database) if each.name == handler]
    return CREDENTIALS.union(*(signature_headers(each, app.config.recipes) for each in found))
