"""PHP source as tokens, for files that hold settings: read as text, never run (php.net/manual/en/langref.php).

Sources are given as PHP sees them, byte by byte: decoded as ISO 8859-1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HTML, TEXT, CODE, VARIABLE, WORD, NUMBER, SYMBOL = "html", "text", "code", "variable", "word", "number", "symbol"

_OPEN = re.compile(r"<\?(?:php(?=\s|\Z)|=)", re.IGNORECASE)
_TOKEN = re.compile(
    r"""(?P<space>\s+|(?://|\#(?!\[))(?:(?!\?>)[^\r\n])*|/\*.*?(?:\*/|\Z))
      | (?P<close>\?>(?:\r\n|\n)?)
      | (?P<single>'(?:[^'\\]|\\.)*')
      | (?P<double>"(?:[^"\\]|\\.)*")
      | (?P<code>`(?:[^`\\]|\\.)*`|<<<[ \t]*(?P<quote>["']?)(?P<label>[a-z_]\w*)(?P=quote)\r?\n.*?^[ \t]*(?P=label)\b)
      | (?P<variable>\$[a-z_\x80-\xff][\w\x80-\xff]*)
      | (?P<word>[a-z_\x80-\xff\\][\w\x80-\xff\\]*)
      | (?P<number>\d[\w.]*)
      | (?P<symbol>=>|==+|!=+|<=|>=|[-+*/.%&|^?]+=|.)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE | re.IGNORECASE | re.ASCII,
)
_ESCAPE = re.compile(r'\\(?:u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|([nrtvef\\$"]))')
_SIMPLE = dict(zip('nrtvef\\$"', '\n\r\t\v\x1b\f\\$"', strict=True))


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of PHP source; of a string literal, ``text`` is the value, and of a variable the name without ``$``.

    ``CODE`` is text that only PHP can make: with variables inside, from a shell, a heredoc.
    """

    kind: str
    text: str


def tokens(source: str) -> Iterator[Token]:
    """Yield the tokens of a PHP file, without spaces and comments; ``HTML`` is what stands outside ``<?php … ?>``."""
    position = 0
    while position < len(source):
        opening = _OPEN.search(source, position)
        html = source[position : opening.start() if opening else None]
        if html:
            yield Token(HTML, html)
        if opening is None:
            return
        if opening[0] == "<?=":
            yield Token(WORD, "echo")
        position = opening.end()
        while match := _TOKEN.match(source, position):
            position = match.end()
            if match["close"]:
                yield Token(SYMBOL, ";")
                break
            if not match["space"]:
                yield _token(match.lastgroup or SYMBOL, match[0])


def _token(kind: str, text: str) -> Token:
    if kind == "single":
        return Token(TEXT, re.sub(r"\\([\\'])", r"\1", text[1:-1]))
    if kind == "double":
        if re.search(r"\$[a-z_\x80-\xff{]|\{\$", re.sub(r"\\.", "", text, flags=re.DOTALL), re.IGNORECASE):
            return Token(CODE, text)
        return Token(TEXT, _ESCAPE.sub(_unescaped, text[1:-1]))
    return Token(kind, text.removeprefix("$") if kind == VARIABLE else text)


def _unescaped(escape: re.Match[str]) -> str:
    point, hexadecimal, octal, simple = escape.groups()
    if point:
        return chr(int(point, 16)).encode("utf-8", "surrogatepass").decode("latin-1")
    if simple:
        return _SIMPLE[simple]
    return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 0xFF)
