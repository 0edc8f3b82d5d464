"""A task with an attempt under way, as the supervisor keeps it in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..model.outcome import Reason
from ..model.states import State
from ..model.task import Attempt, Failure, Outcome, Progress
from ..model.worker import WorkerDefinition
from .launch import Launch
from .loop import Loop
from .process import Process
from .timers import Timer


class Live:
    """Changed by the loop's thread only, but for `launch`, `timeout` and `began`, which the spawner sets before the
    loop sees the process."""

    __slots__ = (
        "_alarm",
        "_alarm_at",
        "_left",
        "attempt",
        "began",
        "definition",
        "launch",
        "outcome",
        "params",
        "process",
        "saved_progress",
        "started",
        "state",
        "stopped",
        "task_id",
        "timeout",
        "tries",
        "try_again",
        "worker",
    )

    def __init__(
        self,
        task_id: str,
        worker: str,
        definition: WorkerDefinition | None,
        started: int,
        *,
        params: Mapping[str, Any] | None = None,
        timeout: int | None = None,
    ) -> None:
        self.task_id: Final = task_id
        self.worker: Final = worker
        #: None: the worker was removed while the task waited.
        self.definition: Final = definition
        self.started: Final = started
        self.attempt: Final = 1
        #: None: to be read from the store.
        self.params = params
        self.timeout = timeout
        self.state = State.RUNNING
        self.launch: Launch | None = None
        self.began: int | None = None
        self.process: Process | None = None
        #: Decided, but perhaps not stored yet.
        self.outcome: Outcome | None = None
        #: Asked for; carried out as soon as there is a process.
        self.stopped: tuple[Reason, int] | None = None
        self.tries = 0
        #: The next try of a start that failed for want of something.
        self.try_again: Timer | None = None
        self.saved_progress: Progress | None = None
        self._alarm: Timer | None = None
        self._alarm_at = 0
        self._left: int | None = None

    @property
    def progress(self) -> Progress | None:
        process = self.process  # read by other threads, too
        return process.output.progress if process else None

    @property
    def kill_grace(self) -> int:
        return self.definition.kill_grace if self.definition else 0

    def duration(self) -> int | None:
        return None if self.began is None else time.monotonic_ns() - self.began

    def stop(self, reason: Reason, grace: int) -> None:
        """Ends its process; one that is not started yet never is. Asked again, it only ever shortens the grace."""
        self.hold_alarm()
        first, before = self.stopped or (reason, grace)
        self.stopped = first, min(before, grace)
        process = self.process  # gone as soon as the end is stored
        if process is not None:
            process.stop(reason, grace)
        elif self.try_again is not None and (now := self.try_again.take()):
            now()

    def unsaved_progress(self) -> tuple[str, Progress] | None:
        """The latest progress, if it has changed since this was asked last."""
        progress = self.progress
        if progress is None or progress is self.saved_progress or self.outcome is not None:
            return None
        self.saved_progress = progress
        return self.task_id, progress

    def last_attempt(self, finished: int, failure: Failure | None) -> Attempt:
        status = self.process.status if self.process else None
        return Attempt(
            number=self.attempt,
            started=self.started,
            finished=finished,
            exit_code=status.code if status else None,
            signal=status.signal_name if status else None,
            failure=failure,
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
            self._alarm = None
