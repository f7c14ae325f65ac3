"""Text from strangers, written so that Tiki shows it as the plain text it is: no script, no wiki syntax, no plugin.

What Tiki does with stored text: lib/parser/parserlib.php, lib/core/WikiParser/Parsable.php (Tiki 24.4).
"""

from __future__ import annotations

import html
import re

_DROPPED = re.compile("[\0-\x08\x0b\x0c\x0e-\x19]")
_SURROGATES = re.compile("[\ud800-\udfff]")

_WIKI_SYNTAX = re.compile(
    r"""
      [{}\[~^]                                   # plugins, variables, links, ~np~ and its kin, boxes
    | \([a-z0-9-]*\( | \(:                       # ((page)), (alias(page)), smileys by name
    | __ | '' | == | :: | \|\| | -[-+=]          # bold, italic, underlined, centred, table, struck, …
    | %%                                         # line breaks
    | \.\.\.page\.\.\.
    | ^[*\#!;+]                                  # lists, headings, definitions, continued items
    | <[a-zA-Z/!] | &nbsp; | ≤REAL_              # what changes how Tiki breaks lines or keeps < and > apart
    | (?i: (?:[a-z0-9]:// | www\. | magnet:\?)[^\ ]*"    # links made of addresses: what would get out of their href,
        | (?<![a-z0-9])(?!https?:|ftps?:)[a-z0-9]+:// )  # and any that might run code
    | (?:^|\s)(?: @\w | :[-'|_]?[()DSs] | =-?[DOo] | 8-[)Oo] | [Bi!]-?\) | LOL(?:\s|$))  # mentions, smileys
    """,
    re.VERBOSE,
)
_WITH_VARIABLES = re.compile(rf"{_WIKI_SYNTAX.pattern} | %[^%\ 0-9A-Z](?:[^%\ 0-9A-Z]|$)", re.VERBOSE)
_VARIABLE = re.compile("%[^% 0-9A-Z]{2}.*%", re.DOTALL)  # a dynamic variable may go over several lines
_ACTIVE_ANYWHERE = re.compile(
    r"""
      ~/? | \{(?=\{) | &(?=[a-zA-Z#]) | <(?=x>) | ≤(?=REAL_)
    | ^/(?=np|tc) | (?<![^~&/])t(?=c(?:~|$))     # what would become ~/np~, ~/tc~ or ~tc~ between the marks
    """,
    re.VERBOSE,
)
_ACTIVE_IN_HTML = re.compile(r"~|\{(?=\{)|(?<![^~])/(?=np|tc)|(?<![^~/])t(?=c(?:~|$))")


def cleaned(text: str) -> str:
    """Return text without the control characters that Tiki's form filter drops, and fit for UTF-8."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _DROPPED.sub("", text))


def as_escaped(text: str) -> str:
    """Return text that reads as this text where Tiki escapes it, but for two marks of its form filter."""
    return re.sub("<(?=x>)|&(?=nbsp;)", "\\g<0>\N{WORD JOINER}", text)


def without_tags(text: str) -> str:
    """Return text that reads as this text and opens no tag, escaped or not, whatever is put behind it."""
    return re.sub("<(?=[a-zA-Z/!?]|$)", "<\N{WORD JOINER}", text)


def as_html(text: str) -> str:
    """Return HTML that reads as this text; unchanged where a browser shows it as it is anyway."""
    if html.unescape(text) != text:
        text = text.replace("&", "&amp;")
    return text.replace("<", "&lt;").replace(">", "&gt;")


def as_wiki(text: str) -> str:
    """Return wiki text that reads as this text: lines with syntax in them go between ``~np~`` and ``~/np~``.

    The few characters that act in there as well become ``~code~``, which the parser shows as that character.
    """
    lines = text.split("\n")
    ended = (*(line + "\n" for line in lines[:-1]), lines[-1])
    syntax = _syntax_in(text)
    return "\n".join(
        _unparsed(line) if syntax.search(whole) else line for line, whole in zip(lines, ended, strict=True)
    )


def _syntax_in(text: str) -> re.Pattern[str]:
    return _WITH_VARIABLES if _VARIABLE.search(text) else _WIKI_SYNTAX


def _unparsed(line: str) -> str:
    body = line.rstrip("\r")
    shown = _ACTIVE_ANYWHERE.sub(lambda found: "~/np~" + "".join(f"~{ord(c)}~" for c in found[0]) + "~np~", body)
    return f"~np~{shown}~/np~".replace("~np~~/np~", "") + line[len(body) :]


def as_wysiwyg(text: str) -> str:
    """Return HTML that reads as this text in a text area that holds HTML, where wiki syntax acts all the same.

    Character references would not do: Tiki's editor and form filter turn them back at the next edit. So Tiki's mark
    for a ``<``, ``≤REAL_LT≥``, gets an invisible character in it.
    """
    syntax = _syntax_in(text)
    return "<br />".join(_unparsed_html(line.rstrip("\r"), syntax) for line in text.split("\n"))


def _unparsed_html(line: str, syntax: re.Pattern[str]) -> str:
    page = html.escape(line, quote=False).replace("&lt;x&gt;", "&LT;x&gt;").replace("≤REAL_", "≤\N{WORD JOINER}REAL_")
    if not syntax.search(page + "\n"):
        return page
    shown = _ACTIVE_IN_HTML.sub(lambda found: "~/np~~~np~" if found[0] == "~" else found[0] + "~/np~~np~", page)
    return f"~np~{shown}~/np~"
