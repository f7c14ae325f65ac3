"""The service as a hardened systemd unit runs it: as nobody, with nothing to write to but a folder for its state."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import TikiDatabase
from tests.end_to_end.program import free_port, running, until
from tests.end_to_end.test_commands import RULES
from tests.end_to_end.test_service import order, signed
from tikisync.inbox.refusals import stored

NOBODY = 65534
ROOT = Path(__file__).parents[2]

# ProtectHome=tmpfs with BindReadOnlyPaths= (Python may be there), ProtectSystem=strict with ReadWritePaths=, UMask=, no
# environment, User=, NoNewPrivileges=, CapabilityBoundingSet=.
SANDBOX = """
set -e
IFS=: read -ra shown <<< "$2"
mount --make-rprivate /
for each in "${!shown[@]}"; do mkdir -p "$0-shown/$each"; mount --bind "${shown[each]}" "$0-shown/$each"; done
mount -t tmpfs -o mode=755 none "$HOME"
for each in "${!shown[@]}"; do mkdir -p "${shown[each]}"; mount --bind "$0-shown/$each" "${shown[each]}"; done
mount --bind "$0" "$0"
mount -o remount,bind,ro /
umask 077
cd /
exec env --ignore-environment PYTHONPATH="$1" PYTHONDONTWRITEBYTECODE=1 \\
  setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "${@:3}"
"""


def sandboxed(state: Path) -> list[str]:
    """Return the command that runs another one with least privileges, able to write to this folder only."""
    needed = sorted({sys.base_prefix, sys.prefix, str(ROOT)})
    shown = [each for each in needed if Path(each).is_relative_to(Path.home())]
    return ["unshare", "--mount", "bash", "-c", SANDBOX, str(state), str(ROOT), ":".join(shown)]


@pytest.fixture
def state() -> Iterator[Path]:
    """A folder that belongs to nobody, in one that nobody can only look into, where all this can be had."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv", "mount", "bash"))):
        pytest.skip("it takes root on Linux to run as somebody else")
    with tempfile.TemporaryDirectory(prefix="tikisync-nobody-") as outer:
        Path(outer).chmod(0o755)
        folder = Path(outer) / "state"
        folder.mkdir(mode=0o700)
        os.chown(folder, NOBODY, NOBODY)
        start = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import tikisync.cli'], check=True)"
        command = [*sandboxed(folder), sys.executable, "-c", start]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nobody cannot run Python here: {done.stderr.strip()[-200:]}")
        yield folder


def test_it_serves_as_nobody_with_nothing_to_write_to_but_its_state(
    sqlite_tiki: TikiDatabase, tmp_path: Path, state: Path
) -> None:
    sqlite_tiki.close()
    database = shutil.move(tmp_path / "tiki.db", state / "tiki.db")
    os.chown(database, NOBODY, NOBODY)
    config, port = state.parent / "config.ini", free_port()
    places = f"[server]\nport = {port}\n\n[door]\nrefused_file = {state / 'refused'}\n"
    config.write_text(f"[tiki]\nurl = sqlite:///{database}\n\n{places}{RULES}")
    os.chown(config, 0, NOBODY)
    config.chmod(0o440)

    with running("serve", config, port, under=sandboxed(state)) as service:
        status = Path(f"/proc/{service.process.pid}/status").read_text()
        assert f"Uid:\t{NOBODY}\t{NOBODY}" in status
        assert "CapEff:\t0000000000000000" in status
        assert service.post(order(1), signed(order(1))) == (200, "ok")
        assert service.post(order(2), signed(order(1)))[0] == 403
        until(lambda: "delivery.done" in service.log.read_text() and (state / "refused").exists(), service.log)
        assert service.stop() == 0

    assert [each.refused.reason for each in stored(state / "refused")][-1] == "wrong_signature"
    made = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in state.iterdir() if path != database}
    assert set(made.values()) == {0}, made  # nobody else reads what it writes
    told = service.log.read_text()
    assert "Traceback" not in told
    assert "not_kept" not in told


def test_without_a_place_to_write_it_serves_too_and_says_once_that_refusals_are_not_kept(
    tiki: TikiDatabase, state: Path
) -> None:
    config, port = state.parent / "config.ini", free_port()
    config.write_text(f"[tiki]\nurl = {tiki.url}\n\n[server]\nport = {port}\n{RULES}")
    with running("serve", config, port, under=sandboxed(state)) as service:
        assert service.post(order(1), signed(order(1))) == (200, "ok")
        for told in ("delivery.done", "refusals.not_kept"):
            until(lambda told=told: told in service.log.read_text(), service.log)
        assert service.post(order(2), {})[0] == 403
        assert service.stop() == 0
    told = service.log.read_text()
    assert told.count("refusals.not_kept") == 1
    assert "Read-only file system" in told
