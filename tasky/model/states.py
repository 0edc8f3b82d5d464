"""The states of a task and every way from one to another. Imports nothing of ours.

All transitions live here; nothing else may change a state. The table does not know who asks or why.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from ..errors import IllegalTransition


class State(StrEnum):
    """Where a task is in its life, as the API spells it."""

    QUEUED = "Queued"
    RUNNING = "Running"
    PAUSED = "Paused"
    CANCELING = "Canceling"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"


class Event(StrEnum):
    """What happens to a task."""

    START = "start"  #: an attempt begins
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    SUCCEED = "succeed"  #: the attempt ended well
    FAIL = "fail"  #: the attempt ended badly, and no other follows
    RETRY = "retry"  #: the attempt ended badly, and another follows


TERMINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELED})
LIVE = frozenset(State) - TERMINAL
#: An attempt's process exists, or is about to.
ACTIVE = frozenset({State.RUNNING, State.PAUSED, State.CANCELING})

#: A pair that is not here does not happen. A state that leads to itself is a request repeated: accepted, nothing done.
TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (State.QUEUED, Event.START): State.RUNNING,
        (State.QUEUED, Event.CANCEL): State.CANCELED,
        (State.RUNNING, Event.PAUSE): State.PAUSED,
        (State.RUNNING, Event.RESUME): State.RUNNING,
        (State.RUNNING, Event.CANCEL): State.CANCELING,
        (State.RUNNING, Event.SUCCEED): State.COMPLETED,
        (State.RUNNING, Event.FAIL): State.FAILED,
        (State.RUNNING, Event.RETRY): State.QUEUED,
        (State.PAUSED, Event.PAUSE): State.PAUSED,
        (State.PAUSED, Event.RESUME): State.RUNNING,
        (State.PAUSED, Event.CANCEL): State.CANCELING,
        (State.PAUSED, Event.SUCCEED): State.COMPLETED,
        (State.PAUSED, Event.FAIL): State.FAILED,
        (State.PAUSED, Event.RETRY): State.QUEUED,
        (State.CANCELING, Event.CANCEL): State.CANCELING,
        # Once cancel is accepted the end is Canceled, whatever the worker still says.
        (State.CANCELING, Event.SUCCEED): State.CANCELED,
        (State.CANCELING, Event.FAIL): State.CANCELED,
    }
)


def can(state: State, event: Event) -> bool:
    """Whether the table has a way from `state` by `event`."""
    return (state, event) in TRANSITIONS


def advance(state: State, event: Event) -> State:
    """The state after `event`; IllegalTransition, naming both, where the table has none."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a task that is {state} cannot {event}") from None
