"""At start, before anything runs: what a killed server left behind is ended, and the tasks that it ran are settled."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from ..crash import Point, crash_at
from ..errors import TaskyError
from ..model.retry import Retry
from ..model.states import State
from ..model.task import Attempt, Failure, FailureCode, Outcome, Task
from ..store import Remains, Store, tasks
from .containment import Containment
from .observer import Observer
from .retries import pause_after, settle

log = logging.getLogger(__name__)

#: For the store's writer.
_Operation: TypeAlias = Callable[[Any], Any]

_LOST = Failure(code=FailureCode.LOST, message="the server died while the task ran")


def recover(
    store: Store,
    containment: Containment,
    retry_of: Callable[[str], Retry],
    observer: Observer,
    adopted: frozenset[str] | None = None,
) -> None:
    """Ends survivors, then settles each task that was under way: Canceled if that was asked for; Queued again where
    its worker's `retry` names `lost`; else Failed with `lost`. Raises what keeps that from being stored.

    An attempt that died with the server counts, so that a task which kills the server does not do so for ever. No other
    thread works yet, so this may block. The `adopted` ones go on, handed over by a server that has left nothing else;
    None where there was none.
    """
    active = [task for task in store.reader.active() if task.id not in (adopted or ())]
    crash_at(Point.RECOVERY_STARTED)
    if adopted is None:
        containment.end_survivors(frozenset(task.id for task in active))
    crash_at(Point.RECOVERY_ENDED)
    if not active:
        return
    again: list[Task] = []
    ended: list[Task] = []
    for task in active:
        (again if _is_tried_again(task, retry_of(task.worker)) else ended).append(task)
    outcomes = [_outcome(task) for task in ended]
    operations: list[_Operation] = [
        tasks.finish(task.id, *outcome) for task, outcome in zip(ended, outcomes, strict=True)
    ]
    operations += _requeue(store, again, retry_of)
    crash_at(Point.RECOVERY_FILED)
    _store(store, operations)
    crash_at(Point.RECOVERY_SETTLED)
    for task in ended:
        store.uploads.release(task.id)
        store.scribe.finish(task.id, artifacts=(), want_output=False, done=lambda _: None)
    for task, (outcome, _) in zip(ended, outcomes, strict=True):
        observer.changed(task.id, task.worker, outcome.state)
        observer.ended(task.id, task.worker, outcome, 0, 0)
    for task in again:
        observer.changed(task.id, task.worker, State.QUEUED)
    log.warning(
        "%d tasks were under way when the server died: they are settled, %d of them to be tried again",
        len(active),
        len(again),
    )


def _is_tried_again(task: Task, retry: Retry) -> bool:
    return task.state is not State.CANCELING and retry.applies(_LOST.code, task.attempts[-1].number)


def _requeue(
    store: Store, again: Sequence[Task], retry_of: Callable[[str], Retry]
) -> list[_Operation]:
    """Settles the files of tasks that are tried again; gives what is to be stored then."""
    settled = threading.Semaphore(0)

    def done(_: Remains) -> None:
        settled.release()

    operations = []
    for task in again:
        ended = _attempt(task, _LOST)
        pause = pause_after(_LOST.code, ended.number, retry_of(task.worker))
        settle(store.scribe, task.id, ended, pause, done)
        not_before = time.time_ns() + pause if pause else None
        operations.append(tasks.requeue(task.id, ended, not_before))
    for _ in again:
        settled.acquire()
    return operations


def _outcome(task: Task) -> tuple[Outcome, Attempt]:
    canceled = task.state is State.CANCELING
    attempt = _attempt(task, None if canceled else _LOST)
    return Outcome(
        state=State.CANCELED if canceled else State.FAILED,
        finished=attempt.finished or 0,
        failure=attempt.failure,
        progress=task.progress,
    ), attempt


def _attempt(task: Task, failure: Failure | None) -> Attempt:
    """The one that was under way, as it ended."""
    return replace(task.attempts[-1], finished=time.time_ns(), failure=failure)


def _store(store: Store, operations: Sequence[_Operation]) -> None:
    errors: list[TaskyError] = []

    def done(_: object, error: TaskyError | None) -> None:
        if error is not None:
            errors.append(error)

    for operation in operations:
        store.writer.post(operation, urgent=True, done=done)
    store.writer.sync()
    if errors:
        raise errors[0]
