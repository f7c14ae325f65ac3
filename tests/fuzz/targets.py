"""What is fuzzed: for each target, bytes of a stranger's or an admin's making go in, and only errors of ours come out.

A target returns what it made, so that a test can tell that something was made at all. Where it takes several texts,
``SEPARATOR`` stands between them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from tests import fields, golden
from tests.signed_requests import handler_for, recipe_named
from tikisync.config import HandlerSettings, ini
from tikisync.config.reading import read_rules
from tikisync.core import formulas, markup, refusals, wiki_links
from tikisync.core.diagnosis import diagnose
from tikisync.core.document import document
from tikisync.core.expressions import Expression, ExpressionError
from tikisync.core.handlers import Handler, Refused
from tikisync.core.learning import learn
from tikisync.core.patterns import PatternError, fits
from tikisync.core.payload import parse, parse_json
from tikisync.core.php_ini import IniSyntaxError, PhpIni
from tikisync.core.php_serialize import unserialize
from tikisync.core.php_tokens import tokens
from tikisync.core.raw_requests import read_request
from tikisync.core.recipes import handshakes
from tikisync.core.recipes.recipe import Recipe
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.requests import client_address
from tikisync.core.sessions import unseal
from tikisync.core.trackers import Json
from tikisync.core.verification import verify
from tikisync.errors import ConfigError, FieldValueError, PayloadError, SetupError
from tikisync.pipeline.judging import duplicate_keys
from tikisync.tiki import local_php

SEPARATOR = b"\n====\n"
NOW = 1_700_000_000_000

_BY_NAME: Mapping[str, Recipe] = {name: recipe_named(name, verify_token="shown") for name in RECIPES}
_SENDERS: Mapping[Handler, Recipe] = {
    Handler(number, name, "hook", "hmac", "sha256", "X-Signature", handler_for(recipe).secret): recipe
    for number, (name, recipe) in enumerate(_BY_NAME.items(), 10)
}
_HANDLERS = (
    Handler(1, "Shop", "hook", "base64 hmac", "sha256", "X-Shop-Signature", "a fuzzed secret"),
    Handler(2, "Hub", "hook", "hmac", "sha256", "X-Hub-Signature-256", "another fuzzed secret"),
    *_SENDERS,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A function of bytes, the errors that it may raise, and inputs to begin with."""

    run: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]

    def __call__(self, data: bytes) -> object:
        """Run on an input; None where it was refused."""
        try:
            return self.run(data)
        except self.errors:
            return None


def _texts(data: bytes, count: int) -> list[str]:
    parts = data.decode("utf-8", "replace").split(SEPARATOR.decode(), count - 1)
    return [*parts, *[""] * (count - len(parts))]


