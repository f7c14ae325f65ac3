"""Tiki's system configuration: INI files of the host that force preferences for every user.

Read as Tiki reads it (Tiki: db/tiki-db.php, lib/core/Tiki/Config/Ini.php over Laminas' Config\\Reader\\Ini), quirks
included; where an admin would expect something else, a warning says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tikisync.core.php_ini import Ini, IniSyntaxError, PhpIni
from tikisync.core.php_serialize import serialize
from tikisync.core.php_tokens import HTML, WORD, tokens
from tikisync.errors import SetupError
from tikisync.tiki.local_php import LocalPhp

_EXTENDS = ";extends"
_MAX_INCLUDES = 10
_OUTPUT = {"echo", "print", "printf", "vprintf", "readfile", "include", "include_once", "require", "require_once"}


@dataclass(frozen=True, slots=True)
class SystemIni:
    """Forced preferences by name (arrays serialized as in ``tiki_preferences``), and what an admin should know."""

    forced: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def of_tiki(root: Path, local: LocalPhp) -> tuple[tuple[Path, str | None], ...]:
    """Return the file and identifier that ``db/local.php`` of the Tiki in ``root`` names, as a source for ``read``."""
    name = local.system_configuration_file
    return ((root / name, local.system_configuration_identifier),) if name else ()


def read(sources: Iterable[tuple[Path, str | None]], environment: Mapping[str, str] = os.environ) -> SystemIni:
    """Read files in order, a later one wins; each with the identifier of the section that counts, None for the top.

    ``environment`` is what ``${NAME}`` in a file refers to. Raises SetupError where a file cannot be read or is
    broken, which stops Tiki too.
    """
    preferences: dict[str, str] = {}
    warnings: list[str] = []
    for file, identifier in sources:
        reader = _Reader(identifier, environment)
        try:
            forced = reader.config(file).get("preference", {})
        except RecursionError:
            raise _broken(file, "it is nested too deeply") from None
        preferences.update(_stored(forced) if isinstance(forced, dict) else {})
        warnings += reader.warnings
    return SystemIni(preferences, tuple(dict.fromkeys(warnings)))


class _Reader:
    def __init__(self, identifier: str | None, environment: Mapping[str, str]) -> None:
        self.identifier, self.environment = identifier, environment
        self.warnings: list[str] = []

    def config(self, file: Path, includes: int = 0) -> Ini:
        """Return the part of the file that counts."""
        text = self._text(file)
        runs_as_php = file.name.endswith(".ini.php") and not includes
        if runs_as_php:
            text = self._output(file, text)
        try:
            ini = PhpIni(text, self.environment)
        except IniSyntaxError as error:
            raise _broken(file, str(error)) from None
        self.warnings += [f"{file}: {remark}" for remark in ini.remarks]
        config = _inherited(file, self._nested(file, _with_parents(ini.values), None if runs_as_php else includes))
        if self.identifier is None:
            return config
        section = config.get(self.identifier)
        if "." in self.identifier:
            why = "Tiki never finds a section whose name has a dot; give it one without"
            self.warnings.append(f"{file}: nothing is forced for {self.identifier}: {why}")
        elif not isinstance(section, dict):
            self.warnings.append(f"{file}: nothing is forced: it has no section [{self.identifier}]")
        return section if isinstance(section, dict) else {}

    def _text(self, file: Path) -> str:
        try:
            return file.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise SetupError(
                f"Tiki's system configuration {file} cannot be read: {error.strerror}",
                hint="let the user that tikisync runs as read it, as Tiki does, or correct its name in db/local.php",
            ) from None

    def _output(self, file: Path, source: str) -> str:
        """Return what the PHP file prints as far as it is plain text; Tiki runs it."""
        pieces = list(tokens(source))
        if any(piece.kind == WORD and piece.text.lower() in _OUTPUT for piece in pieces):
            self.warnings.append(f"{file}: its PHP code may print settings; tikisync does not run it")
        return "".join(piece.text for piece in pieces if piece.kind == HTML)

    def _nested(self, file: Path, data: Ini, includes: int | None) -> Ini:
        """Split keys and section names at their dots, as Laminas does; ``includes`` is None where it allows none."""
        config: Ini = {}
        for name, value in data.items():
            if not isinstance(value, dict):
                self._put(file, config, name, value, includes)
                continue
            section: Ini = {}
            for key, entry in value.items():
                self._put(file, section, key, entry, includes)
            *outer, last = name.split(".")
            place = config
            for part in outer:
                place = _section(place, part)
            place[last] = _replaced(_section(place, last), section) if outer else section
        return config

    def _put(self, file: Path, config: Ini, key: str, value: str | Ini, includes: int | None) -> None:
        first, dot, rest = key.partition(".")
        if dot:
            if not (first and rest) or not isinstance(config.setdefault(first, {}), dict):
                raise _broken(file, f"the key {key} is empty on one side of a dot, or {first} has a value already")
            self._put(file, _section(config, first), rest, value, includes)
        elif key == "@include":
            if includes is None or includes >= _MAX_INCLUDES or isinstance(value, dict):
                raise _broken(file, "@include is not possible here")
            config.update(_replaced(config, self.config(file.parent / value, includes + 1)))
        else:
            config[key] = value


def _broken(file: Path, what: str) -> SetupError:
    return SetupError(f"Tiki's system configuration {file} is broken, which stops Tiki too: {what}")


def _section(config: Ini, name: str) -> Ini:
    section = config.get(name)
    if not isinstance(section, dict):
        section = config[name] = {}
    return section


def _with_parents(data: Ini) -> Ini:
    """Move the parent in ``[child : parent]`` from the name into the section."""
    result: Ini = {}
    for name, value in data.items():
        child, *parents = (part.strip() for part in name.split(":"))
        result[child] = {**value, _EXTENDS: parents[0]} if len(parents) == 1 and isinstance(value, dict) else value
    return result


def _inherited(file: Path, config: Ini) -> Ini:
    def resolved(name: str, children: tuple[str, ...]) -> Ini:
        section = config.get(name)
        if not isinstance(section, dict) or name in children:
            raise _broken(file, f"a section inherits from [{name}], which does not exist or inherits from itself")
        own = {key: value for key, value in section.items() if key != _EXTENDS}
        parent = section.get(_EXTENDS)
        return _replaced(resolved(parent, (*children, name)), own) if isinstance(parent, str) else own

    return {name: resolved(name, ()) if isinstance(value, dict) else value for name, value in config.items()}


def _replaced(below: Ini, above: Ini) -> Ini:
    """Return ``below`` with the values of ``above`` over it, at every depth."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _replaced(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _stored(forced: Ini) -> Mapping[str, str]:
    """Return preferences as the table would hold them; what is neither text nor a list of texts is no preference."""
    stored: dict[str, str] = {}
    for name, value in forced.items():
        if isinstance(value, str):
            stored[name] = value
        elif all(key.isdigit() and isinstance(entry, str) for key, entry in value.items()):
            stored[name] = serialize([str(entry) for entry in value.values()])
    return stored
