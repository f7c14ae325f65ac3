"""The tree of errors: what each class means for the sender, the admin and the worker."""

from __future__ import annotations

import re

import pytest

from tikisync import errors
from tikisync.errors import (
    ConfigError,
    ConflictError,
    DataRefusedError,
    FieldValueError,
    NotPermittedError,
    PassingError,
    PayloadError,
    RuleError,
    SenderError,
    SetupError,
    TikiError,
    TikisyncError,
)

SETUP = (500, 2, False)
CONSEQUENCES: dict[type[TikisyncError], tuple[int, int, bool]] = {  # http status, exit code, retried
    TikisyncError: (500, 1, False),
    SenderError: (400, 1, False),
    PayloadError: (400, 1, False),
    FieldValueError: (400, 1, False),
    DataRefusedError: (400, 1, False),
    SetupError: SETUP,
    ConfigError: SETUP,
    RuleError: SETUP,
    TikiError: SETUP,
    NotPermittedError: SETUP,
    PassingError: (503, 1, True),
    ConflictError: (503, 1, True),
}


def family(error: type[TikisyncError]) -> list[type[TikisyncError]]:
    return [error, *(member for child in error.__subclasses__() for member in family(child))]


def ours() -> list[type[TikisyncError]]:
    return [error for error in family(TikisyncError) if error.__module__ == errors.__name__]


def test_every_error_has_its_consequences() -> None:
    assert {error: (error.http_status, error.exit_code, error.retried) for error in ours()} == CONSEQUENCES


def test_every_error_has_a_reason_of_its_own_for_machines() -> None:
    reasons = [error.reason for error in ours()]
    assert len(set(reasons)) == len(reasons)
    assert all(re.fullmatch("[a-z_]+", reason) for reason in reasons)


def test_the_tree_in_the_documentation_is_the_tree_in_the_code() -> None:
    drawn = re.findall(r"^ {4}([│├└─ ]*)(\w+Error)\b", errors.__doc__ or "", flags=re.MULTILINE)
    path: list[str] = []
    parents: dict[str, str] = {}
    for indentation, name in drawn:
        path[len(indentation) // 4 :] = [name]
        parents[name] = path[-2] if len(path) > 1 else "Exception"
    assert parents == {error.__name__: str(error.__base__ and error.__base__.__name__) for error in ours()}


def test_an_error_is_its_sentence_with_a_hint_and_a_reason_that_can_be_told_closer() -> None:
    plain = SetupError("the switch is off")
    assert (str(plain), plain.message, plain.hint, plain.reason) == (
        "the switch is off",
        "the switch is off",
        "",
        "setup",
    )
    closer = SetupError("the switch is off", hint="turn it on", reason="switched_off")
    assert (closer.hint, closer.reason) == ("turn it on", "switched_off")
    assert SetupError.reason == "setup"


@pytest.mark.parametrize(("rule", "shown"), [("", "field qty: no number"), ("shop", "rule shop, field qty: no number")])
def test_a_field_value_error_names_the_field_and_the_rule_where_it_is_known(rule: str, shown: str) -> None:
    error = FieldValueError("qty", "no number")
    error.rule = rule
    assert str(error) == shown
    assert str(FieldValueError("qty", "no number", rule=rule)) == shown


def test_a_rule_error_names_the_rule() -> None:
    error = RuleError("shop", "no such tracker", hint="make one")
    assert (str(error), error.rule, error.hint) == ("rule shop: no such tracker", "shop", "make one")


def test_a_config_error_tells_all_problems_at_once() -> None:
    error = ConfigError("config.ini", ["no [tiki]", "port is no number"])
    assert str(error) == "config.ini: no [tiki]; port is no number"
    assert error.problems == ("no [tiki]", "port is no number")