def _verification(data: bytes) -> object:
    """Nobody without a secret is verified, whatever handler, recipe or handshake is tried; what is kept reads back."""
    request = read_request(data, NOW)
    verdict = verify(request, _HANDLERS, _BY_NAME)
    assert isinstance(verdict, Refused), verdict
    assert verdict.detail
    handshakes.answer(request, _HANDLERS, _BY_NAME)
    for recipe in _BY_NAME.values():
        duplicate_keys(request, b"", HandlerSettings(), recipe)
    kept = refusals.of(request, verdict, _HANDLERS)
    assert refusals.read(refusals.written(kept)) == kept
    forwarded = request.combined_headers().get(b"x-forwarded-for", b"").decode("latin-1").split(",")
    client_address("127.0.0.1", forwarded, [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")])
    return verdict


def _diagnosis(data: bytes) -> object:
    request = read_request(data, NOW)
    learn(request, "Shop", _HANDLERS[0])
    return diagnose(request, _HANDLERS[:3], _BY_NAME, "https://wiki.example.org")


def _payload(data: bytes) -> object:
    head, _, body = data.partition(SEPARATOR)
    kind, encoding, *_ = [*head.decode("latin-1").split("\n"), ""]
    value = parse(body, kind, encoding)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # so any database can store all of it
    return value


def _config(data: bytes) -> object:
    [text] = _texts(data, 1)
    ini.parse(text)
    return read_rules(text)


def _local_php(data: bytes) -> object:
    return local_php.url(local_php.parse(data.decode("utf-8", "surrogateescape")), Path("/nowhere"))


def _php_ini(data: bytes) -> object:
    [text] = _texts(data, 1)
    return PhpIni(text, {"HOME": "/root"}).values


def _expression(data: bytes) -> object:
    text, given = _texts(data, 2)
    body = parse_json(given or '{"a": [{"b": 1}, "x", null, -2.5], "c": {"d": "e"}, "n": 3}')
    made = document(body=body, headers={"x-a": "b"}, query="q=1", handler="Shop", received_at=NOW)
    return [Expression.compile(text).evaluate(made)]


def _formula(data: bytes) -> object:
    formula, *given = _texts(data, 3)
    variables = dict(zip(("price", "qty"), given, strict=True))
    formulas.unsupported(formula)
    return formulas.evaluate(formula, variables, formulas.Clock(NOW // 1000, "Europe/Prague"))


_DEFINED = [fields.definition_of(row) for row in golden.fixture()["rows"]["tiki_tracker_fields"]]
_FIELDS = [each for each in _DEFINED if each.type in "tanbcdDRMfjmLyuIrw"]


def _field(data: bytes) -> object:
    number, given = _texts(data, 2)
    try:
        value: Json = json.loads(given)
    except ValueError:
        return None
    if value is None:
        return None
    definition = _FIELDS[sum(number.encode()) % len(_FIELDS)]
    text = fields.stored(definition, value, fields.context(languages=("en", "fr")))
    assert text is None or len(text.encode()) <= 65_535
    return [text]


def _markup(data: bytes) -> object:
    [text] = _texts(data, 1)
    made = [make(text) for make in (markup.as_html, markup.as_wiki, markup.as_wysiwyg, markup.cleaned)]
    return [*made, wiki_links.plugins(text), wiki_links.linked(text), wiki_links.included(text), wiki_links.files(text)]


def _pattern(data: bytes) -> object:
    return [fits(*_texts(data, 2))]


def _session(data: bytes) -> object:
    sealed = data.decode("latin-1")
    assert unseal(sealed, b"k" * 32, NOW) is None
    return [sealed]


def _lines(*lines: str) -> bytes:
    return "\n".join(lines).encode()


_POST = "POST /tiki-webhooks.php?token=a HTTP/1.1"
_WHOLE = _lines(_POST, "X-Shop-Signature: abc", "Content-Type: application/json", "", '{"type": "a"}')
_TIMED = "t=1700000000,v1=" + "0" * 64
_SIGNED = _lines(
    "POST /webhooks/stripe HTTP/1.1", f"Stripe-Signature: {_TIMED}", "X-Forwarded-For: 10.0.0.1, x", "", "{}"
)
_FORM = _lines(
    _POST, "Content-Type: application/x-www-form-urlencoded", "X-Twilio-Signature: YQ==", "", "payload=%7B%7D&a=b"
)
_PARTS = (
    _lines("multipart/form-data; boundary=b", "", "====", "--b\r")
    + b'\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--'
)
_RULE = _lines(
    "[rule a]", "handler = Shop", "when = topic == 'a' ; why", "tracker = Orders", "key = id", "field.id = body.id"
)
_PHP = _lines("<?php", "$db_tiki='mysqli';", '$host_tiki="localhost"; // a', "$user_tiki='u';", "$pass_tiki='p'.'q';")

TARGETS: Mapping[str, Target] = {
    "verification": Target(_verification, (SetupError,), (_WHOLE, _SIGNED, _FORM)),
    "diagnosis": Target(_diagnosis, (SetupError, PayloadError), (_WHOLE, _SIGNED, _FORM)),
    "payload": Target(
        _payload,
        (PayloadError,),
        (
            b"application/json\n" + SEPARATOR + b'{"a": [1, 2.5e3, "\\ud83d\\ude00", null]}',
            b"application/x-www-form-urlencoded\n" + SEPARATOR + b"a=b&c=%C3%A9&a=d",
            b"text/xml\n" + SEPARATOR + b'<?xml version="1.0"?><a b="c"><d>e</d><![CDATA[f]]></a>',
            _PARTS,
            b"application/json\ngzip" + SEPARATOR + bytes.fromhex("1f8b08000000000000ff") + b"\x03\0",
        ),
    ),
    "config": Target(_config, (ConfigError,), (_RULE,)),
    "local-php": Target(_local_php, (SetupError,), (_PHP,)),
    "php-tokens": Target(lambda data: [*tokens(data.decode("latin-1"))], (), (_PHP, b"<?= <<<A\nx\nA; ?>html")),
    "php-ini": Target(
        _php_ini, (IniSyntaxError,), (b'[a : b]\nx.y = "${HOME}" ; c\nz[] = (1|2)&~3\n', b"a = 'b' \\n yes")
    ),
    "php-serialize": Target(
        lambda data: [unserialize(data.decode("utf-8", "replace"))],
        (ValueError,),
        (b'a:2:{i:0;s:1:"a";s:1:"b";d:1.5;}', b"b:1;", b"N;"),
    ),
    "expressions": Target(
        _expression,
        (ExpressionError, PayloadError),
        (
            b"body.a[?b > `0`].b | [0]",
            b"join(', ', map(&to_string(@), body.a))",
            b"replace(topic, 'a', 'b') || multiply(body.n, `2`)",
        ),
    ),
    "formulas": Target(
        _formula,
        (formulas.Unsupported,),
        (
            b"(mul price qty)" + SEPARATOR + b"2.5" + SEPARATOR + b"3",
            b"(if (less-than price 3) (str a) (date (str Y-m-d)))",
        ),
    ),
    "fields": Target(
        _field, (FieldValueError,), tuple(b"%d" % number + SEPARATOR + b'"2024-01-01"' for number in range(40))
    ),
    "markup": Target(
        _markup, (), (b"{PLUGIN(a=>b)}c{PLUGIN} ((Page|x)) [http://a|b] <b onclick=x>", b"~np~x~/np~ {A b=c}")
    ),
    "patterns": Target(
        _pattern, (PatternError,), (b"^[a-z]+$" + SEPARATOR + b"abc", b"(a+)+$" + SEPARATOR + b"aaaaaaaaaaaaaaaaaab")
    ),
    "sessions": Target(_session, (), (b"WyJhIiwxLCJiIl0=.YWJj",)),
}
