"""A task with an attempt under way, as the supervisor keeps it in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from ..errors import TaskyError
from ..logs import about
from ..model.fields import MAX_DURATION
from ..model.outcome import Reason
from ..model.states import State
from ..model.task import Attempt, Failure, Outcome, Progress
from ..model.worker import WorkerDefinition
from .chains import Conduct
from .launch import Launch
from .loop import Loop
from .process import Process
from .promise import Promise
from .timers import Timer


class Live:
    """Changed by the loop's thread only, but for `launch`, `timeout` and `began`, which the spawner sets before the
    loop sees the process. Every attempt has one of its own."""

    __slots__ = (
        "_alarm",
        "_alarm_at",
        "_left",
        "_stop_by",
        "attempt",
        "began",
        "canceled_by",
        "definition",
        "is_chain",
        "launch",
        "outcome",
        "params",
        "priority",
        "process",
        "saved_progress",
        "secrets",
        "started",
        "state",
        "stopped",
        "task_id",
        "timeout",
        "tries",
        "try_again",
        "waited",
        "worker",
    )

    def __init__(
        self,
        task_id: str,
        worker: str,
        definition: WorkerDefinition | None,
        started: int,
        *,
        priority: int,
        attempt: int = 1,
        began: int | None = None,
        waited: int = 0,
        params: Mapping[str, Any] | None = None,
        secrets: Collection[str] = (),
        timeout: int | None = None,
        is_chain: bool = False,
    ) -> None:
        self.task_id: Final = task_id
        self.worker: Final = worker
        #: None: the worker was removed while the task waited.
        self.definition: Final = definition
        self.started: Final = started
        self.priority: Final = priority
        self.attempt: Final = attempt
        #: It has no process, and takes no slot.
        self.is_chain: Final = is_chain
        #: For a slot, in ns.
        self.waited: Final = waited
        #: None: to be read from the store, and the secrets with them.
        self.params = params
        self.secrets = secrets
        self.timeout = timeout
        #: Queued, once its process has ended and another attempt is being stored.
        self.state = State.RUNNING
        self.launch: Launch | None = None
        #: The task's first start, by the monotonic clock.
        self.began = began
        self.process: Process | Conduct | None = None
        #: Decided, but perhaps not stored yet.
        self.outcome: Outcome | None = None
        #: Asked for; carried out as soon as there is a process.
        self.stopped: tuple[Reason, int] | None = None
        #: Who wants it canceled while another attempt is being stored.
        self.canceled_by: Final[list[Promise[State]]] = []
        self.tries = 0
        #: The next try of a start, or of storing another attempt, that failed for want of something.
        self.try_again: Timer | None = None
        self.saved_progress: Progress | None = None
        self._alarm: Timer | None = None
        self._alarm_at = 0
        self._stop_by: float = math.inf
        self._left: int | None = None

    @property
    def about(self) -> dict[str, Any]:
        """For a line of the log."""
        return about(task=self.task_id, worker=self.worker)

    @property
    def progress(self) -> Progress | None:
        process = self.process  # read by other threads, too
        return process.output.progress if process else None

    @property
    def leaked(self) -> bool:
        """Its process, or one of its tree, does not end though it was killed."""
        return self.process is not None and self.process.leaked

    @property
    def kill_grace(self) -> int:
        """Each task of a chain has its own."""
        if self.is_chain:
            return MAX_DURATION
        return self.definition.kill_grace if self.definition else 0

    def duration(self) -> int | None:
        return None if self.began is None else time.monotonic_ns() - self.began

    def stop(self, reason: Reason, grace: int) -> None:
        """Ends its process; one that is not started yet never is. Asked again, it only ever shortens the grace."""
        self.hold_alarm()
        first, before = self.stopped or (reason, grace)
        self.stopped = first, min(before, grace)
        self._stop_by = min(self._stop_by, time.monotonic_ns() + grace)
        process = self.process  # gone as soon as the end is stored
        if process is not None:
            process.stop(reason, grace)
        else:
            self.hurry()

    def is_unwanted(self, now: int) -> bool:
        """It is to be stopped, and its grace is over."""
        return now >= self._stop_by

    def cancel_retry(self, answer: Promise[State]) -> None:
        """Another attempt is being stored: it is canceled when it is."""
        self.canceled_by.append(answer)
        self.hurry()

    def refuse_cancels(self, error: TaskyError) -> None:
        """Another attempt could not be stored, so its end cannot be, either."""
        for answer in self.canceled_by:
            answer.fail(error)
        self.canceled_by.clear()

    def hurry(self) -> None:
        """What is to be tried again is tried now."""
        if self.try_again is not None and (now := self.try_again.take()):
            now()

    def unsaved_progress(self) -> tuple[str, Progress] | None:
        """The latest progress, if it has changed since this was asked last."""
        progress = self.progress
        if progress is None or progress is self.saved_progress:
            return None
        if self.outcome is not None or self.state is State.QUEUED:
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

    def handed(self) -> dict[str, Any]:
        """All of it but its process, as JSON: for a server that goes on with it."""
        return {
            "task": self.task_id,
            "worker": self.worker,
            "started": self.started,
            "priority": self.priority,
            "attempt": self.attempt,
            "waited": self.waited,
            "began": self.began,
            "timeout": self.timeout,
            "state": self.state.value,
            "stopped": self.stopped,
            "rings_at": None if self._alarm is None else self._alarm_at,
            "left": self._left,
        }

    @classmethod
    def adopted(cls, handed: Mapping[str, Any], definition: WorkerDefinition) -> Live:
        live = cls(
            handed["task"],
            handed["worker"],
            definition,
            handed["started"],
            priority=handed["priority"],
            attempt=handed["attempt"],
            began=handed["began"],
            waited=handed["waited"],
            timeout=handed["timeout"],
        )
        live.state = State(handed["state"])
        if handed["stopped"] is not None:
            reason, grace = handed["stopped"]
            live.stopped = Reason(reason), grace
        live._left = handed["left"]
        if handed["rings_at"] is not None:
            live._left = max(0, handed["rings_at"] - time.monotonic_ns())
        return live

    # The time-out's clock stands still while the task is paused.

    def set_alarm(self, loop: Loop, ring: Callable[[], None]) -> None:
        """Starts the time-out's clock, or lets it go on after a pause."""
        left = self.timeout if self._left is None else self._left
        if left is not None:
            self._alarm_at = time.monotonic_ns() + left
            self._alarm = loop.later(left, ring)

    def count_from(self, elapsed: int) -> None:
        """Its time-out's clock has run for so long already, in ns."""
        if self.timeout is not None:
            self._left = max(0, self.timeout - elapsed)

    def hold_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._left = max(0, self._alarm_at - time.monotonic_ns())
            self._alarm = None
