"""What is pruned and when, whatever the clock does. The clocks are stand-ins here; tests/end_to_end/test_clock.py sets
a real server's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasky.store import Store, tasks
from tasky.store.retention import CautiousClock
from tests.store.parts import Database, put

HOUR = 3600 * 1_000_000_000
DAY = 24 * HOUR
TODAY = 20_000 * DAY


class Clocks:
    """`wall` can be set, `steady` cannot."""

    def __init__(self) -> None:
        self.wall = TODAY
        self.steady = 5

    def go_on(self, ns: int) -> None:
        self.wall += ns
        self.steady += ns


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr("tasky.store.retention._steady", lambda: clocks.steady)
    monkeypatch.setattr("tasky.store.retention.time.time_ns", lambda: clocks.wall)
    return clocks


def test_a_clock_that_nobody_sets_is_followed(clocks: Clocks) -> None:
    clock = CautiousClock()
    for step in (1, HOUR, 30 * DAY):  # a machine that sleeps for a month
        clocks.go_on(step)
        assert clock.now() == clocks.wall


@pytest.mark.case("S16")
def test_one_that_is_set_ahead_is_believed_a_day_later(
    clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    clock = CautiousClock()
    clocks.wall += 400 * DAY
    for hours in range(24):
        assert clock.now() == TODAY + hours * HOUR
        clocks.go_on(HOUR)
    assert clock.now() == clocks.wall == TODAY + 401 * DAY
    assert caplog.text.count("was set 9600.0 h ahead") == 1


@pytest.mark.case("S16")
def test_one_that_is_set_right_again_cost_nothing(clocks: Clocks) -> None:
    clock = CautiousClock()
    clocks.wall += 400 * DAY
    assert clock.now() == TODAY
    clocks.go_on(HOUR)
    clocks.wall -= 400 * DAY
    assert clock.now() == TODAY + HOUR
    clocks.go_on(2 * DAY)
    clocks.wall += 2 * DAY
    assert clock.now() == TODAY + HOUR + 2 * DAY, "the day begins anew"


@pytest.mark.case("S16")
def test_one_that_is_set_back_is_believed_at_once(clocks: Clocks) -> None:
    clock = CautiousClock()
    clocks.wall -= 3 * DAY
    assert clock.now() == TODAY - 3 * DAY


def test_small_corrections_are_followed(clocks: Clocks) -> None:
    clock = CautiousClock()
    for drift in (HOUR // 10, -HOUR // 10, HOUR // 10):
        clocks.go_on(HOUR)
        clocks.wall += drift
        assert clock.now() == clocks.wall


@pytest.mark.case("S16")
def test_a_leap_of_the_clock_prunes_nothing(store: Store, clocks: Clocks) -> None:
    """Of all that there is, nothing is older than a month."""
    # The store's own clock began with the fixture: it is set before `clocks` are.
    ids = [put(store.writer, finished=TODAY - age * DAY) for age in (1, 20, 29)]
    store.prune(30 * DAY, 1000)
    clocks.wall += 300 * DAY
    store.prune(30 * DAY, 1000)
    store.writer.sync()
    assert [store.reader.state(task_id) is not None for task_id in ids] == [True] * 3


@pytest.mark.case("S16")
def test_what_ends_after_the_clock_was_set_back_is_the_newest(bare: Database) -> None:
    """Of those beyond the count, the ones go first whose end is still to come."""
    ahead = [put(bare.writer, finished=TODAY + DAY + n) for n in range(3)]
    new = [put(bare.writer, finished=TODAY - DAY + n) for n in range(3)]

    def left() -> Iterator[str]:
        return (task_id for task_id in (*ahead, *new) if bare.reader.state(task_id) is not None)

    assert bare.writer.call(tasks.prune(TODAY, 30 * DAY, 4)) == ahead[:2]
    assert list(left()) == [*ahead[2:], *new]
    assert bare.writer.call(tasks.prune(TODAY, 30 * DAY, 2)) == [ahead[2], new[0]]
    assert list(left()) == new[1:]
    assert bare.writer.call(tasks.prune(TODAY, 30 * DAY, 2)) == []


@pytest.mark.case("S16")
def test_by_its_age_nothing_goes_whose_end_is_still_to_come(bare: Database) -> None:
    kept = put(bare.writer, finished=TODAY + DAY)
    gone = put(bare.writer, finished=TODAY - 40 * DAY)
    assert bare.writer.call(tasks.prune(TODAY, 30 * DAY, 1000)) == [gone]
    assert bare.reader.state(kept) is not None
