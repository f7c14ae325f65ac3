"""One run: send while things break, wait until all is applied, judge."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.chaos.editor import Editor
from tests.chaos.faults import Fault
from tests.chaos.sender import Sender
from tests.chaos.site import Site, until
from tests.chaos.storm import Storm
from tests.chaos.verdict import Verdict, judge
from tikisync.cli.client import post
from tikisync.database import Database
from tikisync.errors import PassingError, TikisyncError

_BACKLOG = 300  # pending deliveries beyond which the sender waits, so that what is measured is not the machine
_SAID_EVERY = 2  # seconds
_STUCK = 90  # seconds without any progress at the end
_BUGS = ("Traceback (most recent call last)", "a bug in tikisync")


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a run, and what is wrong."""

    sent: Counter[str]
    faults: Counter[str]
    deadlocks: int
    verdict: Verdict
    problems: tuple[str, ...]

    def line(self) -> str:
        """Return all figures in one line."""
        killed = {kind.removeprefix("kill "): n for kind, n in sorted(self.faults.items()) if kind.startswith("kill ")}
        others = ", ".join(f"{kind} {n}" for kind, n in sorted(self.faults.items()) if not kind.startswith("kill "))
        return (
            f"sent {self.sent['sent']}, answered {self.sent['answered']}, retried {self.sent['retried']}, "
            f"sent again {self.sent['sent again']}, killed {sum(killed.values())} "
            f"({', '.join(f'{name} {n}' for name, n in killed.items())}), {others}, deadlocks {self.deadlocks}, "
            f"lost {len(self.verdict.lost)}, doubled {len(self.verdict.doubled)}, "
            f"out of order {len(self.verdict.out_of_order)}, otherwise wrong {len(self.verdict.untrue)}"
        )


def run(
    site: Site,
    faults: Iterator[Fault],
    *,
    seconds: float,
    seed: int,
    rate: float,
    edits: bool,
    say: Callable[[str], None],
) -> Result:
    """Send for so many ``seconds`` while the faults come; ``say`` gets a line of progress now and then."""
    urls = [f"http://127.0.0.1:{port}/tiki-webhooks.php" for port in site.ports]
    until(lambda: all(map(_answers, urls)), lambda: "\n".join(each.log.read_text() for each in site.serving))
    sender, editor = Sender(urls, seed, rate), Editor(site.nodes[-1].url.set(database=site.name), seed)
    storm, database = Storm(site, editor, faults), Database(site.url)
    sender.start()
    if edits:
        editor.start()
    started = said = time.monotonic()
    while (now := time.monotonic()) < started + seconds:
        storm.step(now)
        if now > said + _SAID_EVERY:
            said = now
            pending = _pending(database)
            _hold(sender, pending)
            say(f"{now - started:4.0f} s: {_progress(sender, storm)}, pending {pending}")
        time.sleep(0.05)
    sender.stop()
    stuck = list(_drain(site, storm, sender, database, say))
    if edits:
        editor.stop()
    verdict = judge(database, sender, editor)
    database.close()
    verdict.untrue += [*stuck, *_told(site)]
    return Result(sender.counts, storm.carried_out, editor.deadlocks, verdict, tuple(verdict.problems()))


def _drain(site: Site, storm: Storm, sender: Sender, database: Database, say: Callable[[str], None]) -> Iterator[str]:
    """Wait until everything is answered and nothing is pending; say what is wrong if nothing happens any more."""
    last, since, said = (0, 0), time.monotonic(), 0.0
    while True:
        storm.calm()
        more = sender.is_sending or site.spool_waits()  # looked at before what these lead to
        pending, now = _pending(database), time.monotonic()
        if not more and pending == 0:
            return
        if pending is not None and last != (pending, sender.counts["answered"]):
            last, since = (pending, sender.counts["answered"]), now
        if now > since + _STUCK:
            where = ", others in the spool" if site.spool_waits() else ""
            yield f"{pending} deliveries are pending{where}, and nothing is done for {_STUCK} s"
            return
        if now > said + _SAID_EVERY:
            said = now
            say(f"the storm is over: {_progress(sender, storm)}, pending {pending}")
        time.sleep(0.2)


def _progress(sender: Sender, storm: Storm) -> str:
    answered, retried = sender.counts["answered"], sender.counts["retried"]
    return f"answered {answered}, retried {retried}, faults {sum(storm.carried_out.values())}"


def _told(site: Site) -> Iterator[str]:
    """Yield what tikisync's logs, the spool and the proxies tell of things that must not be."""
    if site.spool.exists() and (left := sorted(path.name for path in site.spool.iterdir())):
        yield f"in the spool there is left: {', '.join(left)}"
    for program in site.programs:
        lines = program.log.read_text().splitlines()
        if found := [number for number, line in enumerate(lines) if any(each in line for each in _BUGS)]:
            yield f"{program.log.name}: " + " / ".join(lines[max(0, found[0] - 2) : found[0] + 30])
    if violations := sum(proxy.violations for proxy in site.proxies):
        yield f"{violations} statements an old server does not know"


def _pending(database: Database) -> int | None:
    """Return how many deliveries are pending; None while the database is away."""
    try:
        with database.transaction() as tx:
            return int(tx.value("SELECT COUNT(*) FROM tikisync_deliveries WHERE status = 'pending'"))
    except TikisyncError:
        return None


def _hold(sender: Sender, pending: int | None) -> None:
    if pending and pending > _BACKLOG:
        sender.go.clear()
    else:
        sender.go.set()


def _answers(url: str) -> bool:
    try:
        return post(url, b"", {}, timeout=5)[0] == 403
    except PassingError:
        return False
