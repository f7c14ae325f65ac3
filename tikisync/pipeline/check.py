"""Everything that keeps webhooks from doing their work, found before one arrives; each finding with a way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tikisync.config import Config, DashboardSettings
from tikisync.core import formulas
from tikisync.core import items as planning
from tikisync.core.changes import CLOSE, DELETE, WRITE
from tikisync.core.rules import Rule
from tikisync.core.trackers import Item, Tracker
from tikisync.core.verification import Handler
from tikisync.database import Database, Transaction
from tikisync.errors import NotPermittedError, RuleError, TikiError
from tikisync.inbox import schema
from tikisync.pipeline import check_database, check_handlers
from tikisync.pipeline.finding import ERROR, WARNING, Finding
from tikisync.tiki import handlers as tiki_handlers
from tikisync.tiki import permissions, preferences, trackers, users
from tikisync.tiki.preferences import Preferences

__all__ = ["Finding", "check"]


def check(database: Database, config: Config, forced: Mapping[str, str], warnings: Sequence[str] = ()) -> list[Finding]:
    """Return all findings, those of the site first; raise PassingError or SetupError where the database is away."""
    findings = [
        Finding(WARNING, "Tiki's system configuration", text, "see Tiki's documentation of it") for text in warnings
    ]
    with database.transaction() as tx:
        if not tx.columns("tiki_webhooks"):
            hint = "check the database name; webhook handlers came with Tiki 25"
            return [*findings, Finding(ERROR, database.shown, "there is no table tiki_webhooks here", hint)]
        wrong = schema.problems(tx)
        findings += [Finding(ERROR, "tikisync's tables", each, "run `tikisync setup`") for each in wrong]
        if not wrong:
            findings += [
                Finding(WARNING, "tikisync's tables", each, "run `tikisync setup`") for each in schema.advice(tx)
            ]
        findings += check_database.check(tx, config)
        if broken := check_database.broken_tables(tx):
            return [*findings, *broken]
        tiki = preferences.load(tx, forced)
        handlers = tiki_handlers.load(tx)
        findings += _site(tiki)
        findings += _dashboard(tiki, config.dashboard)
        findings += check_handlers.check(handlers, config)
        by_name = {handler.name: handler for handler in handlers}
        for rule in config.rules:
            findings += _rule(tx, rule, by_name, tiki)
    return findings


def _site(tiki: Preferences) -> Iterator[Finding]:
    if not tiki.is_on("auth_webhooks"):
        yield Finding(
            ERROR, "preference auth_webhooks", "webhooks are switched off in Tiki, so every request is refused",
            "switch them on in Tiki's admin (Security, Webhooks)",
        )  # fmt: skip
    if not tiki.is_on("feature_trackers"):
        yield Finding(
            ERROR, "preference feature_trackers", "trackers are switched off in Tiki", "switch them on in Tiki's admin"
        )


def _dashboard(tiki: Preferences, settings: DashboardSettings) -> Iterator[Finding]:
    method = tiki["auth_method"]
    if settings.enabled and method != "tiki" and not settings.local_passwords:
        yield Finding(
            ERROR, "preference auth_method", f"it is {method}, so nobody can log in to the dashboard with a password",
            "set local_passwords = yes in [dashboard] if Tiki's own passwords of administrators are to count",
        )  # fmt: skip


def _rule(tx: Transaction, rule: Rule, handlers: Mapping[str, Handler], tiki: Preferences) -> Iterator[Finding]:
    where = f"[rule {rule.name}]"
    for name in rule.handlers:
        if name not in handlers:
            known = ", ".join(handlers) or "none"
            yield Finding(ERROR, where, f"Tiki has no webhook handler named {name!r}", f"its handlers are: {known}")
    if not rule.tracker:
        return
    try:
        tracker = trackers.load(tx, rule.tracker)
    except TikiError as error:
        yield Finding(ERROR, where, str(error), error.hint)
        return
    for perm_name in rule.fields:
        try:
            field, kind = planning.writable(tracker, perm_name, rule.name)
            planning.require_available(field, kind, tiki.is_on, rule.name)
        except RuleError as error:
            yield Finding(ERROR, f"{where} field.{perm_name}", error.message, error.hint)
    unset = (each.perm_name for each in tracker.fields if each.is_mandatory and each.perm_name not in rule.fields)
    missing = ", ".join(unset)
    if missing and rule.action == WRITE and rule.item is None:
        yield Finding(
            WARNING, f"{where} tracker {tracker.name}", f"the rule does not set {missing}, and it is mandatory",
            "set it in the rule, unless all items are there already or Tiki fills it by itself",
        )  # fmt: skip
    for field_id, why in formulas.left_to_tiki(tracker).items():
        name = next(field.perm_name for field in tracker.fields if field.field_id == field_id)
        yield Finding(
            WARNING, f"{where} tracker {tracker.name}", f"calculation field {name} is left to Tiki: {why}",
            "Tiki fills it where its option says to recalculate when indexing, and at its next own save of the item",
        )  # fmt: skip
    if rule.status is not None and not tracker.is_on("showStatus"):
        yield Finding(
            WARNING, f"{where} status", f"tracker {tracker.name} hides the status, so only its administrators set it",
            "switch on 'show status' in the tracker's options, or drop the line",
        )  # fmt: skip
    if not tiki.is_on("feature_trackers"):
        return  # said already, and nobody has any rights then
    for handler in (handlers[name] for name in rule.handlers if name in handlers):
        yield from _permissions(tx, rule, tracker, handler, tiki)


def _permissions(
    tx: Transaction, rule: Rule, tracker: Tracker, handler: Handler, tiki: Preferences
) -> Iterator[Finding]:
    """Say which of the rule's writes the handler's user may not do, on an open item that is nobody's own."""
    where = f"[rule {rule.name}] handler {handler.name}"
    user = users.find(tx, handler.user)
    if user is None:
        return
    rights = permissions.load(tx, user, tracker, None, tiki)
    on_item = permissions.load(tx, user, tracker, Item(0, tracker.tracker_id, "o"), tiki)
    creates = rule.action not in (DELETE, CLOSE) and rule.item is None
    checks = [rights.require_create] if creates else []
    if rule.action == DELETE:
        checks.append(on_item.require_remove)
    elif rule.key or rule.item is not None:
        checks.append(on_item.require_modify)
    for allowed in checks:
        try:
            allowed()
        except NotPermittedError as error:
            level = WARNING if allowed != rights.require_create and creates else ERROR
            yield Finding(level, where, str(error), error.hint)
    for perm_name in rule.fields:
        field = tracker.field_named(perm_name)
        why = rights.why_not_set(field, creating=True) if field and creates and rights.can_create else ""
        if field and why:
            yield Finding(
                ERROR,
                f"{where} field.{perm_name}",
                f"user {user.login} may not set it: {why}",
                "see the field's settings in Tiki",
            )
