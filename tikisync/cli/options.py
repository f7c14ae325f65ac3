"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path, typer.Option("-c", "--config", envvar="TIKISYNC_CONFIG", help="The config file.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
LogAsJson = Annotated[bool, typer.Option("--json", help="Log a JSON object a line, whatever the config says.")]

DEFAULT_CONFIG = Path("config.ini")
