"""From the config file to a ``Config``, or to all its problems at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tikisync.config import rules, values
from tikisync.config.ini import IniFile, Section, parse
from tikisync.config.settings import (
    Config,
    DashboardSettings,
    DoorSettings,
    HandlerSettings,
    InboxSettings,
    LogSettings,
    ServerSettings,
    TikiSettings,
    WorkerSettings,
)
from tikisync.core.deaths import Bounds
from tikisync.core.expressions import similar
from tikisync.core.recipes import adjusting
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.retry import RetrySettings
from tikisync.core.rules import Rule
from tikisync.errors import ConfigError

URL_VARIABLE = "TIKISYNC_DATABASE_URL"
_WAY_OUT = "make it with `tikisync init`, or name another file with -c"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"  # systemd.exec(5), LoadCredential=

_HOUR = 3_600_000  # milliseconds
_MEMORY_AT_REST, _MEMORY_FOR_BODY = 96 << 20, 8  # of a worker: bytes, and times the largest body (measured)
_SERVER: Mapping[str, values.Converter] = {
    "host": values.text,
    "port": values.whole(1, 65535),
    "body_limit": values.size,
    "trusted_proxies": values.networks,
    "public_url": values.public_url,
    "metrics": values.choice("off", "loopback", "all"),
    "spool_limit": values.space,
    "ready_lag": values.or_off(values.duration(1_000, 24 * _HOUR)),
}
_DOOR: Mapping[str, values.Converter] = {
    "per_address": values.rate,
    "per_handler": values.rate,
    "keep_refused": values.whole(0, 100),
}
_WORKER: Mapping[str, values.Converter] = {
    "enabled": values.switch,
    "batch": values.whole(1, 1000),
    "lease": values.duration(5_000, _HOUR),
    "poll": values.duration(100, _HOUR),
}
_RETRY: Mapping[str, values.Converter] = {
    "first_delay": values.duration(100, _HOUR),
    "longest_delay": values.duration(100, 24 * _HOUR),
    "attempts": values.whole(1, 1000),
    "attempts_at_bugs": values.whole(1, 1000),
}
_BOUNDS: Mapping[str, values.Converter] = {
    "time_limit": values.seconds(1, 3600),
    "memory_limit": values.memory,
}
_INBOX: Mapping[str, values.Converter] = {"keep": values.keep}
_DASHBOARD: Mapping[str, values.Converter] = {
    "enabled": values.switch,
    "session_key": values.secret,
    "tiki_url": values.web_address,
    "local_passwords": values.switch,
}
_RULES: Mapping[str, values.Converter] = {"page": values.text}
_LOG: Mapping[str, values.Converter] = {
    "level": values.choice("DEBUG", "INFO", "WARNING", "ERROR"),
    "format": values.choice("text", "json"),
    "otel": values.switch,
}
_HANDLER: Mapping[str, values.Converter] = {
    "delivery_id": values.header,
    "duplicates": values.choice("id", "body", "id+body", "accept"),
    "topic": values.header,
    "allow": values.networks,
}
_RECIPE = "recipe"
_SECTIONS = ("tiki", "server", "door", "worker", "inbox", "dashboard", "log", "handler NAME", "rules", "rule NAME")


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read a config file (UTF-8) and the credential file that it may name.

    ``TIKISYNC_DATABASE_URL`` in the environment stands above the database that the file leads to. Raises ConfigError
    with a sentence for each problem.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(str(path), [f"the file cannot be read ({error.strerror}): {_WAY_OUT}"]) from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), ["the file is not UTF-8 text; save it as UTF-8"]) from None
    return read(text, path, environment)


def read(text: str, path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the text of a config file that stands, or is to stand, at ``path``; otherwise as ``load``."""
    file = parse(text)
    config = _Reader(path, file, environment).config()
    if file.problems:
        raise ConfigError(str(path), file.problems)
    return config


def read_rules(text: str) -> tuple[Rule, ...]:
    """Read ``[rule NAME]`` sections alone, as somebody is writing them; raises ConfigError like ``load``."""
    file = parse(text)
    reader = _Reader(Path(), file, {})
    for section in file.sections.values():
        if section.name.partition(" ")[0] == "rule":
            reader._section(section)
        else:
            file.problem(section, "", "only [rule NAME] sections can stand here")
    if not reader.rules and not file.problems:
        file.problems.append("there is no [rule NAME] section")
    if file.problems:
        raise ConfigError("the rule", file.problems)
    return tuple(reader.rules)


