"""The command line: a few lines for each command over ``app``."""

from __future__ import annotations

import sys

import typer

from tikisync import __version__
from tikisync.cli import (
    demo,
    doctor,
    inbox,
    init,
    learn,
    manual,
    output,
    rules,
    send,
    service,
    shadow,
    site,
    spool,
    tail,
)
from tikisync.errors import TikisyncError

_MORE = """\b
Files and environment:
  config.ini             the config, in the current folder unless -c names another
  TIKISYNC_CONFIG        another config, for all commands
  TIKISYNC_DATABASE_URL  the database, whatever the config says

\b
Exit codes:
  0  done
  1  it did not come out well: refused, not found, warnings of check, trouble that passes
  2  the set-up is to be mended; what is wrong and a way out are on standard error

\b
More:
  tikisync COMMAND --help
  tikisync manual
"""


def _examples(*lines: str) -> str:
    """Return the end of a command's help; each line is kept as it is."""
    return "\n".join(["\b", "Examples:", *(f"  tikisync {line}" for line in lines)])


program = typer.Typer(
    help="Webhooks configured in Tiki's admin UI change Tiki's tracker items.",
    epilog=_MORE,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading rich for it takes longer than all the rest
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
program.command(epilog=_examples("demo", "demo --keep"))(demo.demo)
program.command(
    epilog=_examples(
        "init", "init --tiki /var/www/tiki --handler Shop --tracker Orders --sample order.json", "init --yes --json"
    )
)(init.init)
program.command(epilog=_examples("serve -c /etc/tikisync/config.ini", "serve --json"))(service.serve)
program.command(epilog=_examples("work -c /etc/tikisync/config.ini"))(service.work)
program.command(hidden=True)(service.apply_deliveries)
program.command()(site.setup)
program.command(epilog=_examples("check", "check --json"))(site.check)
program.command(epilog=_examples("grants --user tikisync --host localhost", "grants --setup"))(site.grants)
program.command()(site.handlers)
program.command(epilog=_examples("send Shop order.json -H 'X-Shopify-Topic: orders/create'"))(send.send)
program.command(epilog=_examples("doctor", "doctor --last", "doctor --file request.http"))(doctor.doctor)
program.command(epilog=_examples("learn request.http --tracker Orders", "learn --delivery 12"))(learn.learn)
program.command(
    epilog=_examples(
        "shadow --replay-inbox",
        "shadow --listen 127.0.0.1:8026",
        "shadow --replay-inbox --against https://copy.example.org/tiki-webhooks.php",
    )
)(shadow.shadow)
program.command(epilog=_examples("tail", "tail -n 100 --handler Shop --no-follow"))(tail.tail)
program.command("try", epilog=_examples("try shop-order order.json", "try Shop - < order.json"))(rules.try_rules)
program.command(epilog=_examples("manual", "manual troubleshooting"))(manual.manual)
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
