"""Whether, and how soon, a failed task is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.retry import LONGEST_DELAY, RETRIED, Retry
from tasky.model.task import FailureCode

SECOND = 1_000_000_000
CODES = st.sampled_from(FailureCode)
RETRIES = st.builds(
    Retry,
    attempts=st.integers(1, 100),
    delay=st.integers(0, 10 * LONGEST_DELAY),
    backoff=st.floats(1, 100),
    jitter=st.floats(0, 1),
    on=st.frozensets(CODES),
)
CHANCE = st.floats(0, 1)


@given(retry=RETRIES, attempt=st.integers(1, 100), chance=CHANCE)
def test_a_pause_is_within_its_bounds(retry: Retry, attempt: int, chance: float) -> None:
    pause = retry.pause(attempt, chance)
    longest = max(retry.delay, LONGEST_DELAY)
    assert 0 <= pause <= longest * (1 + retry.jitter) * (1 + 1e-9)
    assert pause >= retry.delay * (1 - retry.jitter) * (1 - 1e-9) - 1
    assert isinstance(pause, int)


@given(retry=RETRIES, attempt=st.integers(1, 99), chance=CHANCE)
def test_it_never_gets_shorter(retry: Retry, attempt: int, chance: float) -> None:
    assert retry.pause(attempt, chance) <= retry.pause(attempt + 1, chance)


@given(retry=RETRIES, attempt=st.integers(1, 100), chances=st.tuples(CHANCE, CHANCE))
def test_chance_moves_it_by_the_jitter_at_most(
    retry: Retry, attempt: int, chances: tuple[float, float]
) -> None:
    first, second = (retry.pause(attempt, chance) for chance in chances)
    middle = retry.pause(attempt, 0.5)
    assert abs(first - second) <= 2 * retry.jitter * middle * (1 + 1e-9) + 2


def test_each_pause_is_as_many_times_longer() -> None:
    retry = Retry(attempts=10, delay=5 * SECOND, backoff=2, jitter=0)
    assert [retry.pause(n, 0.9) // SECOND for n in range(1, 6)] == [5, 10, 20, 40, 80]
    assert retry.pause(99, 0.9) == LONGEST_DELAY
    assert Retry(delay=2 * LONGEST_DELAY, backoff=3).pause(5, 0.5) == 2 * LONGEST_DELAY


@given(retry=RETRIES, attempt=st.integers(1, 100), code=CODES)
def test_another_attempt_follows(retry: Retry, attempt: int, code: FailureCode) -> None:
    """If one is left and the failure is named; a stop of the server goes by its loss."""
    named = (FailureCode.LOST if code is FailureCode.SHUTDOWN else code) in retry.on
    assert retry.applies(code, attempt) is (named and attempt < retry.attempts)


@pytest.mark.parametrize("code", FailureCode)
def test_nothing_is_tried_again_unless_the_worker_says_so(code: FailureCode) -> None:
    assert not Retry().applies(code, 1)
    assert Retry(attempts=2).applies(code, 1) is (code in RETRIED | {FailureCode.SHUTDOWN})
