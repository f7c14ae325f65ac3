"""The command line: a few lines for each command over ``app``."""

from __future__ import annotations

import sys

import typer

from tikisync import __version__
from tikisync.cli import demo, doctor, inbox, learn, manual, output, rules, send, service, site, spool, tail
from tikisync.errors import TikisyncError

program = typer.Typer(
    help="Webhooks configured in Tiki's admin UI change Tiki's tracker items.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading rich for it takes longer than all the rest
    context_settings={"help_option_names": ["-h", "--help"]},
)
program.command()(demo.demo)
program.command()(service.serve)
program.command()(service.work)
program.command(hidden=True)(service.apply_deliveries)
program.command()(site.setup)
program.command()(site.check)
program.command()(site.grants)
program.command()(site.handlers)
program.command()(send.send)
program.command()(doctor.doctor)
program.command()(learn.learn)
program.command()(tail.tail)
program.command("try")(rules.try_rules)
program.command()(manual.manual)
program.add_typer(inbox.program, name="inbox")
program.add_typer(spool.program, name="spool")


def _version(asked: bool) -> None:
    if asked:
        output.say(f"tikisync {__version__}")
        raise typer.Exit


@program.callback()
def _options(
    _asked: bool = typer.Option(False, "--version", help="Show the version.", callback=_version, is_eager=True),
) -> None:
    """Webhooks configured in Tiki's admin UI change Tiki's tracker items."""


def main() -> None:
    """Run the command named on the command line; errors are sentences on standard error."""
    try:
        program(prog_name="tikisync")
    except TikisyncError as error:
        sys.exit(output.fail(error))
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
