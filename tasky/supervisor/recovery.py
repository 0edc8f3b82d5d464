"""At start, before anything runs: what a killed server left behind is ended, and the tasks that it ran are settled."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Any, Final

from ..errors import TaskyError
from ..model.states import State
from ..model.task import Attempt, Failure, FailureCode, Outcome, Task
from ..store import Store, tasks
from .containment import is_marked, marked

log = logging.getLogger(__name__)

_MAX_SWEEPS: Final = 50
_SWEEP_PAUSE: Final = 0.02


def recover(store: Store) -> None:
    """Ends survivors, then settles each task that was under way: Canceled if that was asked for, else Failed
    with `lost`. Raises what keeps an end from being stored.

    No other thread works yet, so this may block.
    """
    active = store.reader.active()
    if not active:
        return
    _end_survivors(frozenset(task.id for task in active))
    errors: list[TaskyError] = []

    def done(_: object, error: TaskyError | None) -> None:
        if error is not None:
            errors.append(error)

    for task in active:
        store.writer.post(_settle(task), done=done)
    store.writer.sync()
    if errors:
        raise errors[0]
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


def _end_survivors(task_ids: frozenset[str]) -> None:
    """Kills what carries a task's marker until a look finds nothing twice."""
    clean = 0
    for _ in range(_MAX_SWEEPS):
        found = marked(task_ids)
        for pid in found:
            _kill(pid, task_ids)
        clean = 0 if found else clean + 1
        if clean == 2:
            return
        if found:
            time.sleep(_SWEEP_PAUSE)
    log.error("processes of tasks that were lost do not end")


def _kill(pid: int, task_ids: frozenset[str]) -> None:
    """By a pidfd, looked at once more: a number alone may be another process by now."""
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        try:
            if is_marked(pid, task_ids):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                log.warning("ended process %d, which had survived the server", pid)
        finally:
            os.close(pidfd)
