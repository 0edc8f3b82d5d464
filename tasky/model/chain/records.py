"""What goes into the course of a chain, and what comes out of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from ..states import State
from ..task import Failure


class StepState(StrEnum):
    """Where a step is, as the API spells it."""

    WAITING = "Waiting"  #: for the steps that it needs
    RUNNING = "Running"  #: tasks of it are under way
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"
    SKIPPED = "Skipped"  #: its `when` was not true
    UNREACHED = "Unreached"  #: the chain ended before it


#: It does not change any more.
SETTLED = frozenset(StepState) - {StepState.WAITING, StepState.RUNNING}


class Key(NamedTuple):
    """One task of a chain: `item` counts from 0 in a step with for_each, and is 0 in any other; `attempt` from 1."""

    step: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class End:
    """How a task of a chain ended; `task_id` None: it could not be made."""

    state: State
    task_id: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A task of a chain as the store has it, in this state; `end` None: it has not ended."""

    key: Key
    task_id: str
    end: End | None = None
    state: State = State.QUEUED


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A task that is to be made now; to begin after `delay` ns. `timeout` is in ns."""

    key: Key
    worker: str
    params: Mapping[str, Any]
    timeout: int | None = None
    delay: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class StepView:
    """A step for whoever looks on: how many tasks it is to have (None: not known yet), how many have ended, and
    of these failed. `task_ids`: the latest of each item that has one."""

    name: str
    worker: str
    state: StepState
    needs: tuple[str, ...] = ()
    is_last: bool = False
    of_items: bool = False
    total: int | None = None
    ended: int = 0
    failed: int = 0
    failure: Failure | None = None
