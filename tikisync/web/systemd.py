"""What systemd hands to a service, a listening socket, and what it wants to hear: that the service is ready.

A few lines instead of a library: sd_listen_fds(3), sd_notify(3). Without systemd nothing of it is set, and all is as if
it were not there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from tikisync.errors import SetupError

_FIRST = 3  # SD_LISTEN_FDS_START


def inherited(environment: Mapping[str, str] = os.environ) -> socket.socket | None:
    """Return the listening socket of a ``.socket`` unit, None where there is none; raise SetupError for several."""
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(os.getpid()) or count in ("", "0"):
        return None
    if count != "1":
        raise SetupError(
            f"systemd hands over {count} sockets, and tikisync listens on one",
            hint="leave one ListenStream= in its .socket unit",
            reason="address_unavailable",
        )
    listener = socket.socket(fileno=_FIRST)
    listener.set_inheritable(False)
    return listener


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell systemd a state (``READY=1``, ``STOPPING=1``) where it wants to hear it; never fail because of that."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(state.encode("ascii"), f"\0{address[1:]}" if address[0] == "@" else address)  # @: an abstract one
