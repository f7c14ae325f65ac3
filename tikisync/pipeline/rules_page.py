"""Rules on a Tiki wiki page: followed while the service runs; an edit that cannot be used keeps the last good ones."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from tikisync.config import Config
from tikisync.config.reading import read_rules
from tikisync.core.rules import Rule
from tikisync.core.rules_page import Page, rules_text
from tikisync.database import Database, Transaction
from tikisync.errors import ConfigError, PassingError, TikisyncError
from tikisync.logs import event
from tikisync.pipeline.finding import ERROR, Finding
from tikisync.tiki import preferences
from tikisync.tiki import rules_page as tiki_page

log = logging.getLogger(__name__)

_HOLDS = 30  # seconds after which a page that nobody edited is judged again: permissions change without it


@dataclass(slots=True)
class RulesPage:
    """The rules of the page ``name``: those of its last good version, and what is wrong with the page as it is."""

    database: Database
    name: str
    forced: Mapping[str, str]  # preferences that Tiki's system configuration forces
    rules: tuple[Rule, ...] | None = None  # None: none could be read so far
    version: int = 0  # of the page, when these rules stood there
    findings: tuple[Finding, ...] = ()
    _stamp: tuple[int, int] | None = field(default=None, init=False)
    _holds_until: float = field(default=0, init=False)

    @property
    def trouble(self) -> str:
        """Say why there are no rules at all, '' where there are."""
        told = "; ".join(each.message for each in self.findings) or "it could not be read yet"
        return "" if self.rules is not None else f"the rules on Tiki's page {self.name} cannot be used: {told}"

    def added_to(self, config: Config) -> Config:
        """Return a config with the page's rules after its own; raise ConfigError where both have some of a name."""
        more = self.rules or ()
        if twice := ", ".join(sorted({rule.name for rule in config.rules}.intersection(rule.name for rule in more))):
            told = f"Tiki's page {self.name} has these rules too: {twice}; rename or remove one of them"
            raise ConfigError(config.source, [told])
        return replace(config, rules=(*config.rules, *more), rules_lack=self.trouble)

    def refresh(self, taken: Collection[str], now: float, *, at_once: bool = False) -> bool:
        """Look at the page, and read it where it changed; tell whether its rules are others now.

        ``taken`` are the names of the config's rules, ``now`` any clock in seconds, and ``at_once`` reads it in any
        case. Raises PassingError where the database is away.
        """
        try:
            with self.database.transaction() as tx:
                stamp = tiki_page.stamp(tx, self.name)
                if stamp == self._stamp and now < self._holds_until and not at_once:
                    return False
                page = tiki_page.load(tx, self.name)
                rules, findings = self._judge(tx, page, taken)
        except PassingError:
            raise
        except TikisyncError as error:
            stamp, page, rules, findings = None, None, None, (self._finding(None, str(error), error.hint),)
        self._stamp, self._holds_until = stamp, now + _HOLDS
        if findings and findings != self.findings:
            version = page.version if page else None
            event(log, logging.ERROR, "rules.refused", page=self.name, version=version,
                  problems=len(findings), first=findings[0].message)  # fmt: skip
        self.findings = findings
        if rules is None or page is None:
            return False
        self.version = page.version
        if rules == self.rules:
            return False
        self.rules = rules
        event(log, logging.INFO, "rules.loaded", page=self.name, version=self.version, rules=len(rules))
        return True

    def _judge(
        self, tx: Transaction, page: Page | None, taken: Collection[str]
    ) -> tuple[tuple[Rule, ...] | None, tuple[Finding, ...]]:
        if page is None:
            hint = "make it in Tiki as an administrator, with the rules in {CODE()} … {CODE}, or correct [rules] page"
            return None, (self._finding(None, "Tiki has no wiki page of this name", hint),)
        tiki = preferences.load(tx, self.forced)
        if against := [self._finding(page, *each) for each in tiki_page.objections(tx, page, tiki)]:
            return None, tuple(against)
        try:
            rules = read_rules(rules_text(page))
        except ConfigError as error:
            hint = "edit the page; until then, the rules of its last good version hold"
            return None, tuple(self._finding(page, problem, hint) for problem in error.problems)
        twice = sorted({rule.name for rule in rules}.intersection(taken))
        if twice:
            hint = "give one of them another name, or remove it"
            return None, (self._finding(page, f"the config file has these rules too: {', '.join(twice)}", hint),)
        return rules, ()

    def _finding(self, page: Page | None, message: str, hint: str) -> Finding:
        version = f" (version {page.version})" if page else ""
        return Finding(ERROR, f"Tiki page {self.name}{version}", message, hint)
