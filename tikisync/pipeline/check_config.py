"""Look at the config file itself: whether everybody on this machine can read the secrets in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tikisync.config import Config
from tikisync.pipeline.finding import WARNING, Finding


def check(path: Path, config: Config) -> Iterator[Finding]:
    """Yield a warning where the file holds secrets and others may read it; ``config`` is what was read from it."""
    if not _is_open_to_all(path):
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    named = ", ".join(name for name, secret in _secrets(config) if secret and secret in text)
    if named:
        hint = f"let only the user that the service runs as read it: chown it to that user, then chmod 600 {path}"
        yield Finding(WARNING, str(path), f"everybody on this machine can read it, and it holds secrets: {named}", hint)


def _is_open_to_all(path: Path) -> bool:
    try:
        places = path.resolve().parents
        return bool(path.stat().st_mode & 0o004) and all(place.stat().st_mode & 0o001 for place in places)
    except OSError:
        return False


def _secrets(config: Config) -> Iterator[tuple[str, str]]:
    url = config.tiki.url or ""
    yield "[tiki] url", url if urlsplit(url).password else ""
    yield "[dashboard] session_key", config.dashboard.session_key
    for name, recipe in config.recipes.items():
        yield f"[handler {name}] recipe.verify_token", recipe.verify_token
