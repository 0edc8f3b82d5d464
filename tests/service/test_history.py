"""What an overview is made of: steps of time, by worker, within bounds."""

from __future__ import annotations

import itertools

import pytest

from tasky.model.states import State
from tasky.model.task import Failure, FailureCode, Outcome
from tasky.service import LOOK, STEPS, History, Overview, Window
from tasky.store import EndRow
from tasky.supervisor import Counts

SECOND = 1_000_000_000
#: The beginning of a step of every window.
NOON = 1_800_000_000 // 900 * 900 * SECOND
WELL = Outcome(state=State.COMPLETED, finished=NOON)
BADLY = Outcome(
    state=State.FAILED,
    finished=NOON,
    failure=Failure(code=FailureCode.EXIT, message="exit status 3"),
)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history(clock: Clock) -> History:
    return History(clock)


def end(history: History, worker: str, outcome: Outcome = WELL, run: float = 1.0) -> None:
    history.ended("0" * 32, worker, outcome, int(run * SECOND), 0)


def seen(history: History, window: Window = Window.SHORT, *workers: str) -> Overview:
    return history.overview(window, lambda name: not workers or name in workers)


@pytest.mark.parametrize("window", Window)
def test_the_points_of_an_empty_history(history: History, window: Window) -> None:
    length, many = STEPS[window]
    found = seen(history, window)
    assert len(found.points) == many
    assert found.points[-1].start == NOON
    starts = [point.start for point in found.points]
    assert {b - a for a, b in itertools.pairwise(starts)} == {length * SECOND}
    assert all(point.running is None and not point.sums.completed for point in found.points)
    assert found.workers == {}


def test_no_step_is_without_a_look() -> None:
    assert min(length for length, _ in STEPS.values()) >= LOOK


def test_ends_are_in_the_step_in_which_they_came(history: History, clock: Clock) -> None:
    end(history, "a")
    end(history, "a", BADLY)
    clock.go_on(10)
    end(history, "b", Outcome(state=State.CANCELED, finished=NOON), run=0)
    before, last = seen(history).points[-2:]
    assert (before.sums.completed, before.sums.failed, before.sums.canceled) == (1, 1, 0)
    assert (last.sums.completed, last.sums.failed, last.sums.canceled) == (0, 0, 1)
    coarse = seen(history, Window.LONG).points[-1].sums
    assert (coarse.completed, coarse.failed, coarse.canceled) == (1, 1, 1)


def test_how_long_workers_took(history: History) -> None:
    end(history, "a", run=1)
    end(history, "a", run=3)
    end(history, "a", Outcome(state=State.CANCELED, finished=NOON), run=0)  # it never ran
    found = seen(history).workers["a"]
    assert (found.ran, found.run_ns, found.longest_ns) == (2, 4 * SECOND, 3 * SECOND)


def test_the_most_that_ran_and_waited(history: History) -> None:
    history.look({"a": Counts(running=1, queued=5), "idle": Counts()})
    history.look({"a": Counts(running=3), "b": Counts(running=1)})
    history.look({})
    point = seen(history).points[-1]
    assert (point.running, point.queued) == (4, 5)
    assert seen(history, Window.SHORT, "b").points[-1].running == 1


def test_only_what_one_may_see(history: History) -> None:
    end(history, "a")
    end(history, "secret", BADLY)
    history.look({"a": Counts(running=1), "secret": Counts(running=7)})
    found = seen(history, Window.SHORT, "a")
    assert set(found.workers) == {"a"}
    assert found.points[-1].running == 1
    assert found.points[-1].sums.failed == 0


def test_what_is_old_goes(history: History, clock: Clock) -> None:
    for _ in range(200):
        end(history, "a")
        clock.go_on(10)
    assert sum(point.sums.completed for point in seen(history).points) == 89
    assert len(history._steps[Window.SHORT]) == 90
    assert sum(point.sums.completed for point in seen(history, Window.LONG).points) == 200


def test_a_clock_that_is_set_back(history: History, clock: Clock) -> None:
    """What came later is not shown until then; nothing breaks."""
    end(history, "a")
    clock.go_on(-3600)
    end(history, "a")
    assert sum(point.sums.completed for point in seen(history).points) == 1


def test_what_was_before_the_start_is_remembered_once(history: History, clock: Clock) -> None:
    asked = []

    def before(after: int, until: int) -> list[EndRow]:
        asked.append((after, until))
        return [EndRow("a", State.FAILED, NOON - 20 * SECOND, 2 * SECOND)]

    clock.go_on(5)
    history.remember(before)
    history.remember(before)
    assert asked == [(NOON - 86400 * SECOND, NOON)]
    found = seen(history)
    assert found.points[-3].sums.failed == 1
    assert found.points[-3].running is None
    assert found.workers["a"].longest_ns == 2 * SECOND


def test_names_are_bounded(history: History) -> None:
    for number in range(1200):
        end(history, f"w{number}")
    assert len(seen(history).workers) == 1001
