"""The end of a task: its slot is free, its files are settled, its row is stored, those who wait are told.

In the loop's thread, where nothing else is said.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

from ..errors import ShuttingDown, StoreError, TaskyError
from ..model.outcome import decide
from ..model.states import Event, State, advance
from ..model.task import Attempt, Failure, FailureCode, Outcome
from ..store import Remains, Store, tasks
from .live import Live
from .loop import Loop
from .process import Process
from .promise import Promise
from .queue import Entry
from .register import Register
from .watch import Ended, settle_all

log = logging.getLogger(__name__)

#: What cannot be stored is tried again after pauses that double, in ns.
_FIRST_PAUSE: Final = 1_000_000_000
_LONGEST_PAUSE: Final = 32_000_000_000

#: For the store's writer.
_Operation: TypeAlias = Callable[[Any], None]


class Ends:
    """`dispatch(live)` is called when a task gives its slot back, `dispatch(None)` when one came back to the queue."""

    def __init__(
        self,
        store: Store,
        register: Register,
        loop: Loop,
        dispatch: Callable[[Live | None], None],
    ) -> None:
        self._store: Final = store
        self._register: Final = register
        self._loop: Final = loop
        self._dispatch: Final = dispatch

    def process_ended(self, live: Live) -> None:
        assert live.process is not None
        _, failure = decide(live.process.ending(live.timeout))
        self._end(live, failure)

    def not_started(self, live: Live, message: str) -> None:
        """No process could be made of it."""
        self._end(live, Failure(code=FailureCode.SPAWN, message=message))

    def stopped_before_start(self, live: Live) -> None:
        """Canceled; or the server is stopped, and then the task waits for the next one: it has done nothing yet."""
        message = "the server was stopped before the task was started"
        failure = Failure(code=FailureCode.SHUTDOWN, message=message)
        if live.state is State.CANCELING:
            self._end(live, failure)
        else:
            self._put_back(live, live.last_attempt(time.time_ns(), failure))

    def withdrawn(self, entry: Entry, live: Live, answer: Promise[State]) -> None:
        """It was canceled while it waited."""
        assert live.outcome is not None
        outcome = live.outcome

        def done(_: object, error: TaskyError | None) -> None:
            if error is None:
                self._tell(live, outcome)
            else:  # it stays in the queue, as the client is told
                settle_all(self._register.restore(entry), ShuttingDown())
                self._dispatch(None)
                self.stop_loop_if_over()
            answer.settle(outcome.state, error)

        self._store.writer.post(tasks.finish(live.task_id, outcome, None), done=done)

    def lost_track(self, live: Live, error: TaskyError) -> None:
        """Its row is not what it must be: somebody else was at the database. Any thread."""
        log.error("task=%s cannot be carried on: %s", live.task_id, error)
        self._dispatch(live)
        self._forget(live, error)

    def stop_loop_if_over(self) -> None:
        """Any thread."""
        if self._register.over:
            self._loop.stop()

    # ------------------------------------------------------------------ files, row, watchers

    def _end(self, live: Live, failure: Failure | None) -> None:
        live.hold_alarm()
        process = live.process
        state = advance(live.state, Event.FAIL if failure else Event.SUCCEED)
        outcome = Outcome(
            state=state,
            finished=time.time_ns(),
            duration=live.duration(),
            output=_output(process, state),
            failure=None if state is State.CANCELED else failure,
            progress=live.progress,
        )
        live.outcome = outcome
        self._dispatch(live)
        if process is not None and (process.output.logged or process.output.artifacts):
            self._store.scribe.finish(
                live.task_id,
                artifacts=process.output.artifacts,
                want_output=process.output.result is None and state is State.COMPLETED,
                done=partial(self._settled, live, outcome),
            )
        else:
            self._commit(live, outcome)
            self._store.scribe.clear(live.task_id)

    def _settled(self, live: Live, outcome: Outcome, remains: Remains) -> None:
        """In the scribe's thread: the files are settled."""
        output = outcome.output if remains.output is None else _text_output(remains)
        self._commit(live, replace(outcome, output=output, artifacts=remains.artifacts))

    def _commit(self, live: Live, outcome: Outcome) -> None:
        """Any thread."""
        live.outcome = outcome
        self._store_until_done(
            live,
            _finish(live.task_id, outcome, live.last_attempt(outcome.finished, outcome.failure)),
            lambda: self._tell(live, outcome),
        )

    def _put_back(self, live: Live, attempt: Attempt) -> None:
        self._dispatch(live)
        self._store_until_done(
            live,
            tasks.requeue(live.task_id, attempt),
            lambda: self._forget(live, ShuttingDown()),
        )
        self._store.scribe.clear(live.task_id)

    def _store_until_done(
        self,
        live: Live,
        operation: _Operation,
        then: Callable[[], None],
        pause: int = _FIRST_PAUSE,
    ) -> None:
        """What cannot be stored is kept, and tried again. Any thread; `then` is called in the writer's."""

        def done(_: object, error: TaskyError | None) -> None:
            if error is None:
                then()
            elif isinstance(error, StoreError):
                log.error("task=%s its end cannot be stored yet: %s", live.task_id, error)
                again = partial(
                    self._store_until_done, live, operation, then, min(2 * pause, _LONGEST_PAUSE)
                )
                self._loop.call(partial(self._loop.later, pause, again))
            else:
                log.error("task=%s its end cannot be stored: %s", live.task_id, error)
                self._forget(live, error)

        self._store.writer.post(operation, done=done)

    def _tell(self, live: Live, outcome: Outcome) -> None:
        """The end is on disk. Any thread."""
        ended = Ended(live.task_id, outcome)
        for watcher in self._register.forget(live.task_id):
            watcher.settle(ended, None)
        live.process = None  # it knows its task: memory is free at once, not at the next collection
        self.stop_loop_if_over()

    def _forget(self, live: Live, error: TaskyError) -> None:
        """There will be no end. Any thread."""
        settle_all(self._register.forget(live.task_id), error)
        self.stop_loop_if_over()


def _finish(task_id: str, outcome: Outcome, attempt: Attempt) -> _Operation:
    """An end by cancel goes through Canceling, even where that could not be stored at the time."""
    finish = tasks.finish(task_id, outcome, attempt)
    if outcome.state is not State.CANCELED:
        return finish
    cancel = tasks.change(task_id, Event.CANCEL)

    def operation(connection: Any) -> None:
        cancel(connection)
        finish(connection)

    return operation


def _output(process: Process | None, state: State) -> str | None:
    """What it sent, whatever the end; a success without a result has the output null."""
    if process is not None and process.output.result is not None:
        return process.output.result
    return "null" if state is State.COMPLETED else None


def _text_output(remains: Remains) -> str:
    document: dict[str, object] = {"string_output": remains.output}
    if remains.truncated:
        document["truncated"] = True
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
