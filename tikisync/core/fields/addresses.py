"""Addresses: e-mail (``m``), web (``L``), IP (``I``) (Tiki: Field/Email.php, Url.php, Ip.php and its form, 24.4)."""

from __future__ import annotations

import ipaddress
import re
from typing import ClassVar
from urllib.parse import quote

from tikisync.core import markup
from tikisync.core.fields.assigned import CREATOR, AssignedType
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.fields.scalars import plain
from tikisync.core.trackers import Field, Json

_RUNS_CODE = re.compile("(?:javascript|vbscript|data):", re.IGNORECASE)
_IGNORED_BY_BROWSERS = re.compile("[\0- \x7f]")
_AS_TEXT = 1  # value of the option linkToURL
_OPENS_MARKUP = re.compile('[<>"]')


class EmailType(FieldType):
    """Stored as given; Tiki shows it unescaped, and checks its form only where preference validateEmail says so."""

    codes = ("m",)
    label = "Email"
    preferences: ClassVar = {"m": ("trackerfield_email",)}
    accepts = "an e-mail address without a name, < > double quotes or character references"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return the address; refuse what could be markup."""
        text = plain(value)
        if text is None or _OPENS_MARKUP.search(text) or "\n" in text or markup.as_html(text) != text:
            raise self.refuse(definition, value)
        return self.store(definition, text)


class UrlType(FieldType):
    """Stored as given; Tiki makes a link of any scheme, and as plain text shows it without escaping it."""

    codes = ("L",)
    label = "URL"
    preferences: ClassVar = {"L": ("trackerfield_url",)}
    accepts = "a web address, not one that runs code"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return the address with ``< > "`` percent-encoded, which none may hold otherwise (RFC 3986 section 2).

        Where the field shows it as text, so that it reads as it is: ``&copy=1`` must not become ``©=1``.
        """
        text = plain(value)
        if text is None or _RUNS_CODE.match(_IGNORED_BY_BROWSERS.sub("", text)):
            raise self.refuse(definition, value)
        text = _OPENS_MARKUP.sub(lambda found: quote(found[0]), text)
        return self.store(definition, markup.as_html(text) if definition.number("linkToURL") == _AS_TEXT else text)


class IpType(AssignedType):
    """Stored as the text of an IPv4 or IPv6 address."""

    codes = ("I",)
    label = "IP Selector"
    preferences: ClassVar = {"I": ("trackerfield_ipaddress",)}
    accepts = "an IPv4 or IPv6 address"

    def assignment(self, definition: Field) -> int:
        """Return the option's value; where it is not set, the creator's address."""
        return definition.number("autoassign", CREATOR)

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the address; refuse any other text."""
        self.require_choice(definition, context)
        text = plain(value)
        if text is None or (text and not is_ip(text)):
            raise self.refuse(definition, value)
        return Stored(text)

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return the sender's address for an empty field that the form shows to the user."""
        shown = self.assignment(definition) == 0 or self.may_choose(definition, context)
        return Stored(context.client_ip) if shown and not context.old else super().untouched(definition, context)


def is_ip(text: str) -> bool:
    """Tell whether a text is an IP address; one with a zone (``fe80::1%eth0``) is none, as a zone can be any text."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


TYPES: tuple[FieldType, ...] = (EmailType(), UrlType(), IpType())
