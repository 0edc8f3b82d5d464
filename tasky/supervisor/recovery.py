"""At start, before anything runs: what a killed server left behind is ended, and the tasks that it ran are settled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from ..crash import Point, crash_at
from ..errors import TaskyError
from ..model.states import State
from ..model.task import Attempt, Failure, FailureCode, Outcome, Task
from ..store import Store, tasks
from .containment import Containment

log = logging.getLogger(__name__)


def recover(store: Store, containment: Containment) -> None:
    """Ends survivors, then settles each task that was under way: Canceled if that was asked for, else Failed
    with `lost`. Raises what keeps an end from being stored.

    No other thread works yet, so this may block.
    """
    active = store.reader.active()
    containment.end_survivors(frozenset(task.id for task in active))
    crash_at(Point.RECOVERY_ENDED)
    if not active:
        return
    errors: list[TaskyError] = []

    def done(_: object, error: TaskyError | None) -> None:
        if error is not None:
            errors.append(error)

    for task in active:
        store.writer.post(_settle(task), done=done)
    store.writer.sync()
    if errors:
        raise errors[0]
    crash_at(Point.RECOVERY_SETTLED)
    for task in active:
        store.scribe.finish(task.id, artifacts=(), want_output=False, done=lambda _: None)
    log.warning("%d tasks were under way when the server died: they are settled", len(active))


def _settle(task: Task) -> Callable[[Any], None]:
    now = time.time_ns()
    failure = None
    if task.state is not State.CANCELING:
        message = "the server died while the task ran"
        failure = Failure(code=FailureCode.LOST, message=message)
    state = State.CANCELED if failure is None else State.FAILED
    outcome = Outcome(state=state, finished=now, failure=failure, progress=task.progress)
    last = task.attempts[-1]
    attempt = Attempt(number=last.number, started=last.started, finished=now, failure=failure)
    return tasks.finish(task.id, outcome, attempt)
