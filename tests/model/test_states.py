"""Every state with every event, and what follows from the whole table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.errors import IllegalTransition
from tasky.model.states import ACTIVE, LIVE, TERMINAL, TRANSITIONS, Event, State, advance, can

Q, R, P, X = State.QUEUED, State.RUNNING, State.PAUSED, State.CANCELING
DONE, FAILED, CANCELED = State.COMPLETED, State.FAILED, State.CANCELED
EVENTS = (
    Event.START, Event.PAUSE, Event.RESUME, Event.CANCEL, Event.SUCCEED, Event.FAIL, Event.RETRY,
)  # fmt: skip

#: Written out once more, as the contract has it: a column for each of EVENTS, None where there is no way.
GRID: dict[State, tuple[State | None, ...]] = {
    #         start  pause  resume cancel    succeed   fail      retry
    Q:        (R,    None,  None,  CANCELED, None,     None,     None),
    R:        (None, P,     R,     X,        DONE,     FAILED,   Q),
    P:        (None, P,     R,     X,        DONE,     FAILED,   Q),
    X:        (None, None,  None,  X,        CANCELED, CANCELED, None),
    DONE:     (None, None,  None,  None,     None,     None,     None),
    FAILED:   (None, None,  None,  None,     None,     None,     None),
    CANCELED: (None, None,  None,  None,     None,     None,     None),
}  # fmt: skip
CELLS = [(state, event, GRID[state][EVENTS.index(event)]) for state in State for event in Event]


def test_the_grid_has_every_state_and_event() -> None:
    assert set(GRID) == set(State)
    assert set(EVENTS) == set(Event)
    assert all(len(row) == len(EVENTS) for row in GRID.values())


@pytest.mark.parametrize(("state", "event", "after"), CELLS)
def test_every_cell(state: State, event: Event, after: State | None) -> None:
    assert can(state, event) is (after is not None)
    if after is not None:
        assert advance(state, event) is after


class Holder:
    """Changes its state as every owner of one must: by what advance gives."""

    def __init__(self, state: State) -> None:
        self.state = state

    def happens(self, event: Event) -> None:
        self.state = advance(self.state, event)


@pytest.mark.parametrize(("state", "event"), [cell[:2] for cell in CELLS if cell[2] is None])
def test_an_illegal_move_names_both_and_changes_nothing(state: State, event: Event) -> None:
    holder, before = Holder(state), dict(TRANSITIONS)
    with pytest.raises(IllegalTransition) as caught:
        holder.happens(event)
    assert str(state) in str(caught.value)
    assert str(event) in str(caught.value)
    assert holder.state is state
    assert before == TRANSITIONS


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[State.FAILED, Event.START] = State.RUNNING  # type: ignore[index]


def test_the_groups() -> None:
    assert {DONE, FAILED, CANCELED} == TERMINAL
    assert {Q, R, P, X} == LIVE
    assert LIVE - {Q} == ACTIVE


def reachable(start: State) -> set[State]:
    """Every state that some row of events leads to."""
    found, fresh = {start}, [start]
    while fresh:
        state = fresh.pop()
        after = {advance(state, event) for event in Event if can(state, event)}
        fresh += after - found
        found |= after
    return found


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_terminal_state_has_no_way_out(state: State) -> None:
    assert reachable(state) == {state}


@pytest.mark.parametrize("state", sorted(LIVE))
def test_no_live_state_is_a_dead_end(state: State) -> None:
    assert reachable(state) & TERMINAL


def test_a_task_can_get_everywhere() -> None:
    assert reachable(State.QUEUED) == set(State)


def test_a_cancel_ends_in_canceled_only() -> None:
    assert reachable(State.CANCELING) == {State.CANCELING, State.CANCELED}


@given(st.lists(st.sampled_from(Event)))
def test_after_an_accepted_cancel_the_end_is_canceled(events: list[Event]) -> None:
    state, canceled = State.QUEUED, False
    for event in events:
        if can(state, event):
            canceled = canceled or event is Event.CANCEL
            state = advance(state, event)
    if canceled:
        assert state in {State.CANCELING, State.CANCELED}
    else:
        assert state not in {State.CANCELING, State.CANCELED}


@pytest.mark.parametrize("event", [Event.PAUSE, Event.RESUME, Event.CANCEL])
@pytest.mark.parametrize("state", [R, P])
def test_what_is_asked_twice_is_accepted_twice(state: State, event: Event) -> None:
    once = advance(state, event)
    assert advance(once, event) is once


def test_the_names_are_those_of_the_api() -> None:
    names = "Queued Running Paused Canceling Completed Failed Canceled"
    assert [str(state) for state in State] == names.split()
