"""What the supervisor answers: submissions, and watchers that wait for a task's end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import TaskyError, WrongState
from ..model.states import Event, State
from ..model.task import Outcome
from .promise import Promise

_PARTICIPLES = {Event.CANCEL: "canceled", Event.PAUSE: "paused", Event.RESUME: "resumed"}


class NotLive(TaskyError):
    """The task has ended, or never was: the store knows."""


def wrong_state(state: State, event: Event) -> WrongState:
    return WrongState(f"a task that is {state} cannot be {_PARTICIPLES[event]}", state)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a watched task ended; its outcome is on disk."""

    task_id: str
    outcome: Outcome

    @property
    def state(self) -> State:
        return self.outcome.state


class Watcher:
    """Waits for a task's end. `give_up` is called when the time is up."""

    __slots__ = ("_give_up", "_promise", "task_id")

    def __init__(self, task_id: str, give_up: Callable[[Watcher], None]) -> None:
        self.task_id = task_id
        self._give_up = give_up
        self._promise: Promise[Ended] = Promise()

    def wait(self, seconds: float) -> Ended | None:
        """The end, or None when the time is up: the task is on disk then, too. Raises what kept it from being stored;
        ShuttingDown where it waits, and will not start any more before the server ends."""
        if not self._promise.wait(seconds):
            self._give_up(self)
        return self._promise.get() if self._promise.wait(0) else None

    def settle(self, ended: Ended | None, error: TaskyError | None) -> None:
        self._promise.settle(ended, error)


def settle_all(watchers: Iterable[Watcher], error: TaskyError | None) -> None:
    """There will be no end to tell."""
    for watcher in watchers:
        watcher.settle(None, error)


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted task. `created` is False where an Idempotency-Key led to an earlier one."""

    task_id: str
    created: bool
    watcher: Watcher | None = None
