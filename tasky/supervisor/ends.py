"""The end of a task: its slot is free, its files are settled, its row is stored, those who wait are told.

In the loop's thread, where nothing else is said.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

from ..crash import Point, crash_at
from ..errors import ShuttingDown, StoreError, TaskyError
from ..model.outcome import decide
from ..model.states import Event, State, advance
from ..model.task import Attempt, Failure, FailureCode, Outcome
from ..store import Remains, Store, tasks
from .chains import Conduct
from .live import Live
from .loop import Loop
from .observer import Observer
from .process import Process
from .promise import Promise
from .queue import Entry
from .register import Register, canceled
from .retries import Retries, applies
from .spawner import KEPT_OUT
from .watch import Ended, settle_all

log = logging.getLogger(__name__)

#: What cannot be stored is tried again after pauses that double, in ns.
_FIRST_PAUSE: Final = 1_000_000_000
_LONGEST_PAUSE: Final = 8_000_000_000

#: For the store's writer.
_Operation: TypeAlias = Callable[[Any], Any]


class Ends:
    """`dispatch(live)` is called when a task gives its slot back, `dispatch(None)` when one came back to the queue."""

    def __init__(
        self,
        store: Store,
        register: Register,
        loop: Loop,
        dispatch: Callable[[Live | None], None],
        observer: Observer,
    ) -> None:
        self._store: Final = store
        self._register: Final = register
        self._loop: Final = loop
        self._dispatch: Final = dispatch
        self._observer: Final = observer
        self._given_up = False
        self._retries: Final = Retries(
            store.scribe,
            loop,
            post=self._store_until_done,
            queue=self._wait,
            withdrawn=self.withdrawn,
            canceled=self._canceled,
        )

    def process_ended(self, live: Live) -> None:
        assert live.process is not None
        crash_at(Point.EMPTIED)
        if live.process.kept_out:
            self.not_started(live, KEPT_OUT)
            return
        _, failure = decide(live.process.ending(live.timeout))
        self._end(live, failure)

    def not_started(self, live: Live, message: str) -> None:
        """No process could be made of it."""
        self._end(live, Failure(code=FailureCode.SPAWN, message=message))

    def stopped_before_start(self, live: Live) -> None:
        """Canceled; or the server is stopped, or starts nothing for a while, and then the task waits: it has done
        nothing yet."""
        if live.state is State.CANCELING:
            message = "the server was stopped before the task was started"
            self._end(live, Failure(code=FailureCode.SHUTDOWN, message=message))
        else:
            self._take_back(live)

    def interrupted(self, live: Live) -> None:
        """The server is stopped: the next one goes on with this chain."""
        live.hold_alarm()
        self._dispatch(live)
        self._leave(live)

    def withdrawn(self, entry: Entry, live: Live, answers: Sequence[Promise[State]]) -> None:
        """It was canceled while it waited."""
        assert live.outcome is not None
        outcome = live.outcome

        def done(owed: bool | None, error: TaskyError | None) -> None:
            if error is None:
                self._tell(live, outcome, bool(owed))
            else:  # it stays in the queue, as the client is told
                self._back(entry)
            for answer in answers:
                answer.settle(outcome.state, error)

        crash_at(Point.WITHDRAWN)
        self._store.writer.post(tasks.finish(live.task_id, outcome, None), urgent=True, done=done)

    def lost_track(self, live: Live, error: TaskyError) -> None:
        """Its row is not what it must be: somebody else was at the database. Any thread."""
        log.error("it cannot be carried on: %s", error, extra=live.about)
        self._dispatch(live)
        self._forget(live, error)

    def give_up(self) -> None:
        """What cannot be stored now is not tried again: the next start finds it lost."""
        self._given_up = True

    def stop_loop_if_over(self) -> None:
        """Any thread."""
        if self._register.over:
            self._loop.stop()

    # ------------------------------------------------------------------ files, row, watchers

    def _end(self, live: Live, failure: Failure | None) -> None:
        """An attempt has ended; its task has, if no other follows."""
        live.hold_alarm()
        again = failure is not None and applies(live, failure)
        outcome = live.outcome = None if again else _outcome(live, failure)
        if not live.leaked:  # else its slot is free when its processes are gone
            self._dispatch(live)
        if outcome is not None:
            self._settle(live, outcome)
        elif failure is not None:
            self._retries.begin(live, failure)

    def _canceled(self, live: Live, failure: Failure) -> None:
        """It was, while the log of an attempt was settled that another was to follow."""
        self._commit(live, _outcome(live, failure))

    def _settle(self, live: Live, outcome: Outcome) -> None:
        process = live.process
        if process is not None and (process.output.logged or process.output.artifacts):
            self._store.scribe.finish(
                live.task_id,
                artifacts=process.output.artifacts,
                want_output=process.output.result is None and outcome.state is State.COMPLETED,
                done=partial(self._settled, live, outcome),
                attempt=live.attempt,
            )
        else:
            self._commit(live, outcome)
            self._store.scribe.clear(live.task_id)

    def _settled(self, live: Live, outcome: Outcome, remains: Remains) -> None:
        """In the scribe's thread: the files are settled."""
        crash_at(Point.FILES_SETTLED)
        output = outcome.output if remains.output is None else _text_output(remains)
        self._commit(live, replace(outcome, output=output, artifacts=remains.artifacts))

    def _commit(self, live: Live, outcome: Outcome) -> None:
        """Any thread."""
        live.outcome = outcome
        self._store_until_done(
            live,
            _finish(live.task_id, outcome, live.last_attempt(outcome.finished, outcome.failure)),
            partial(self._tell, live, outcome),
        )

    def _take_back(self, live: Live) -> None:
        live.state = State.QUEUED
        self._dispatch(live)
        take_back = tasks.take_back(live.task_id)
        self._store_until_done(live, take_back, lambda _: self._taken_back(live))
        self._store.scribe.clear(live.task_id)

    def _taken_back(self, live: Live) -> None:
        """In the writer's thread."""
        crash_at(Point.PUT_BACK)
        self._observer.changed(live.task_id, live.worker, State.QUEUED)
        follows = self._leave if self._register.closed else self._return
        self._loop.call(partial(follows, live))

    def _return(self, live: Live) -> None:
        """It waits for a slot again."""
        entry = Entry(
            task_id=live.task_id,
            worker=live.worker,
            priority=live.priority,
            attempt=live.attempt,
            began=live.began,
            since=time.monotonic_ns() - live.waited,
        )
        if live.canceled_by:
            live.outcome = canceled(live, time.time_ns())
            self.withdrawn(entry, live, live.canceled_by)
        else:
            self._back(entry)

    def _leave(self, live: Live) -> None:
        """It waits for the next server, which is the one to be asked for a cancel."""
        live.refuse_cancels(ShuttingDown())
        self._forget(live, ShuttingDown())

    def _wait(self, entry: Entry) -> None:
        self._observer.changed(entry.task_id, entry.worker, State.QUEUED)
        self._back(entry)

    def _back(self, entry: Entry) -> None:
        """It waits, as is stored already. Any thread."""
        settle_all(self._register.restore(entry), ShuttingDown())
        self._dispatch(None)
        self.stop_loop_if_over()

    def _store_until_done(
        self,
        live: Live,
        operation: _Operation,
        then: Callable[[Any], None],
        pause: int = _FIRST_PAUSE,
    ) -> None:
        """What cannot be stored is kept, and tried again. Any thread; `then` is called in the writer's, with what the
        operation gave."""

        def done(result: object, error: TaskyError | None) -> None:
            if error is None:
                then(result)
            elif isinstance(error, StoreError) and not self._given_up:
                log.error("its end cannot be stored yet: %s", error, extra=live.about)
                again = partial(
                    self._store_until_done, live, operation, then, min(2 * pause, _LONGEST_PAUSE)
                )
                self._loop.call(partial(self._not_stored, live, error, pause, again))
            else:
                log.error("its end cannot be stored: %s", error, extra=live.about)
                self._loop.call(partial(self._never_stored, live, error))

        # The reserve of a full disk is for what is deleted, and for the last ends of a server that is being stopped.
        self._store.writer.post(operation, urgent=self._register.closed, done=done)

    def _not_stored(
        self, live: Live, error: TaskyError, pause: int, again: Callable[[], None]
    ) -> None:
        live.refuse_cancels(error)
        live.try_again = self._loop.later(pause, again)

    def _never_stored(self, live: Live, error: TaskyError) -> None:
        live.refuse_cancels(error)
        self._forget(live, error)

    def _tell(self, live: Live, outcome: Outcome, owed: bool) -> None:
        """The end is on disk, and with it whether anybody is to be told of it. Any thread."""
        crash_at(Point.END_STORED)
        self._observer.changed(live.task_id, live.worker, outcome.state)
        self._observer.ended(live.task_id, live.worker, outcome, outcome.duration or 0, live.waited)
        if owed:
            self._observer.owed(live.task_id)
        self._store.uploads.release(live.task_id)
        ended = Ended(live.task_id, outcome)
        for watcher in self._register.forget(live.task_id):
            watcher.settle(ended, None)
        live.process = None  # it knows its task: memory is free at once, not at the next collection
        self.stop_loop_if_over()

    def _forget(self, live: Live, error: TaskyError) -> None:
        """There will be no end. Any thread."""
        settle_all(self._register.forget(live.task_id), error)
        self.stop_loop_if_over()


def _outcome(live: Live, failure: Failure | None) -> Outcome:
    """How a task ends whose last attempt ended so."""
    state = advance(live.state, Event.FAIL if failure else Event.SUCCEED)
    return Outcome(
        state=state,
        finished=time.time_ns(),
        duration=live.duration(),
        output=_output(live.process, state),
        failure=None if state is State.CANCELED else failure,
        progress=live.progress,
    )


def _finish(task_id: str, outcome: Outcome, attempt: Attempt) -> _Operation:
    """An end by cancel goes through Canceling, even where that could not be stored at the time."""
    finish = tasks.finish(task_id, outcome, attempt)
    if outcome.state is not State.CANCELED:
        return finish
    cancel = tasks.change(task_id, Event.CANCEL)

    def operation(connection: Any) -> bool:
        cancel(connection)
        return finish(connection)

    return operation


def _output(process: Process | Conduct | None, state: State) -> str | None:
    """What it sent, whatever the end; a success without a result has the output null."""
    if process is not None and process.output.result is not None:
        return process.output.result
    return "null" if state is State.COMPLETED else None


def _text_output(remains: Remains) -> str:
    document: dict[str, object] = {"string_output": remains.output}
    if remains.truncated:
        document["truncated"] = True
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
