"""A task with an attempt under way, as the supervisor keeps it in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..model.outcome import Reason
from ..model.states import State
from ..model.task import Attempt, Outcome, Progress
from ..model.worker import WorkerDefinition
from .loop import Loop, Timer
from .process import Process


class Live:
    """Changed by the loop's thread only, but for `params`, `timeout` and `began`, which the spawner sets before the
    loop sees the process."""

    __slots__ = (
        "_alarm",
        "_alarm_at",
        "_left",
        "attempt",
        "began",
        "definition",
        "outcome",
        "params",
        "process",
        "saved_progress",
        "started",
        "state",
        "stop",
        "task_id",
        "timeout",
        "tries",
        "worker",
    )

    def __init__(
        self,
        task_id: str,
        worker: str,
        definition: WorkerDefinition | None,
        started: int,
        params: Mapping[str, Any] | None = None,
        timeout: int | None = None,
    ) -> None:
        self.task_id = task_id
        self.worker = worker
        #: None: the worker was removed while the task waited.
        self.definition = definition
        self.started = started
        #: None: to be read from the store.
        self.params = params
        self.timeout = timeout
        self.attempt = 1
        self.state = State.RUNNING
        self.began: int | None = None
        self.process: Process | None = None
        self.outcome: Outcome | None = None
        #: Asked for before there was a process: carried out as soon as there is one.
        self.stop: tuple[Reason, int] | None = None
        self.tries = 0
        self.saved_progress: Progress | None = None
        self._alarm: Timer | None = None
        self._alarm_at = 0
        self._left: int | None = None

    @property
    def progress(self) -> Progress | None:
        return self.process.progress if self.process else None

    def duration(self) -> int | None:
        return None if self.began is None else time.monotonic_ns() - self.began

    @property
    def kill_grace(self) -> int:
        return self.definition.kill_grace if self.definition else 0

    def unsaved_progress(self) -> tuple[str, Progress] | None:
        """The latest progress, if it has changed since this was asked last."""
        progress = self.progress
        if progress is None or progress is self.saved_progress or self.outcome is not None:
            return None
        self.saved_progress = progress
        return self.task_id, progress

    def last_attempt(self, outcome: Outcome) -> Attempt:
        status = self.process.status if self.process else None
        return Attempt(
            number=self.attempt,
            started=self.started,
            finished=outcome.finished,
            exit_code=status.code if status else None,
            signal=status.signal_name if status else None,
            failure=outcome.failure,
        )

    # The time-out's clock stands still while the task is paused.

    def set_alarm(self, loop: Loop, ring: Callable[[], None]) -> None:
        """Starts the time-out's clock, or lets it go on after a pause."""
        left = self.timeout if self._left is None else self._left
        if left is not None:
            self._alarm_at = time.monotonic_ns() + left
            self._alarm = loop.later(left, ring)

    def hold_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._left = max(0, self._alarm_at - time.monotonic_ns())
