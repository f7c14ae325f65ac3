"""Folders of Tiki on this machine."""

from __future__ import annotations

from pathlib import Path

from tikisync.errors import SetupError

_PLACES = ("var/www", "var/www/*", "var/www/*/*", "srv/*", "srv/*/*", "opt/*", "usr/share/tiki*", "home/*/public_html",
           "home/*/*/public_html")  # fmt: skip


def likely(here: Path, root: Path = Path("/")) -> list[Path]:
    """Return the folders that hold an installed Tiki: ``here`` and those around it first, then the usual places."""
    folders = [here, *here.parents, *(each for place in _PLACES for each in sorted(root.glob(place)))]
    return list(dict.fromkeys(each for each in folders if _is_installed(each)))


def require(folder: Path) -> None:
    """Raise SetupError where a folder is no Tiki, or one that is not installed yet."""
    if not folder.is_dir():
        raise SetupError(f"there is no folder {folder}", hint="give the folder that holds tiki-index.php")
    if not (folder / "tiki-index.php").exists():
        inside = sorted(each.parent for each in folder.glob("*/tiki-index.php"))
        hint = f"did you mean {inside[0]}?" if inside else "give the folder that holds tiki-index.php"
        raise SetupError(f"{folder} is no Tiki: there is no tiki-index.php in it", hint=hint)
    if not (folder / "db" / "local.php").exists() and not sites(folder):
        hint = "finish Tiki's installer first (tiki-install.php in a browser); it writes db/local.php"
        raise SetupError(f"the Tiki in {folder} is not installed yet: it has no db/local.php", hint=hint)


def sites(folder: Path) -> list[str]:
    """Return the sites that a MultiTiki serves; none where the folder is that of one Tiki alone."""
    return sorted(each.parent.name for each in folder.glob("db/*/local.php"))


def _is_installed(folder: Path) -> bool:
    try:
        require(folder)
    except (SetupError, OSError):  # not a Tiki, or not to be looked into
        return False
    return True
