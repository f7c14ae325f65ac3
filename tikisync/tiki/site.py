"""A Tiki as the config leads to it: its database, and the preferences that its files force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tikisync.config import TikiSettings
from tikisync.tiki import local_php, system_ini


@dataclass(frozen=True, slots=True)
class Site:
    """Where a Tiki's database is, what its system configuration forces, and what of that cannot be read."""

    url: str
    forced: Mapping[str, str]
    warnings: tuple[str, ...]


def of_config(settings: TikiSettings) -> Site:
    """Read what of Tiki's files the config names, db/local.php and system ini files; raises SetupError."""
    url, named = settings.url, settings.system_configuration_file
    files = [(named, settings.system_configuration_identifier)] if named else []
    if settings.path is not None:
        local = local_php.read(settings.path, settings.site)
        files += system_ini.of_tiki(settings.path, local)
        url = url or local_php.url(local)
    overrides = system_ini.read(files)
    return Site(url or "", overrides.forced, overrides.warnings)
