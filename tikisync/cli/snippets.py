"""What belongs into other programs' files: the web server's, and systemd's."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from tikisync.config import ServerSettings

WEB_SERVERS: Mapping[str, str] = {"nginx": "nginx.conf", "apache": "apache.conf"}


def web_server(kind: str, settings: ServerSettings) -> str:
    """Return what puts tikisync behind Tiki's own address in ``nginx`` or ``apache``."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return _filled(WEB_SERVERS[kind], base=urlsplit(settings.public_url).path, address=f"{host}:{settings.port}")


def unit(config: Path, user: str) -> str:
    """Return a systemd unit that runs the service with this config file, as a user who may read Tiki's files."""
    config = config.resolve()
    return _filled("tikisync.service", command=command(), config=str(config), folder=str(config.parent), user=user)


def reader_of(tiki: Path) -> str:
    """Return the name of a user who may read the Tiki's files: the owner of db/local.php, or the web server's user."""
    local = tiki / "db" / "local.php"
    owner = (local if local.exists() else tiki).owner()
    return "www-data" if owner == "root" else owner


def command() -> str:
    """Return how this program is started, for other programs."""
    found = shutil.which("tikisync") if Path(sys.argv[0]).name == "__main__.py" else sys.argv[0]
    return str(Path(found).resolve()) if found else f"{sys.executable} -m tikisync"


def _filled(template: str, **values: str) -> str:
    text = (files("tikisync.cli") / "templates" / template).read_text("utf-8")
    return Template(text).substitute(values)
