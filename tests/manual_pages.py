"""The manual and the README as their readers have them: pages, tables, links, code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES: Mapping[str, Path] = {path.stem: path for path in sorted((ROOT / "tikisync" / "manual").glob("*.md"))}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def prose(path: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", path.read_text("utf-8"))


def code(path: Path, language: str) -> list[str]:
    """Return the page's blocks of code in a language."""
    return [text for name, text in _FENCE.findall(path.read_text("utf-8")) if name == language]


def sections(path: Path) -> dict[str, str]:
    """Return the page's text below each heading of the second level."""
    parts = re.split(r"^## (.*)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(text: str) -> list[dict[str, str]]:
    """Return the rows of all tables, their cells by the names in the tables' heads."""
    lines = text.splitlines()
    names: list[str] = []
    found = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if below.startswith("|---"):
            names = cells
        elif cells and not line.startswith("|---"):
            found.append(dict(zip(names, cells, strict=True)))
    return found


def column(text: str, name: str) -> set[str]:
    """Return what stands in backticks in the columns of this name, of all tables."""
    return {word for row in tables(text) for word in words(row.get(name, ""))}


def words(cell: str) -> list[str]:
    """Return what stands in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def links(path: Path) -> Iterator[str]:
    """Yield where a page's links lead."""
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(path)))


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)}
