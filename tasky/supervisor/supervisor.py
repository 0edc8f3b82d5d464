"""The supervisor: every live task's way from a free slot to its outcome.

Tasks come in from HTTP threads (`submit`), are stored by the store's writer, started by the spawner
and watched by the loop. What a method does not say otherwise runs in the loop's thread, where
cancel, pause and the natural end of a task meet, so that exactly one of them comes first.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from ..errors import TaskyError
from ..model.outcome import Reason, decide
from ..model.states import Event, State, advance, can
from ..model.task import Attempt, Failure, FailureCode, NewTask, Outcome, Progress
from ..model.worker import WorkerDefinition
from ..store import Remains, Store, tasks
from .live import Live
from .loop import Loop
from .process import Process
from .promise import Promise
from .queue import Counts, Entry
from .recovery import recover
from .register import Register
from .spawner import Launch, Shortage, Spawned, Spawner, spawn
from .watch import Ended, NotLive, Submission, Watcher, wrong_state

log = logging.getLogger(__name__)

_SECOND: Final = 1_000_000_000
#: How often progress is stored (readers get the latest from memory), in ns.
_SAVE_PROGRESS: Final = _SECOND
#: A start that the system is too short for is tried again this often, after pauses that double
#: from 100 ms.
_MAX_TRIES: Final = 8
#: The wall clock may be set: a delayed task's time is looked at again this often, in ns.
_LOOK_AGAIN: Final = 30 * _SECOND


class Supervisor:
    """Runs tasks; one for each server. `start` it, then `drain`, `join` and `close` it."""

    def __init__(
        self,
        store: Store,
        definitions: Mapping[str, WorkerDefinition],
        *,
        max_tasks: int,
        max_queued: int,
        max_line: int,
    ) -> None:
        self._store: Final = store
        self._max_line: Final = max_line
        self._register: Final = Register(definitions, max_tasks, max_queued)
        self._loop: Final = Loop()
        self._thread: Final = threading.Thread(
            target=self._loop.run, name="supervisor", daemon=True
        )
        self._spawner: Final = Spawner()
        self._saving = False
        self._due_armed = False

    # ------------------------------------------------------------------ for the daemon

    def start(self) -> None:
        """Settles what a killed server left behind, then starts what is queued."""
        recover(self._store)
        for row in self._store.reader.queued():
            self._register.restore(
                Entry(
                    task_id=row.id,
                    worker=row.worker,
                    priority=row.priority,
                    not_before=row.not_before,
                )
            )
        self._spawner.start()
        self._thread.start()
        self._loop.call(self._dispatch)

    def reload(self, definitions: Mapping[str, WorkerDefinition]) -> None:
        """New definitions for tasks that start from now on."""
        self._register.redefine(definitions)
        self._loop.call(self._dispatch)

    def drain(self) -> None:
        """No new task; the running ones get SIGTERM, their grace, SIGKILL. What is queued stays so.
        `join` waits for the end."""
        self._register.close()
        self._loop.call(partial(self._stop_all, None))

    def kill_now(self) -> None:
        """Ends the grace of every task."""
        self._loop.call(partial(self._stop_all, 0))

    def join(self, seconds: float | None = None) -> bool:
        """Waits until `drain` is done; False when `seconds` are over before."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Frees what is left after `join`. Nobody may ask for anything any more."""
        self._spawner.close()
        self._loop.close()

    # ------------------------------------------------------------------ for the service

    def submit(
        self, new: NewTask, definition: WorkerDefinition, *, watch: bool = False
    ) -> Submission:
        """Stores a task, and starts it if a slot is free.

        Returns when the task is on disk. With `watch` it may return before that: the client must
        then be answered from the watcher only. Raises QueueFull, ShuttingDown,
        IdempotencyConflict, StoreError.
        """
        now = time.time_ns()
        live = self._register.admit(new, definition, now)
        watcher = self._register.watch(new.id, self._unwatch) if watch else None
        stored: Promise[str] = Promise()
        self._store.writer.post(
            tasks.insert(new, now if live else None),
            durable=watcher is None,
            done=partial(self._inserted, new, live, stored),
        )
        if watcher is not None and new.idempotency is None:
            return Submission(new.id, True, watcher)
        task_id = stored.get()
        created = task_id == new.id
        return Submission(task_id, created, watcher if created else None)

    def watch(self, task_id: str) -> Watcher | None:
        """A watcher of a live task's end; None if it is not live."""
        return self._register.watch_live(task_id, self._unwatch)

    def cancel(self, task_id: str, grace: int | None = None) -> State:
        """Canceled (it waited) or Canceling. `grace` (ns) can only shorten the worker's own."""
        return self._ask(partial(self._cancel, task_id, grace))

    def pause(self, task_id: str) -> State:
        return self._ask(partial(self._pause, task_id))

    def resume(self, task_id: str) -> State:
        return self._ask(partial(self._resume, task_id))

    def progress(self, task_id: str) -> Progress | None:
        """The latest, if the task is live."""
        live = self._register.live(task_id)
        return live.progress if live else None

    def counts(self) -> dict[str, Counts]:
        """Running and queued tasks per worker; a worker without any is absent."""
        return self._register.counts()

    # ------------------------------------------------------------------ in

    def _inserted(
        self,
        new: NewTask,
        live: Live | None,
        stored: Promise[str],
        task_id: str | None,
        error: TaskyError | None,
    ) -> None:
        """In the writer's thread: the task is stored (or was before, or cannot be)."""
        if task_id != new.id:
            for watcher in self._register.turn_away(new, live):
                watcher.settle(None, error)
            self._dispatch()
            self._end_if_drained()
        elif live is not None:
            self._spawner.post(partial(self._launch, live))
        else:
            self._register.enqueue(
                Entry(
                    task_id=new.id,
                    worker=new.worker,
                    priority=new.priority,
                    not_before=new.not_before,
                )
            )
            self._dispatch()
        stored.settle(task_id, error)

    def _dispatch(self) -> None:
        """Starts what may start now. Any thread."""
        lives, due = self._register.start(time.time_ns())
        for live in lives:
            self._begin(live)
        if due is not None and not self._due_armed:
            self._due_armed = True
            self._loop.call(partial(self._arm_due, due))

    def _arm_due(self, due: int) -> None:
        delay = max(0, due - time.time_ns())
        self._loop.later(min(delay, _LOOK_AGAIN), self._dispatch_due)

    def _dispatch_due(self) -> None:
        self._due_armed = False
        self._dispatch()

    def _begin(self, live: Live) -> None:
        """Stores that a queued task starts: before it does, so that it can never run twice."""
        self._store.writer.post(
            tasks.start(live.task_id, live.attempt, live.started), done=partial(self._begun, live)
        )

    def _begun(self, live: Live, _: object, error: TaskyError | None) -> None:
        """In the writer's thread."""
        if error is None:
            self._spawner.post(partial(self._launch, live))
        else:
            log.error("task=%s its start cannot be stored yet: %s", live.task_id, error)
            self._later(partial(self._begin, live))

    # ------------------------------------------------------------------ the start

    def _launch(self, live: Live) -> None:
        """In the spawner's thread."""
        if live.stop is not None:
            self._loop.call(partial(self._never_started, live, None))
            return
        try:
            spawned = spawn(self._prepare(live))
        except Shortage as error:
            self._loop.call(partial(self._short, live, error))
        except (TaskyError, OSError) as error:
            self._loop.call(partial(self._never_started, live, error))
        else:
            self._loop.call(partial(self._spawned, live, spawned))

    def _prepare(self, live: Live) -> Launch:
        definition = live.definition
        if definition is None:
            raise TaskyError("the worker was removed while the task waited")
        if live.params is None:
            task = self._store.reader.get(live.task_id)
            if task is None:
                raise TaskyError("the task is not in the store")
            # The definition may be another than the one that it was submitted under.
            live.params = definition.parameters.check(task.params)
            live.timeout = definition.timeout if task.timeout is None else task.timeout
        workdir = self._store.folders.create(live.task_id)
        live.began = time.monotonic_ns()
        return Launch(
            task_id=live.task_id,
            definition=definition,
            params=live.params,
            attempt=live.attempt,
            workdir=str(workdir),
        )

    def _short(self, live: Live, error: Shortage) -> None:
        live.tries += 1
        if live.tries > _MAX_TRIES:
            self._never_started(live, error)
            return
        log.warning("task=%s %s; trying again", live.task_id, error)
        pause = _SECOND // 10 << live.tries - 1
        self._loop.later(pause, lambda: self._spawner.post(partial(self._launch, live)))

    def _spawned(self, live: Live, spawned: Spawned) -> None:
        assert live.definition is not None
        assert live.params is not None
        live.process = Process(
            spawned,
            task_id=live.task_id,
            definition=live.definition,
            masker=live.definition.parameters.masker(live.params),
            max_line=self._max_line,
            loop=self._loop,
            scribe=self._store.scribe,
            ended=partial(self._process_ended, live),
        )
        live.params = None
        if live.stop is not None:
            live.process.stop(*live.stop)
        elif live.state is State.PAUSED:
            live.process.freeze()
        else:
            live.set_alarm(self._loop, partial(self._time_out, live))
        self._save_progress_later()

    # ------------------------------------------------------------------ commands

    def _ask(self, command: Callable[[Promise[State]], None]) -> State:
        """Has a command carried out by the loop. Any thread but that."""
        answer: Promise[State] = Promise()
        self._loop.call(partial(self._carry_out, command, answer))
        while not answer.wait(1):
            if not self._thread.is_alive():  # drained meanwhile: nothing is live
                raise NotLive
        return answer.get()

    def _carry_out(self, command: Callable[[Promise[State]], None], answer: Promise[State]) -> None:
        try:
            command(answer)
        except TaskyError as error:
            answer.fail(error)

    def _find(self, task_id: str, event: Event) -> Live:
        """The live task, if `event` may happen to it."""
        live = self._register.live(task_id)
        if live is None:
            if self._register.is_queued(task_id):
                raise wrong_state(State.QUEUED, event)
            raise NotLive
        state = live.outcome.state if live.outcome else live.state
        if not can(state, event):
            raise wrong_state(state, event)
        return live

    def _cancel(self, task_id: str, grace: int | None, answer: Promise[State]) -> None:
        entry = self._register.remove_queued(task_id)
        if entry is not None:
            self._cancel_queued(entry, answer)
            return
        live = self._find(task_id, Event.CANCEL)
        own = live.kill_grace
        self._stop(live, Reason.CANCEL, own if grace is None else min(grace, own))
        self._change(live, Event.CANCEL, answer)

    def _cancel_queued(self, entry: Entry, answer: Promise[State]) -> None:
        outcome = Outcome(state=State.CANCELED, finished=time.time_ns())

        def done(_: object, error: TaskyError | None) -> None:
            if error is None:
                self._tell(entry.task_id, outcome)
            else:  # it stays in the queue, as the client is told
                self._register.restore(entry)
            answer.settle(State.CANCELED, error)

        self._store.writer.post(tasks.finish(entry.task_id, outcome, None), done=done)

    def _pause(self, task_id: str, answer: Promise[State]) -> None:
        live = self._find(task_id, Event.PAUSE)
        if live.process is not None:
            live.process.freeze()
        live.hold_alarm()
        self._change(live, Event.PAUSE, answer)

    def _resume(self, task_id: str, answer: Promise[State]) -> None:
        live = self._find(task_id, Event.RESUME)
        if live.state is State.PAUSED and live.process is not None:
            live.process.thaw()
            live.set_alarm(self._loop, partial(self._time_out, live))
        self._change(live, Event.RESUME, answer)

    def _change(self, live: Live, event: Event, answer: Promise[State]) -> None:
        """Answers when the new state is stored; at once if it is none."""
        state = advance(live.state, event)
        if state is live.state:
            answer.keep(state)
            return
        live.state = state
        self._store.writer.post(tasks.change(live.task_id, event), done=answer.settle)

    def _stop(self, live: Live, reason: Reason, grace: int) -> None:
        live.hold_alarm()
        if live.process is not None:
            live.process.stop(reason, grace)
        elif live.stop is None:
            live.stop = (reason, grace)

    def _time_out(self, live: Live) -> None:
        self._stop(live, Reason.TIMEOUT, live.kill_grace)

    def _stop_all(self, grace: int | None) -> None:
        for live in self._register.lives():
            self._stop(live, Reason.SHUTDOWN, live.kill_grace if grace is None else grace)
        self._end_if_drained()

    # ------------------------------------------------------------------ the end

    def _never_started(self, live: Live, error: Exception | None) -> None:
        """No process came of it: stopped before, or it could not be started."""
        code, message = FailureCode.SHUTDOWN, "the server was stopped before the task was started"
        if error is not None:
            code = FailureCode.SPAWN
            known = isinstance(error, TaskyError)
            message = str(error) if known else "the task's folder could not be made"
            log.warning("task=%s worker=%s not started: %s", live.task_id, live.worker, error)
        self._end(live, Failure(code=code, message=message))

    def _process_ended(self, live: Live, process: Process) -> None:
        _, failure = decide(process.ending(live.timeout))
        self._end(live, failure)

    def _end(self, live: Live, failure: Failure | None) -> None:
        """Frees the slot; then come the files, then the row, then those who wait."""
        live.hold_alarm()
        process = live.process
        state = advance(live.state, Event.FAIL if failure else Event.SUCCEED)
        live.outcome = outcome = Outcome(
            state=state,
            finished=time.time_ns(),
            duration=live.duration(),
            output=_output(process, state),
            failure=None if state is State.CANCELED else failure,
            progress=live.progress,
        )
        self._register.release(live)
        self._dispatch()
        if process is not None and (process.logged or process.artifacts):
            self._store.scribe.finish(
                live.task_id,
                artifacts=process.artifacts,
                want_output=process.result is None and state is State.COMPLETED,
                done=partial(self._commit_with, live),
            )
        else:
            self._commit(live, outcome)
            self._store.scribe.finish(
                live.task_id, artifacts=(), want_output=False, done=lambda _: None
            )

    def _commit_with(self, live: Live, remains: Remains) -> None:
        """In the scribe's thread: the files are settled."""
        assert live.outcome is not None
        output = live.outcome.output if remains.output is None else _text_output(remains)
        self._commit(live, replace(live.outcome, output=output, artifacts=remains.artifacts))

    def _commit(self, live: Live, outcome: Outcome) -> None:
        """Stores the end. Any thread."""
        self._store.writer.post(
            _finish(live.task_id, outcome, live.last_attempt(outcome)),
            done=partial(self._committed, live, outcome),
        )

    def _committed(self, live: Live, outcome: Outcome, _: object, error: TaskyError | None) -> None:
        """In the writer's thread. An end that cannot be stored is kept, and tried again."""
        if error is None:
            self._tell(live.task_id, outcome)
            self._end_if_drained()
        else:
            log.error("task=%s its end cannot be stored yet: %s", live.task_id, error)
            self._later(partial(self._commit, live, outcome))

    def _tell(self, task_id: str, outcome: Outcome) -> None:
        """The end is on disk. Any thread."""
        for watcher in self._register.forget(task_id):
            watcher.settle(Ended(task_id, outcome), None)

    def _end_if_drained(self) -> None:
        if self._register.over:
            self._loop.stop()

    def _unwatch(self, watcher: Watcher) -> None:
        """In the HTTP thread of a watcher whose time is up: its task is synced before it answers."""
        self._register.unwatch(watcher)
        self._store.writer.sync()

    def _later(self, function: Callable[[], object]) -> None:
        """In a second, in the loop. Any thread."""
        self._loop.call(partial(self._loop.later, _SECOND, function))

    # ------------------------------------------------------------------ progress

    def _save_progress_later(self) -> None:
        if not self._saving:
            self._saving = True
            self._loop.later(_SAVE_PROGRESS, self._save_progress)

    def _save_progress(self) -> None:
        self._saving = False
        lives = self._register.lives()
        changed = [pair for live in lives if (pair := live.unsaved_progress()) is not None]
        if changed:
            self._store.writer.post(tasks.save_progress(changed), durable=False)
        if lives:
            self._save_progress_later()


def _finish(task_id: str, outcome: Outcome, attempt: Attempt) -> tasks.Operation[None]:
    """An end by cancel goes through Canceling, even where that could not be stored at the time."""
    finish = tasks.finish(task_id, outcome, attempt)
    if outcome.state is not State.CANCELED:
        return finish
    cancel = tasks.change(task_id, Event.CANCEL)

    def operation(connection: tasks.Connection) -> None:
        cancel(connection)
        finish(connection)

    return operation


def _output(process: Process | None, state: State) -> str | None:
    """What it sent, whatever the end; a success without a result has the output null."""
    if process is not None and process.result is not None:
        return process.result
    return "null" if state is State.COMPLETED else None


def _text_output(remains: Remains) -> str:
    document: dict[str, object] = {"string_output": remains.output}
    if remains.truncated:
        document["truncated"] = True
    return json.dumps(document, ensure_ascii=False)
