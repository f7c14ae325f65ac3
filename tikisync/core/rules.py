"""Rules: what the deliveries of a handler change. From rules and one delivery's document to changes, as pure data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TypeAlias

from tikisync.core.changes import WRITE, ItemChange
from tikisync.core.contacts import ContactChange
from tikisync.core.expressions import Expression, ExpressionError, is_true
from tikisync.core.interpreter import Interpreter
from tikisync.core.trackers import STATUSES, Json
from tikisync.core.versions import version_text
from tikisync.errors import RuleError

IGNORE = "ignore"
EACH_NAMES = ("each", "index")  # what a rule with ``each`` adds to the document
MAX_CHANGES = 1000  # of one delivery

Change: TypeAlias = "ItemChange | ContactChange"
Document: TypeAlias = Mapping[str, Json]
Ask: TypeAlias = Callable[[str, Expression, Document], Json]  # what the expression is for, to tell of trouble


@dataclass(frozen=True, slots=True)
class Rule:
    """A ``[rule NAME]`` of the config, its expressions compiled."""

    name: str
    handlers: tuple[str, ...]  # names of Tiki's handlers
    when: Expression | None = None
    each: Expression | None = None
    tracker: str = ""  # name or id; '': the rule writes no item
    key: tuple[str, ...] = ()  # permanent names, each also in ``fields``
    item: Expression | None = None
    fields: Mapping[str, Expression] = field(default_factory=dict)  # by permanent name
    trust: Mapping[str, str] = field(default_factory=dict)  # permanent name → 'html' or 'wiki'
    status: Expression | None = None
    version: Expression | None = None
    action: str = WRITE  # write, close, delete, ignore
    contact: Mapping[str, Expression] = field(default_factory=dict)  # by what follows ``contact.``


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A rule of the delivery's handler that made no change, and why not."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rules make of a delivery."""

    handler: str
    changes: tuple[Change, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    @property
    def order_keys(self) -> tuple[bytes, ...]:
        """The order keys of the items and contacts that the changes are about, each once."""
        keys = (change.order_key() for change in self.changes)
        return tuple(dict.fromkeys(key for key in keys if key is not None))

    @property
    def why_nothing(self) -> str:
        """Why there are no changes, as a sentence for people; '' where there are some."""
        if self.changes:
            return ""
        reasons = "; ".join(f"rule {each.rule}: {each.why}" for each in self.passed_over)
        return reasons or f"no rule is for handler {self.handler}"


def changes_of(rules: Iterable[Rule], handler: str, document: Document) -> Evaluation:
    """Return what the rules of this handler make of a delivery's document, in the order of the config.

    A rule with ``action = ignore`` whose condition holds ends it: the rules after it are not asked. Raises RuleError
    where an expression fails or gives something that cannot be used, FieldValueError for a contact's values.
    """
    interpreter = Interpreter()
    changes: list[Change] = []
    passed_over: list[PassedOver] = []
    for rule in rules:
        if handler not in rule.handlers:
            continue
        ask = partial(_evaluated, rule, interpreter)
        documents, why = _documents(rule, document, ask)
        if documents and rule.action == IGNORE:
            passed_over.append(PassedOver(rule.name, "it says to ignore such deliveries"))
            break
        if not documents:
            passed_over.append(PassedOver(rule.name, why))
        if len(changes) + len(documents) > MAX_CHANGES:
            raise RuleError(
                rule.name,
                f"one delivery would make more than {MAX_CHANGES} changes",
                hint="let the sender send fewer at a time, or narrow each and when",
                reason="too_many_changes",
            )
        for each in documents:
            changes.extend(_changes(rule, each, ask))
    return Evaluation(handler, tuple(changes), tuple(passed_over))


def status_code(value: Json) -> str:
    """Return Tiki's code of a status given as code or word (``c``, ``closed``); raises ValueError."""
    text = value.strip().lower() if isinstance(value, str) else ""
    codes = {**{code: code for code in STATUSES}, **{word: code for code, word in STATUSES.items()}}
    if text not in codes:
        raise ValueError("a status is o, p or c (open, pending, closed)")
    return codes[text]


def _documents(rule: Rule, document: Document, ask: Ask) -> tuple[Sequence[Document], str]:
    """Return the documents to make a change of, one for each element of ``each``, or none and why.

    Where there are more than MAX_CHANGES, the rest is left away.
    """
    when, condition_is_per_element = rule.when, bool(rule.when and rule.when.names.intersection(EACH_NAMES))
    if when and not condition_is_per_element and not is_true(ask("when", when, document)):
        return (), f"its condition does not hold ({when.text})"
    if rule.each is None:
        return (document,), ""
    elements = ask("each", rule.each, document)
    if elements is None or elements == []:
        return (), f"each gives nothing ({rule.each.text})"
    if not isinstance(elements, list):
        raise RuleError(rule.name, "each gives something that is no list", reason="each_no_list")
    documents: Iterator[Document] = ({**document, "each": each, "index": index} for index, each in enumerate(elements))
    why = ""
    if when and condition_is_per_element:
        documents = (each for each in documents if is_true(ask("when", when, each)))
        why = f"its condition holds for none of {len(elements)} elements ({when.text})"
    return tuple(islice(documents, MAX_CHANGES + 1)), why


def _changes(rule: Rule, document: Document, ask: Ask) -> Iterator[Change]:
    if rule.tracker:
        values = {
            name: value
            for name, expression in rule.fields.items()
            if (value := ask(f"field.{name}", expression, document)) is not None
        }
        yield ItemChange(
            rule=rule.name,
            tracker=rule.tracker,
            key={name: _key_value(rule, name, values.get(name)) for name in rule.key},
            item_id=_item_id(rule, document, ask),
            fields=values,
            status=_status(rule, document, ask),
            action=rule.action,
            trust=rule.trust,
            version=_version(rule, document, ask),
        )
    if rule.contact:
        parts = {name: ask(f"contact.{name}", expression, document) for name, expression in rule.contact.items()}
        yield ContactChange.of(rule.name, parts)


def _key_value(rule: Rule, name: str, value: Json) -> Json:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise RuleError(
            rule.name,
            f"key {name} is empty in this delivery, so no item can be found by it",
            hint=f"correct field.{name}, or let when pass over deliveries without it",
            reason="key_empty",
        )
    if isinstance(value, list | dict):
        raise RuleError(rule.name, f"key {name} is a list or an object; a key is one value", reason="key_no_value")
    return value


def _item_id(rule: Rule, document: Document, ask: Ask) -> int | None:
    if rule.item is None:
        return None
    value = ask("item", rule.item, document)
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,10}", text) or not 0 < int(text) < 2**31:
        raise RuleError(
            rule.name,
            "item gives no id of an item",
            hint="correct item, or let when pass over deliveries without it",
            reason="item_no_id",
        )
    return int(text)


def _status(rule: Rule, document: Document, ask: Ask) -> str | None:
    if rule.status is None:
        return None
    value = ask("status", rule.status, document)
    try:
        return None if value is None else status_code(value)
    except ValueError as error:
        raise RuleError(rule.name, f"status gives none: {error}", reason="status_unknown") from None


def _version(rule: Rule, document: Document, ask: Ask) -> str:
    if rule.version is None:
        return ""
    try:
        return version_text(ask("version", rule.version, document))
    except ValueError as error:
        raise RuleError(rule.name, f"version gives none: {error}", reason="version_unusable") from None


def _evaluated(rule: Rule, interpreter: Interpreter, what: str, expression: Expression, document: Document) -> Json:
    try:
        return expression.evaluate(document, interpreter)
    except ExpressionError as error:
        raise RuleError(rule.name, f"{what}: {error}", reason=error.reason) from None
