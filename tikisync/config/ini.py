"""INI files as lines: sections with keys and texts, every problem collected rather than raised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SECTION = re.compile(r"\[\s*([^\]]*?)\s*\]\s*(?:[;#].*)?")
# Up to a semicolon after a space, unless it stands in quotes: expressions may hold one.
_VALUE = re.compile(r"""((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|.)*?)(?:(?:^|\s+);.*)?""")


@dataclass(frozen=True, slots=True)
class Entry:
    """The text of a key, continuation lines joined with spaces."""

    text: str
    line: int


@dataclass(slots=True)
class Section:
    """A ``[name]`` and its keys in order."""

    name: str
    line: int
    entries: dict[str, Entry] = field(default_factory=dict)


@dataclass(slots=True)
class IniFile:
    """What a text holds, and a sentence for each line that cannot be read or says something twice."""

    sections: dict[str, Section] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def problem(self, section: Section, key: str, message: str) -> None:
        """Note what is wrong with a key of a section ('' for the section itself) and what would be right."""
        line = section.entries[key].line if key in section.entries else section.line
        self.problems.append(f"[{section.name}]{' ' * bool(key)}{key} (line {line}): {message}")


def parse(text: str) -> IniFile:
    """Read INI text.

    ``;`` or ``#`` begins a comment line and `` ;`` (after a space) a comment in a line, outside quotes. A line that is
    indented more than its key continues it. Names are case-sensitive; nothing is interpolated.
    """
    file = IniFile()
    section: Section | None = None
    key, indent = "", 0
    for number, line in _lines(text):
        content = line.strip()
        depth = len(line) - len(line.lstrip())
        if section and key and depth > indent:
            before = section.entries[key]
            section.entries[key] = Entry(f"{before.text} {_without_comment(content)}".strip(), before.line)
        elif heading := _SECTION.fullmatch(content):
            section, key = _section(file, " ".join(heading[1].split()), number), ""
        elif "=" not in content:
            file.problems.append(f"line {number}: this is no [section], no key = value and no comment")
            key = ""
        elif section is None:
            file.problems.append(f"line {number}: a key before the first [section]; write the section above it")
        else:
            name, _, value = content.partition("=")
            key, indent = _key(file, section, name.strip(), _without_comment(value.strip()), number), depth
    return file


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(re.split("\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        if line.strip() and line.lstrip()[0] not in ";#":
            yield number, line.expandtabs()


def _without_comment(text: str) -> str:
    match = _VALUE.fullmatch(text)
    return match[1] if match else text


def _section(file: IniFile, name: str, line: int) -> Section:
    if name in file.sections:
        first = file.sections[name].line
        file.problems.append(f"[{name}] (line {line}) is there already (line {first}); give each section once")
        return Section(name, line)
    return file.sections.setdefault(name, Section(name, line))


def _key(file: IniFile, section: Section, name: str, value: str, line: int) -> str:
    if name in section.entries:
        first = section.entries[name].line
        file.problems.append(f"[{section.name}] {name} (line {line}) is there already (line {first}); give it once")
    else:
        section.entries[name] = Entry(value, line)
    return name
