"""Which handlers of Tiki are an old and a new secret of one sender."""

from __future__ import annotations

from tikisync.core.rotation import elders
from tikisync.core.rules import Rule


def rule(name: str, *handlers: str) -> Rule:
    return Rule(name=name, handlers=handlers)


def test_handlers_that_the_same_rules_name_share_the_first() -> None:
    rules = [rule("order", "Shop", "Shop 2026"), rule("refund", "Shop 2026", "Shop")]
    assert elders(rules) == {"Shop": "Shop", "Shop 2026": "Shop"}


def test_a_handler_with_a_rule_of_its_own_stands_for_itself() -> None:
    rules = [rule("order", "Shop", "Forge"), rule("issue", "Forge", "Forge")]
    assert elders(rules) == {"Shop": "Shop", "Forge": "Forge"}


def test_without_rules_there_is_no_rotation() -> None:
    assert elders([]) == {}
