"""``tikisync shadow``: beside Tiki's own endpoint, say where tikisync would judge otherwise."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from tikisync.cli import output
from tikisync.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from tikisync.cli.output import escape

if TYPE_CHECKING:
    from tikisync.app import App
    from tikisync.core.handlers import Handler
    from tikisync.core.requests import Request
    from tikisync.core.shadow import Outcome
    from tikisync.pipeline.shadow import Compared, Copy, Shadow

_TOLD = 10_000  # differences that --json prints
_WAITING = 1000  # mirrored requests that may wait to be judged
_NOT_OF_THE_REQUEST = (b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"keep-alive")


def shadow(
    config: ConfigFile = DEFAULT_CONFIG,
    listen: Annotated[
        str, typer.Option(help="Judge requests that the web server mirrors to this address, such as 127.0.0.1:8026.")
    ] = "",
    replay_inbox: Annotated[
        bool, typer.Option("--replay-inbox", help="Judge kept deliveries and refused requests again.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many deliveries, newest first.")] = 100_000,
    against: Annotated[
        str, typer.Option(help="The tiki-webhooks.php of a copy of the Tiki, which is to judge each request too.")
    ] = "",
    live: Annotated[bool, typer.Option("--live", help="Let --against be the live Tiki: its PHP runs again.")] = False,
    php: Annotated[str, typer.Option(help="How PHP is run there: fpm (also CGI), or module (of Apache).")] = "fpm",
    documented_ok: Annotated[
        bool, typer.Option("--documented-ok", help="Exit with 0 where all differences are documented ones.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Compare what tikisync makes of requests with what Tiki does. Nothing is stored or applied.

    Without --against, Tiki's rule is evaluated here. Exit code: 0 no differences, 1 some, or nothing was compared.
    """
    from tikisync.app import open_app
    from tikisync.errors import SetupError
    from tikisync.pipeline.shadow import Shadow

    if bool(listen) == replay_inbox:
        raise SetupError("say what to compare", hint="give either --listen or --replay-inbox")
    if php not in ("fpm", "module"):
        raise SetupError(f"--php {php} is not known", hint="give fpm or module")
    app = open_app(config)
    ask = _asker(app, against, live=live) if against else None
    judge = Shadow(app.database, app.config.handlers, app.forced, php, ask)
    told: deque[Compared] = deque(maxlen=_TOLD)  # the last ones

    def tell(compared: Compared) -> None:
        if compared.difference or compared.left_out:
            told.append(compared)
            if not json:
                output.say(_sentence(compared))

    if listen:
        _listen(app, judge, listen, tell)
    else:
        _replay(app, judge, limit, tell, silent=json)
    counts = judge.counts
    if json:
        output.as_json({"counts": counts, "differences": [asdict(each) for each in told if each.difference],
                        "left_out": [{"request": each.request, "why": each.left_out} for each in told if each.left_out]
                        })  # fmt: skip
    else:
        output.say(f"[bold]{sum(counts.values())} requests[/bold]: {counts['same']} judged the same, "
                   f"{counts['documented']} differ as documented, {counts['real']} differ otherwise, "
                   f"{counts['left out']} could not be compared")  # fmt: skip
    differ = counts["real"] + (0 if documented_ok else counts["documented"])
    raise typer.Exit(1 if differ or not counts["same"] + counts["documented"] else 0)


def _replay(app: App, judge: Shadow, limit: int, tell: Callable[[Compared], object], *, silent: bool) -> None:
    from tikisync.cli.progress import progress
    from tikisync.pipeline import administer
    from tikisync.pipeline.shadow import why_not_whole

    refusals = [(f"refused request {number}", each.request, why_not_whole(each))
                for number, each in enumerate(app.refused(), 1)]  # fmt: skip
    total = min(limit, administer.count(app.database)) + len(refusals)
    with progress("requests compared", total, silent=silent) as advance:
        for told, request, lacks in chain(refusals, judge.kept(limit)):
            tell(judge.leave_out(told, lacks) if lacks else judge.compare(told, request))
            advance(1)


def _listen(app: App, judge: Shadow, address: str, tell: Callable[[Compared], object]) -> None:
    """Judge mirrored requests until SIGTERM or Ctrl-C."""
    from dataclasses import replace

    from tikisync.core.document import iso_utc
    from tikisync.core.retry import sentence
    from tikisync.errors import SetupError
    from tikisync.pipeline.shadow import as_tiki_gets_it
    from tikisync.web import mirror, server

    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        raise SetupError(f"--listen {address} is no address", hint="write it as 127.0.0.1:8026")
    waiting: queue.Queue[Request | None] = queue.Queue(_WAITING)

    def take(request: Request) -> None:
        try:
            waiting.put_nowait(request)
        except queue.Full:
            tell(judge.leave_out(iso_utc(request.received_at), "too many requests came at once"))

    def work() -> None:
        while request := waiting.get():
            told = f"{iso_utc(request.received_at)} from {request.client_ip}"
            try:
                tell(judge.compare(told, as_tiki_gets_it(request)))
            except Exception as error:  # the database is away, or a bug: the others are to be judged all the same
                tell(judge.leave_out(told, sentence(error)))

    thread = threading.Thread(target=work, name="shadow")
    thread.start()
    try:
        settings = replace(app.config.server, host=host.strip("[]") or "127.0.0.1", port=int(port))
        server.serve(mirror.application(take, settings), settings.host, settings.port)
    finally:
        waiting.put(None)
        thread.join()


def _asker(app: App, url: str, *, live: bool) -> Callable[[Request, Sequence[Handler]], Copy]:
    """Return what has the copy at ``url`` judge a request; raise SetupError where that is the live Tiki."""
    from tikisync.cli.client import post, spelled
    from tikisync.errors import SetupError
    from tikisync.pipeline.shadow import Copy

    server, asked = app.config.server, urlsplit(url)
    ours = (urlsplit(server.public_url).netloc, f"{server.host}:{server.port}")
    if not live and asked.netloc and asked.netloc in ours:
        hint = "name a copy's tiki-webhooks.php; or, if all that its PHP does may happen twice, give --live"
        raise SetupError(f"{url} is the live Tiki or tikisync itself", hint=hint)

    def ask(request: Request, handlers: Sequence[Handler]) -> Copy:
        sent = {name: value for name, value in request.combined_headers().items() if name not in _NOT_OF_THE_REQUEST}
        target = asked._replace(query=request.query).geturl()
        return Copy(*post(target, request.body, spelled(sent, handlers), method=request.method))

    return ask


def _sentence(compared: Compared) -> str:
    who = f"[bold]{escape(compared.request)}[/bold]"
    if not compared.difference:
        return f"[dim]{who} is left out: {escape(compared.left_out)}[/dim]"
    found = compared.difference
    mark = "[yellow]documented[/yellow]" if found.is_documented else "[red]differs[/red]"
    return (f"{mark} {who}: tikisync {escape(_made(compared.ours))}, Tiki {escape(_made(compared.tikis))}\n"
            f"        [dim]→[/dim] {escape(found.why)}")  # fmt: skip


def _made(outcome: Outcome) -> str:
    if not outcome.accepted:
        return "refuses it"
    return f"takes it for {outcome.handler or 'a handler'}" + (f" (user {outcome.user})" if outcome.user else "")
