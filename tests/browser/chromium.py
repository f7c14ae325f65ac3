"""The Chromium of the browser tests: the one named, one of this machine, or Debian's, installed where allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from ctypes.util import find_library

VARIABLE = "TIKISYNC_TEST_CHROMIUM"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


class NoChromiumError(Exception):
    """No Chromium could be had; the message says what was missing."""


def find(environ: Mapping[str, str], say: Callable[[str], None]) -> str:
    """Return the path of a Chromium; ``say`` gets a line about what takes long."""
    found = environ.get(VARIABLE) or _installed(environ)
    if found and find_library("atomic"):
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get", path=environ.get("PATH")):
        raise NoChromiumError(
            "no Chromium for the browser tests, or no libatomic, which Playwright needs: install them "
            f"(on Debian: apt-get install chromium libatomic1); {VARIABLE} names another Chromium"
        )
    say("installing chromium for the browser tests")
    quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("update -qq", "install -y -qq --no-install-recommends chromium fonts-dejavu-core libatomic1"):
        done = subprocess.run(["apt-get", *command.split()], env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoChromiumError(f"no Chromium for the browser tests: apt-get failed: {done.stderr.strip()[-500:]}")
    found = found or _installed(environ)
    if not found:
        raise NoChromiumError("Debian's package chromium brought no program of that name")
    return found


def _installed(environ: Mapping[str, str]) -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name, path=environ.get("PATH")))), None)
