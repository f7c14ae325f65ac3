from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.core.retry import GiveUp, Retry, RetrySettings, decide, delay, sentence
from tikisync.errors import (
    ConflictError,
    FieldValueError,
    NotPermittedError,
    PassingError,
    PayloadError,
    RuleError,
    TikiError,
)

SETTINGS = RetrySettings(first_delay=1_000, longest_delay=60_000, attempts=10, attempts_at_bugs=3)


@pytest.mark.parametrize(
    "error",
    [
        PayloadError("no JSON"),
        FieldValueError("orderTotal", "not a number"),
        RuleError("shop-order", "no such field"),
        TikiError("no such tracker"),
        NotPermittedError("may not"),
    ],
)
def test_what_only_the_sender_or_an_admin_can_mend_is_given_up_at_once(error: Exception) -> None:
    assert decide(error, 1, 0, 0.5, SETTINGS) == GiveUp(getattr(error, "reason", ""))


@pytest.mark.parametrize("error", [PassingError("away", reason="database_away"), ConflictError("deadlock")])
def test_passing_trouble_is_tried_again_until_the_limit(error: PassingError) -> None:
    assert decide(error, 1, 50_000, 0.5, SETTINGS) == Retry(50_500, error.reason)
    assert decide(error, 9, 0, 0.5, SETTINGS) == Retry(30_000, error.reason)
    assert decide(error, 10, 0, 0.5, SETTINGS) == GiveUp(error.reason)


def test_a_bug_is_tried_again_fewer_times() -> None:
    assert decide(ZeroDivisionError(), 2, 0, 0.5, SETTINGS) == Retry(1_000, "internal")
    assert decide(ZeroDivisionError(), 3, 0, 0.5, SETTINGS) == GiveUp("internal")


def test_the_longest_possible_delay_doubles_up_to_the_cap() -> None:
    longest = [delay(failures, 1.0, SETTINGS) for failures in range(1, 9)]
    assert longest == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_negative_nor_over_the_cap(failures: int, jitter: float) -> None:
    assert 0 <= delay(failures, jitter, SETTINGS) <= SETTINGS.longest_delay


def test_jitter_spreads_attempts_over_the_whole_delay() -> None:
    delays = [delay(4, tenth / 10, SETTINGS) for tenth in range(10)]
    assert delays == [0, 800, 1_600, 2_400, 3_200, 4_000, 4_800, 5_600, 6_400, 7_200]


def test_an_error_is_told_with_its_hint() -> None:
    error = RuleError("shop-order", "tracker Orders is missing", hint="create it")
    assert sentence(error) == "rule shop-order: tracker Orders is missing; create it"


def test_an_error_without_a_hint_is_told_as_it_is() -> None:
    assert sentence(PayloadError("the body is no JSON")) == "the body is no JSON"


def test_a_bug_is_told_without_what_it_says_because_that_may_be_payload() -> None:
    told = sentence(ValueError("could not convert 'a customer name'"))
    assert told == "a bug in tikisync (ValueError); its log has the details"