@dataclass(slots=True)
class _Reader:
    path: Path
    file: IniFile
    environment: Mapping[str, str]
    plain: dict[str, dict[str, Any]] = field(default_factory=dict)  # by section, its converted keys
    handlers: dict[str, HandlerSettings] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)

    def config(self) -> Config:
        for section in self.file.sections.values():
            self._section(section)
        worker = self.plain.get("worker", {})
        retry = RetrySettings(**{key: worker.pop(key) for key in _RETRY if key in worker})
        if retry.first_delay > retry.longest_delay:
            self.file.problem(self.file.sections["worker"], "first_delay", "it is longer than longest_delay")
        bounds = Bounds(**{key: worker.pop(key) for key in _BOUNDS if key in worker})
        server = ServerSettings(**self.plain.get("server", {}))
        needed = _MEMORY_AT_REST + _MEMORY_FOR_BODY * server.body_limit
        if bounds.memory_limit < needed:
            what = f"with this body_limit it must be at least {-(-needed >> 20)} MiB"
            self.file.problem(self.file.sections.get("worker", Section("worker", 1)), "memory_limit", what)
        return Config(
            source=str(self.path),
            tiki=self._tiki(self.file.sections.get("tiki", Section("tiki", 1))),
            server=server,
            worker=WorkerSettings(**worker, bounds=bounds, retry=retry),
            inbox=InboxSettings(**self.plain.get("inbox", {})),
            dashboard=DashboardSettings(**self.plain.get("dashboard", {})),
            log=LogSettings(**self.plain.get("log", {})),
            door=DoorSettings(**self.plain.get("door", {})),
            handlers=self.handlers,
            rules=tuple(self.rules),
            rules_page=self.plain.get("rules", {}).get("page", ""),
        )

    def _section(self, section: Section) -> None:
        plain: Mapping[str, Mapping[str, values.Converter]] = {
            "tiki": self._tiki_keys(), "server": {**_SERVER, "spool": self._folder_or_off},
            "door": {**_DOOR, "refused_file": self._path},
            "worker": {**_WORKER, **_BOUNDS, **_RETRY}, "inbox": _INBOX, "dashboard": _DASHBOARD,
            "log": _LOG, "rules": _RULES}  # fmt: skip
        kind, _, name = section.name.partition(" ")
        if section.name in plain:
            self.plain[kind] = self._converted(section, plain[kind].get, plain[kind])
        elif kind == "handler" and name:
            self.handlers[name] = self._handler(section)
        elif kind == "rule" and name:
            given = self._converted(section, rules.converter, (*rules.KEYS, *rules.PATTERNS))
            for key, what in rules.problems(section, given):
                self.file.problem(section, key, what)
            self.rules.append(rules.rule(name, given))
        elif kind in ("handler", "rule"):
            self.file.problem(section, "", f"it has no name; write [{kind} NAME]")
        else:
            hint = similar(section.name, _SECTIONS) or f"; there are {', '.join(_SECTIONS)}"
            self.file.problem(section, "", f"there is no such section{hint}")

    def _handler(self, section: Section) -> HandlerSettings:
        """Return what a [handler NAME] says; its recipe and recipe.* keys are converted together."""
        texts = {key: entry.text for key, entry in section.entries.items() if key.partition(".")[0] == _RECIPE}
        others = {key: entry for key, entry in section.entries.items() if key not in texts}
        plain = replace(section, entries=others)
        given = self._converted(plain, _HANDLER.get, (*_HANDLER, _RECIPE))
        return HandlerSettings(**given, recipe=self._recipe(section, texts) if texts else None)

    def _recipe(self, section: Section, texts: dict[str, str]) -> Recipe | None:
        name = texts.pop(_RECIPE, None)
        if name is None:
            self.file.problem(section, next(iter(texts)), "say which recipe it adjusts, such as recipe = hmac")
            return None
        server = self.file.sections.get("server", Section("server", 1)).entries
        public_url = server["public_url"].text.rstrip("/") if "public_url" in server else ""
        adjustments = {key.removeprefix(f"{_RECIPE}."): text for key, text in texts.items()}
        recipe, problems = adjusting.named(name, adjustments, public_url)
        for problem in problems:
            key, _, what = problem.partition(": ")
            self.file.problem(section, key, what)
        return recipe

    def _converted(
        self, section: Section, converter: Callable[[str], values.Converter | None], known: Iterable[str]
    ) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for key, entry in section.entries.items():
            convert = converter(key)
            if convert is None:
                self.file.problem(
                    section, key, "there is no such key" + (similar(key, known) or f"; there are {', '.join(known)}")
                )
                continue
            try:
                given[key] = convert(entry.text)
            except ValueError as error:
                self.file.problem(section, key, str(error))
        return given

    def _tiki_keys(self) -> Mapping[str, values.Converter]:
        return {
            "path": self._path,
            "url": _url,
            "url_file": self._url_file,
            "site": values.text,
            "system_configuration_file": self._path,
            "system_configuration_identifier": values.text,
        }

    def _tiki(self, section: Section) -> TikiSettings:
        given = self.plain.get("tiki", {})
        keys = section.entries.keys()
        sources = keys & {"path", "url", "url_file"}
        overriding = self.environment.get(URL_VARIABLE)
        if len(sources) > 1:
            self.file.problem(section, max(sources), f"give only one of {', '.join(sorted(sources))}")
        if not sources and not overriding:
            self.file.problem(section, "", "say where Tiki is: path = the folder of your Tiki, or url = its database")
        if "site" in keys and "path" not in keys:
            self.file.problem(section, "site", "it chooses among the sites of a path; give the path or remove it")
        if "system_configuration_identifier" in keys and "system_configuration_file" not in keys:
            self.file.problem(section, "system_configuration_identifier", "give system_configuration_file too")
        url = given.pop("url_file", None) or given.pop("url", None)
        if overriding:
            try:
                url = _url(overriding)
            except ValueError as error:
                self.file.problems.append(f"{URL_VARIABLE} in the environment: {error}")
        return TikiSettings(url=url, **given)

    def _path(self, given: str) -> Path:
        return self.path.parent / values.text(given)

    def _folder_or_off(self, given: str) -> Path | str:
        return "off" if given.lower() == "off" else self._path(given)

    def _url_file(self, given: str) -> str:
        folder = Path(self.environment.get(CREDENTIALS_VARIABLE) or self.path.parent)
        try:
            return _url((folder / values.text(given)).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError("the file is not UTF-8 text; save it as UTF-8") from None


def _url(given: str) -> str:
    if not re.match(r"mysql\+pymysql://[^/\s]*/[^/\s?]|sqlite:///", given):
        raise ValueError(
            "this is no database URL tikisync can use; write it as "
            "mysql+pymysql://user:password@host/database, with %XX for special characters in the password"
        )
    return given
