"""Another attempt: what happens between the end of one that failed and the next.

Its log is settled, its other files go; then the task is Queued again, on disk first and then in memory. Until then it
is live, so that a cancel finds it.

In the loop's thread, where nothing else is said.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from ..crash import Point, crash_at
from ..model.retry import Retry
from ..model.states import State
from ..model.task import Attempt, Failure, FailureCode
from ..model.units import format_duration
from ..store import QueuedRow, Remains, Scribe, Stream, tasks
from .live import Live
from .loop import Loop
from .promise import Promise
from .queue import Entry, Instant
from .register import canceled

_MILLISECOND: Final = 1_000_000
#: What cannot be started is not tried again sooner, whatever its `delay`, in ns.
_SPAWN_PAUSE: Final = 100 * _MILLISECOND
_LONGEST_REASON: Final = 300  # characters of a failure's message, in a log

#: For the store's writer.
_Operation: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Again:
    """An attempt that has ended, and when the next one may begin, by both clocks."""

    live: Live
    ended: Attempt
    failure: Failure
    not_before: int | None
    resumes: int | None

    @property
    def entry(self) -> Entry:
        live = self.live
        return Entry(
            task_id=live.task_id,
            worker=live.worker,
            priority=live.priority,
            attempt=live.attempt + 1,
            resumes=self.resumes,
            began=live.began,
            since=time.monotonic_ns(),
        )


class Retries:
    """`post(live, operation, then)` has something stored. `queue(entry)` takes a task that waits again; of those that
    were canceled meanwhile, `canceled(live, failure)` takes one that does not wait on disk yet, `withdrawn(entry, live,
    answers)` one that does."""

    def __init__(
        self,
        scribe: Scribe,
        loop: Loop,
        *,
        post: Callable[[Live, _Operation, Callable[[Any], None]], None],
        queue: Callable[[Entry], None],
        canceled: Callable[[Live, Failure], None],
        withdrawn: Callable[[Entry, Live, Sequence[Promise[State]]], None],
    ) -> None:
        self._scribe: Final = scribe
        self._loop: Final = loop
        self._post: Final = post
        self._queue: Final = queue
        self._canceled: Final = canceled
        self._withdrawn: Final = withdrawn

    def begin(self, live: Live, failure: Failure) -> None:
        """For a failure of which `applies` says that another attempt follows."""
        assert live.definition is not None
        pause = pause_after(failure.code, live.attempt, live.definition.retry)
        now = time.time_ns()
        ended = live.last_attempt(now, failure)
        again = _Again(
            live,
            ended,
            failure,
            not_before=now + pause if pause else None,
            resumes=time.monotonic_ns() + pause if pause else None,
        )
        settle(self._scribe, live.task_id, ended, pause, partial(self._settled, again))

    def _settled(self, again: _Again, _: Remains) -> None:
        """In the scribe's thread."""
        crash_at(Point.FILES_SETTLED)
        self._loop.call(partial(self._requeue, again))

    def _requeue(self, again: _Again) -> None:
        live = again.live
        if live.state is State.CANCELING:
            self._canceled(live, again.failure)
            return
        live.state = State.QUEUED
        operation = tasks.requeue(live.task_id, again.ended, again.not_before, live.progress)
        self._post(live, operation, partial(self._requeued, again))

    def _requeued(self, again: _Again, _: object) -> None:
        """In the writer's thread."""
        crash_at(Point.RETRY_STORED)
        self._loop.call(partial(self._wait, again))

    def _wait(self, again: _Again) -> None:
        live = again.live
        if live.canceled_by:
            live.outcome = canceled(live, time.time_ns())
            self._withdrawn(again.entry, live, live.canceled_by)
        else:
            self._queue(again.entry)
        live.process = None  # it knows its task: memory is free at once


def applies(live: Live, failure: Failure) -> bool:
    """Whether another attempt follows the one that has ended. None does while processes of it are left: no two of a
    task are ever there at once."""
    if live.state is State.CANCELING or live.definition is None or live.leaked:
        return False
    return live.definition.retry.applies(failure.code, live.attempt)


def pause_after(code: FailureCode, attempt: int, retry: Retry) -> int:
    """How long from the end of this attempt to the beginning of the next, in ns."""
    pause = retry.pause(attempt, random.random())
    return max(pause, _SPAWN_PAUSE) if code is FailureCode.SPAWN else pause


def settle(
    scribe: Scribe, task_id: str, ended: Attempt, pause: int, done: Callable[[Remains], None]
) -> None:
    """Keeps the log of an attempt that another follows, and nothing else of its files. `done` is called in the scribe's
    thread; before that, the next one must not begin."""
    note = f"{_note(ended, pause)}\n".encode("utf-8", "backslashreplace")
    scribe.append(task_id, Stream.TASKY, time.time_ns(), note, attempt=ended.number)
    scribe.finish(task_id, want_output=False, done=done, attempt=ended.number)


def _note(ended: Attempt, pause: int) -> str:
    assert ended.failure is not None
    reason = " ".join(ended.failure.message.split())
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[:_LONGEST_REASON]}…"
    rounded = round(pause / _MILLISECOND) * _MILLISECOND
    when = f"in {format_duration(rounded)}" if rounded else "follows"
    return f"attempt {ended.number} failed: {reason}; attempt {ended.number + 1} {when}"


def restored(row: QueuedRow, retry: Retry, now: Instant) -> Entry:
    """A task that waited when the last server ended. The pause before another attempt goes on by our own clock; it is
    not longer than such a pause can be, wherever the wall clock was set in between."""
    not_before, resumes, began = row.not_before, None, None
    if row.attempts and not_before is not None:
        longest = max(retry.pause(row.attempts, 1.0), _SPAWN_PAUSE)
        resumes = now.steady + max(0, min(not_before - now.wall, longest))
        not_before = None
    if row.started is not None:
        began = now.steady - max(0, now.wall - row.started)
    return Entry(
        task_id=row.id,
        worker=row.worker,
        priority=row.priority,
        not_before=not_before,
        attempt=row.attempts + 1,
        resumes=resumes,
        began=began,
        since=now.steady,
    )
