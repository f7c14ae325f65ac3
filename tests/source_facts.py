"""What the package's source says of itself, for tests that compare it with the manual."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.manual_pages import ROOT
from tikisync.core import permissions
from tikisync.inbox.attempts import DIED, RETRY
from tikisync.inbox.deliveries import FAILED
from tikisync.pipeline.apply import DONE, IGNORED

# Calls that carry a code, and which of their arguments it is.
_CARRIERS = {"Refused": 0, "RefusalError": 0, "Denied": 0, "Death": 0, "_close": 0, "Answer": 2, "call_later": 2}
_CODE = re.compile("[a-z][a-z0-9_]*")


@cache
def _trees() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "tikisync").rglob("*.py")))


def _nodes() -> Iterator[ast.AST]:
    for tree in _trees():
        yield from ast.walk(tree)


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the text of an expression, or the texts it chooses from."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def reasons() -> set[str]:
    """Return all reason codes: of errors, refusals, answers and refused logins."""
    found: set[str] = set()
    for node in _nodes():
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Name) and each.id == "reason" for each in targets):
                found.update(_texts(node.value))
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found.update(text for key, value in pairs if key and "reason" in _texts(key) for text in _texts(value))
        if isinstance(node, ast.Call):
            place = _CARRIERS.get(_called(node), len(node.args))
            found.update(text for each in node.args[place : place + 1] for text in _texts(each))
            found.update(text for each in node.keywords if each.arg == "reason" for text in _texts(each.value))
        if isinstance(node, ast.FunctionDef) and node.name in ("standing", "_why_no_match"):  # of a login
            for each in ast.walk(node):
                found.update(_texts(each.value) if isinstance(each, ast.Return) and each.value else ())
    endings = {
        "create": [""],
        "modify": ["", *permissions._BY_STATUS.values()],
        "remove": ["", *permissions._BY_STATUS.values()],
    }
    found.update(f"lacks_{what}_tracker_items{each}" for what, ends in endings.items() for each in ends)
    return {each for each in found if _CODE.fullmatch(each)}


def log_actions() -> set[str]:
    """Return the actions of all events that are logged."""
    found = {f"delivery.{what}" for what in (DONE, IGNORED, RETRY, FAILED, DIED, "taken_over")}
    for node in _nodes():
        if isinstance(node, ast.Call):
            place = {"event": 2, "error": 0, "exception": 0}.get(_called(node), len(node.args))
            found.update(text for each in node.args[place : place + 1] for text in _texts(each))
    return found


def variables() -> set[str]:
    """Return the environment variables of our own."""
    texts = (text for node in _nodes() for text in _texts(node))
    return {text for text in texts if re.fullmatch("TIKISYNC_[A-Z_]+", text)}
