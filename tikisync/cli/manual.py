"""``tikisync manual``: the pages of the manual, which are shipped with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

import typer

from tikisync.cli import output
from tikisync.cli.options import AsJson

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def manual(
    topic: Annotated[
        str, typer.Argument(help="A page's name, or how it begins; without it the pages are listed.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Show a page of the manual, or list its pages."""
    from tikisync.errors import SetupError

    pages = _pages()
    if not topic:
        titles = {name: _title(page.read_text("utf-8")) for name, page in pages.items()}
        if json:
            output.as_json(titles)
        else:
            output.pairs(titles)
        return
    found = [name for name in pages if name == topic] or [name for name in pages if name.startswith(topic.lower())]
    if len(found) != 1:
        raise SetupError(f"the manual has no page {topic!r}", hint=f"its pages are {', '.join(pages)}")
    text = pages[found[0]].read_text("utf-8")
    if json:
        output.as_json({"topic": found[0], "text": text})
    elif output.console().is_terminal:
        from rich.markdown import Markdown

        output.console().print(Markdown(text, hyperlinks=False), soft_wrap=False)
    else:
        typer.echo(text, nl=False)


def _pages() -> dict[str, Traversable]:
    """Return the pages by name, in alphabetical order."""
    there = {page.name.removesuffix(".md"): page for page in files("tikisync").joinpath("manual").iterdir()}
    return dict(sorted(there.items()))


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")
