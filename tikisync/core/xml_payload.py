"""XML as data, without anything that a document could make a parser do: no DTD, so no entities of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat  # a DTD is refused at its first word, before any entity is known

from tikisync.core.payload_bounds import MAX_DEPTH, MAX_VALUES, too_complex
from tikisync.core.trackers import Json
from tikisync.errors import PayloadError

ATTRIBUTE, TEXT = "@", "#text"


def parse_xml(body: bytes) -> Json:
    """Return a document as an object whose only name is that of its root element.

    An element with text alone is that text, without the spaces around it; one with attributes or elements is an
    object: attributes by ``@name``, elements by name (several of one name: a list), text by ``#text``. Prefixes of
    namespaces are left out. The encoding is the one the document declares, UTF-8 where it says none.

    Raises PayloadError where it is not well-formed, has a DTD or exceeds the bounds.
    """
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        what = f"{expat.ErrorString(error.code)} in line {error.lineno}"
        raise PayloadError(f"the body is not XML: {what}") from None
    except (LookupError, ValueError):
        raise PayloadError("the body is not XML in an encoding that can be read; send it in UTF-8") from None
    return builder.document.value()


@dataclass(slots=True)
class _Element:
    named: dict[str, list[Json]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def add(self, name: str, value: Json) -> None:
        self.named.setdefault(name, []).append(value)

    def value(self) -> Json:
        text = "".join(self.texts).strip()
        if not self.named:
            return text
        values: dict[str, Json] = {name: each[0] if len(each) == 1 else each for name, each in self.named.items()}
        return values | {TEXT: text} if text else values


class _Builder:
    def __init__(self) -> None:
        self.document = _Element()
        self._open = [self.document]
        self._values = 0

    def start(self, _name: str, attributes: Mapping[str, str]) -> None:
        self._values += 1 + len(attributes)
        if self._values > MAX_VALUES:
            raise too_complex(f"the body holds more than {MAX_VALUES} values")
        if len(self._open) > MAX_DEPTH:
            raise too_complex(f"the body is nested more than {MAX_DEPTH} deep")
        element = _Element()
        for name, value in attributes.items():
            if name.partition(":")[0] != "xmlns":
                element.add(ATTRIBUTE + _local(name), value)
        self._open.append(element)

    def end(self, name: str) -> None:
        element = self._open.pop()
        self._open[-1].add(_local(name), element.value())

    def text(self, text: str) -> None:
        self._open[-1].texts.append(text)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_dtd(*_declaration: object) -> None:
    raise PayloadError(
        "the body is XML with a DTD (<!DOCTYPE …>), which could make it mean anything",
        hint="let the sender leave it out",
        reason="xml_dtd",
    )
