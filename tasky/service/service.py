"""The verbs: submit, cancel, pause, restart, ... Every one may be called by any thread, and blocks until it is done."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

from ..errors import (
    Conflict,
    NotFound,
    ShuttingDown,
    UnknownTask,
    UnknownWorker,
    WrongState,
)
from ..model.states import TERMINAL, State
from ..model.task import Artifact, Idempotency, NewTask, Task
from ..model.worker import WorkerDefinition
from ..store import LogReader, Query, Store
from ..supervisor import NotLive, Supervisor, Watcher
from .files import open_regular
from .submission import DEFAULTS, Options, Submitted, idempotency
from .workers import Definitions, Workers, WorkerView

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Service:
    """What HTTP (and later chains) call. It keeps nothing itself: the store and the supervisor do."""

    def __init__(self, store: Store, supervisor: Supervisor, catalogue: Definitions) -> None:
        self._store: Final = store
        self._supervisor: Final = supervisor
        self._workers: Final = Workers(store, catalogue)

    # ------------------------------------------------------------------ workers

    def workers(self) -> list[WorkerView]:
        return self._workers.views(self._supervisor.counts())

    def worker(self, name: str) -> WorkerView:
        return self._workers.view(name, self._supervisor.counts())

    def enable(self, name: str) -> WorkerView:
        self._workers.set_enabled(name, True)
        return self.worker(name)

    def disable(self, name: str) -> WorkerView:
        """It refuses new tasks from now on; those that run or wait go on."""
        self._workers.set_enabled(name, False)
        return self.worker(name)

    def secrets(self, task: Task) -> frozenset[str]:
        """The parameters that nobody is shown: secret when it was submitted, or by now."""
        try:
            now = self._workers.definition(task.worker).parameters.secrets
        except UnknownWorker:
            now = frozenset()
        return now.union(task.secrets)

    # ------------------------------------------------------------------ in

    def check_usable(self, worker: str) -> None:
        """UnknownWorker or WorkerDisabled, before anything else of a submission is looked at."""
        self._workers.usable(worker)

    def submit(
        self,
        worker: str,
        params: Mapping[str, Any],
        options: Options = DEFAULTS,
        wait: float | None = None,
    ) -> Submitted:
        """A new task, on disk when this returns. With `wait` (seconds) it returns when the task has ended, or the time
        is up. A repeat of an earlier one (Options.idempotency_key) is answered with that one's task, whatever has
        become of the worker and the queue.

        Raises UnknownWorker, WorkerDisabled, InvalidParams, IdempotencyConflict, QueueFull, ShuttingDown, StoreError.
        """
        key = idempotency(options.idempotency_key, worker.lower(), params)
        if (first := self._first(key)) is not None:
            return self._await(first, None, wait)
        definition = self._workers.usable(worker)
        new = NewTask(
            id=self._store.ids.new(),
            worker=definition.name,
            params=definition.parameters.check(params),
            created=time.time_ns(),
            priority=options.priority,
            labels=options.labels,
            not_before=options.not_before,
            timeout=options.timeout,
            idempotency=key,
            secrets=tuple(sorted(definition.parameters.secrets)),
        )
        return self._start(new, definition, wait)

    def restart(self, task_id: str, idempotency_key: str | None = None) -> Submitted:
        """A new task of the same worker with the same parameters, priority, labels and timeout. Its parameters must fit
        the worker as it is defined now; what was left to a default keeps the value that it had."""
        task = self.task(task_id)
        key = idempotency(idempotency_key, task.worker, {"restart of": task_id})
        if (first := self._first(key)) is not None:
            return first
        try:
            definition = self._workers.usable(task.worker)
        except UnknownWorker:
            raise Conflict(f"the worker {task.worker} of this task is no longer there") from None
        new = NewTask(
            id=self._store.ids.new(),
            worker=definition.name,
            params=definition.parameters.check(task.params, self.secrets(task)),
            created=time.time_ns(),
            priority=task.priority,
            labels=task.labels,
            timeout=task.timeout,
            idempotency=key,
            restart_of=task_id,
            secrets=tuple(sorted(self.secrets(task))),
        )
        return self._start(new, definition, None)

    def _first(self, key: Idempotency | None) -> Submitted | None:
        """The earlier submission that this one repeats."""
        task_id = None if key is None else self._store.reader.first(key)
        return None if task_id is None else Submitted(task_id, created=False)

    def _start(self, new: NewTask, definition: WorkerDefinition, wait: float | None) -> Submitted:
        accepted = self._supervisor.submit(new, definition, watch=wait is not None)
        submitted = Submitted(accepted.task_id, accepted.created)
        return self._await(submitted, accepted.watcher, wait)

    def _await(
        self, submitted: Submitted, watcher: Watcher | None, seconds: float | None
    ) -> Submitted:
        """The same with its end, if that is waited for, and comes in time."""
        if seconds is None:
            return submitted
        watcher = watcher or self._supervisor.watch(submitted.task_id)
        if watcher is None:
            return submitted
        try:
            return replace(submitted, ended=watcher.wait(seconds))
        except ShuttingDown:  # it stays in the queue of the next start
            self._store.writer.sync()
            return submitted

    # ------------------------------------------------------------------ live tasks

    def cancel(self, task_id: str, grace: int | None = None) -> State:
        """Canceling, or Canceled if it waited; `grace` (ns) shortens the worker's own. WrongState if it has ended."""
        check_id(task_id)
        try:
            return self._supervisor.cancel(task_id, grace)
        except NotLive:
            raise self._not_live(task_id, "canceled") from None

    def pause(self, task_id: str) -> State:
        """Freezes it. WrongState unless it runs."""
        check_id(task_id)
        try:
            return self._supervisor.pause(task_id)
        except NotLive:
            raise self._not_live(task_id, "paused") from None

    def resume(self, task_id: str) -> State:
        check_id(task_id)
        try:
            return self._supervisor.resume(task_id)
        except NotLive:
            raise self._not_live(task_id, "resumed") from None

    def _not_live(self, task_id: str, participle: str) -> Exception:
        """Why the supervisor does not know the task."""
        state = self._store.reader.state(task_id)
        if state is None:
            return _unknown(task_id)
        if state not in TERMINAL:  # the supervisor has stopped
            return ShuttingDown()
        return WrongState(f"a task that is {state} cannot be {participle}", state)

    # ------------------------------------------------------------------ look

    def tasks(self, query: Query) -> tuple[list[Task], str | None]:
        """A page, newest first, and the cursor of the next one. Parameters, output and former attempts are left out."""
        found, after = self._store.reader.page(query)
        return [self._latest(task) for task in found], after

    def task(self, task_id: str) -> Task:
        check_id(task_id)
        task = self._store.reader.get(task_id)
        if task is None:
            raise _unknown(task_id)
        return self._latest(task)

    def _latest(self, task: Task) -> Task:
        """Progress is stored now and then only; the supervisor has the latest."""
        if task.state in TERMINAL:
            return task
        progress = self._supervisor.progress(task.id)
        return task if progress is None else replace(task, progress=progress)

    def log(self, task_id: str) -> LogReader:
        self._known(task_id)
        return self._store.log(task_id)

    def artifact(self, task_id: str, path: str) -> tuple[Artifact, BinaryIO]:
        """An artifact, and its file, to be closed by the caller. Only what is in the task's row is ever opened."""
        found = next((item for item in self.task(task_id).artifacts if item.path == path), None)
        if found is None:
            raise NotFound("the task has no such file")
        opened = open_regular(self._store.folders.files(task_id) / found.path)
        if opened is None:
            raise NotFound("the file is gone")
        file, size = opened
        return replace(found, size=size), file

    def delete(self, task_id: str) -> None:
        """Forgets a finished task and removes its files; WrongState if it has not ended."""
        check_id(task_id)
        self._store.delete(task_id)

    def _known(self, task_id: str) -> State:
        check_id(task_id)
        state = self._store.reader.state(task_id)
        if state is None:
            raise _unknown(task_id)
        return state


def check_id(task_id: str) -> None:
    """UnknownTask for what cannot be an id: nothing else is ever looked up, or made a path of."""
    if _ID.fullmatch(task_id) is None:
        raise _unknown(task_id)


def _unknown(task_id: str) -> UnknownTask:
    return UnknownTask(f"there is no task {task_id[:64]!r}")
