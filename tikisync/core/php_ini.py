"""PHP's INI files, as its *normal* scanner reads them (php.net/parse_ini_string, INI_SCANNER_NORMAL; PHP 8.2 measured).

Python's ``configparser`` reads many of them differently: ``yes`` is ``1`` here, ``3|4`` is ``7``, ``${HOME}`` is
replaced, ``;`` begins a comment anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

Ini: TypeAlias = "dict[str, str | Ini]"

_SKIPPED = re.compile(r"(?:[ \t\r\n]|;[^\r\n]*)*")
_SECTION = re.compile(r"""\[((?:[^$\n\r;"'\]\\]|\\.)*)\]""")
_KEY = re.compile(r'([^=\n\r\t;&|^$~(){}!"\[\]\0]+)(?:\[[ \t]*([\w.-]*)\])?', re.ASCII)
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_EMPTY = re.compile(r"[ \t]*(?:;[^\r\n]*)?(?=[\r\n])|\Z")
_END = re.compile(r"(?:'')?[ \t]*(?:;[^\r\n]*|(?=[\r\n])|\Z)")
_STOP = re.compile(r"'(?!')|\$\Z")  # PHP's scanner gives up here: as if the file ended
_BINARY, _UNARY = re.compile(r"([|&^])[ \t]*"), re.compile(r"([~!(])[ \t]*")
_CLOSING = re.compile(r"\)[ \t]*")
_PIECE = re.compile(
    r"""[ \t]*(?P<quote>")
      | (?P<space>[ \t]+(?![ \t;\r\n]))
      | '(?P<raw>[^']+)'
      | \$\{(?P<variable>[^=\n\r\t;&|^$~(){}!"\[:]+)\}
      | (?P<word>(?:[^$=\ \t\n\r;&|^~()!"'\0]|\$[^{\0\r\n\\]|\$\\[^\0\r\n])+)""",
    re.VERBOSE,
)
_QUOTED = re.compile(
    r"""(?P<text>(?:[^"\\$]|\$(?!\{)|\\[^"]|\\"(?![\r\n]|\Z)|\\(?=")|\\\Z)+)
      | \$\{(?P<variable>[^=\n\r\t;&|^$~(){}!"\[:]+)\}
      | (?P<quote>"[ \t]*)""",
    re.VERBOSE,
)
_BARE = {"true": "1", "on": "1", "yes": "1", "false": "", "off": "", "no": "", "none": "", "null": ""}
_CONSTANT = re.compile(r"[A-Z]+_[A-Z0-9_]+|INF|NAN|STDIN|STDOUT|STDERR|SID")  # one of PHP's, in all likelihood


class IniSyntaxError(ValueError):
    """Text that PHP cannot read as an INI file either, or that uses more of its syntax than settings need."""


class PhpIni:
    """Reads one text; ``values`` are its keys and sections, ``remarks`` says what PHP may read differently."""

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self.values: Ini = {}
        self.remarks: list[str] = []
        self._text, self._position, self._environment = text, 0, environment
        entries = self.values
        while self._take(_SKIPPED) and self._position < len(text):
            if section := self._take(_SECTION):
                entries = {}
                self.values[section[1]] = entries
            else:
                self._entry(entries)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._position)
        self._position = match.end() if match else self._position
        return match

    def _where(self) -> str:
        return f"line {len(re.findall(chr(10), self._text[: self._position])) + 1}"

    def _error(self) -> IniSyntaxError:
        return IniSyntaxError(f"{self._where()} cannot be read; put the value in double quotes")

    def _entry(self, entries: Ini) -> None:
        key = self._take(_KEY)
        if key is None or key[1].strip().lower() in _BARE:
            raise self._error()
        if not self._take(_EQUALS):
            if key[2] is not None:
                raise self._error()
            return  # a key alone says nothing
        value = self._value()
        if not self._take(_END):
            if not self._take(_STOP):
                raise self._error()
            self.remarks.append(f"PHP stops reading at {self._where()}, at a single quote or dollar sign")
            self._position = len(self._text)
        _assign(entries, key[1].strip(" "), key[2], value)

    def _value(self) -> str:
        start = self._position
        if self._take(_EMPTY) or self._text.startswith("''", start):
            return ""
        word = self._take(_PIECE)
        bare = _BARE.get((word["word"] or "").lower()) if word else None
        if bare is not None:
            if not self._take(_END):
                raise self._error()
            return bare
        self._position = start
        try:
            return self._expression()
        except RecursionError:  # of parentheses without end
            raise self._error() from None

    def _expression(self) -> str:
        value = self._operand()
        while operator := self._take(_BINARY):
            left, right = _int(value), _int(self._operand())
            value = _text({"|": left | right, "&": left & right, "^": left ^ right}[operator[1]])
        return value

    def _operand(self) -> str:
        operator = self._take(_UNARY)
        if operator is None:
            return self._words()
        if operator[1] == "(":
            value = self._expression()
            if not self._take(_CLOSING):
                raise self._error()
            return value
        value = self._operand()
        return _text(~_int(value) if operator[1] == "~" else int(not _int(value)))

    def _words(self) -> str:
        """Read words, spaces, quoted texts and variables that stand beside each other: they are joined."""
        parts: list[str] = []
        while piece := self._take(_PIECE):
            if piece["quote"]:
                parts.append(self._quoted())
            elif piece["variable"]:
                parts.append(self._variable(piece["variable"]))
            else:
                parts.append(piece["space"] or piece["raw"] or self._word(piece["word"] or ""))
        if not parts:
            raise self._error()
        return "".join(parts)

    def _word(self, word: str) -> str:
        if word.lower() in _BARE:  # fine as the whole value only
            raise self._error()
        if _CONSTANT.fullmatch(word):
            self.remarks.append(f"{word} in {self._where()} is text here; PHP may replace it by a constant's value")
        return word

    def _quoted(self) -> str:
        parts: list[str] = []
        while piece := self._take(_QUOTED):
            if piece["quote"]:
                return "".join(parts)
            text = re.sub(r"\\([\\'\"$])", r"\1", piece["text"] or "")
            parts.append(self._variable(piece["variable"]) if piece["variable"] else text)
        raise self._error()

    def _variable(self, name: str) -> str:
        self.remarks.append(f"{self._where()} takes {name.strip()} from the environment of tikisync, PHP from its own")
        return self._environment.get(name.strip(), "")


def _assign(entries: Ini, key: str, offset: str | None, value: str) -> None:
    if offset is None:
        entries[key] = value
        return
    array = entries.get(key)
    if not isinstance(array, dict):
        array = entries[key] = {}
    array[offset or str(max((int(each) for each in array if each.isdigit()), default=-1) + 1)] = value


def _int(text: str) -> int:
    """Return the number that a text begins with, as C's atoi on 64 bits."""
    match = re.match(r"[ \t\r\n\v\f]*([+-]?[0-9]+)", text)
    number = max(-(2**63), min(2**63 - 1, int(match[1]))) if match else 0
    return (number + 2**31) % 2**32 - 2**31


def _text(number: int) -> str:
    return str((number + 2**31) % 2**32 - 2**31)
