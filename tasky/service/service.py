"""The verbs: submit, cancel, pause, restart, ... Every one may be called by any thread, and blocks until it is done."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

from ..errors import (
    Conflict,
    HostRefused,
    NotFound,
    ShuttingDown,
    StoreError,
    TaskyError,
    UnknownTask,
    UnknownWorker,
    WrongState,
)
from ..model.access import ANYBODY, Principal
from ..model.chain import AD_HOC
from ..model.notify import AllowedHosts, Hook, Url
from ..model.params import Parameters
from ..model.states import TERMINAL, State
from ..model.task import Artifact, Idempotency, NewTask, Task
from ..model.worker import WorkerDefinition, ad_hoc
from ..store import LogReader, Query, Staged, Store
from ..supervisor import Counts, NotLive, Supervisor, Watcher
from .chains import Chains, chain_of
from .events import Hub
from .files import open_regular
from .history import History, Overview, Window
from .schedules import Schedules
from .submission import DEFAULTS, Form, Options, Submitted, idempotency
from .workers import Definitions, Workers, WorkerView

#: Of the tasks that had ended before the start, so many are in the overview.
_PAST: Final = 10_000
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Service:
    """What HTTP (and later chains) call. It keeps nothing itself: the store and the supervisor do."""

    def __init__(
        self,
        store: Store,
        supervisor: Supervisor,
        catalogue: Definitions,
        events: Hub | None = None,
        hook_hosts: AllowedHosts | None = None,
        history: History | None = None,
    ) -> None:
        """`events` is the hub that the supervisor and the store tell; without one, streams hear nothing. `hook_hosts`
        are those to which clients may have notifications sent: none. `history` is what the supervisor tells, too, and
        the overview is made of."""
        self._history: Final = history or History()
        self._hook_hosts: Final = hook_hosts or AllowedHosts()
        self._store: Final = store
        self._supervisor: Final = supervisor
        self._workers: Final = Workers(store, catalogue)
        self.chains: Final = Chains(store, self._workers)
        self.schedules: Final = Schedules(
            store, self._workers, supervisor.submit, supervisor.cancel
        )
        supervisor.switch(self._workers.takes_tasks)
        self.events: Final = events or Hub()
        self.events.look(lambda task_id: store.log(task_id).last(), supervisor.worker_of)

    # ------------------------------------------------------------------ workers

    def workers(self, by: Principal = ANYBODY) -> list[WorkerView]:
        """Those that one may see."""
        views = self._workers.views(self._supervisor.counts())
        return [view for view in views if by.sees_worker(view.definition.name)]

    @property
    def definitions(self) -> Mapping[str, WorkerDefinition]:
        """Those in force, by name. It never changes: a reload puts another in its place."""
        return self._workers.definitions

    def worker(self, name: str) -> WorkerView:
        return self._workers.view(name, self._supervisor.counts())

    def enable(self, name: str) -> WorkerView:
        self._workers.set_enabled(name, True)
        self._supervisor.switch(self._workers.takes_tasks)
        return self.worker(name)

    def disable(self, name: str) -> WorkerView:
        """It refuses new tasks from now on; those that run or wait go on."""
        self._workers.set_enabled(name, False)
        self._supervisor.switch(self._workers.takes_tasks)
        return self.worker(name)

    def counts(self, by: Principal = ANYBODY) -> dict[str, Counts]:
        """What runs and waits, by worker: of those that one may see."""
        counts = self._supervisor.counts()
        return {worker: each for worker, each in counts.items() if by.sees_worker(worker)}

    def overview(self, window: Window, by: Principal = ANYBODY) -> Overview:
        """What has happened lately with the workers that one may see."""
        self._history.remember(lambda after, until: self._store.reader.ends(after, until, _PAST))
        self._history.look(self._supervisor.counts())
        return self._history.overview(window, by.sees_worker)

    @property
    def files(self) -> Mapping[str, str]:
        """The names of the files that define the workers, by worker."""
        return self._workers.files

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
        form: Form | None = None,
    ) -> Submitted:
        """A new task, on disk when this returns. With `wait` (seconds) it returns when the task has ended, or the time
        is up. A repeat of an earlier one (Options.idempotency_key) is answered with that one's task, whatever has
        become of the worker and the queue. The files of a `form` are among the params, as Uploads.

        Raises UnknownWorker, WorkerDisabled, InvalidParams, IdempotencyConflict, QueueFull, ShuttingDown, StoreError.
        """
        body = params if form is None else form.body
        key = idempotency(options.idempotency_key, worker.lower(), body, options.by)
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
            notify=(*definition.notify, *self._allowed(options.notify)),
            by=options.by.name or None,
            chain=chain_of(definition),
        )
        if form is None:
            return self._start(new, definition, wait)
        return self._start_with(form.files, new, definition, wait)

    def submit_chain(
        self, body: Mapping[str, Any], options: Options = DEFAULTS, wait: float | None = None
    ) -> Submitted:
        """A chain that a client sends; see `submit`, and Chains.sent for what it may have."""
        key = idempotency(options.idempotency_key, AD_HOC, body, options.by)
        if (first := self._first(key)) is not None:
            return self._await(first, None, wait)
        new = self.chains.sent(body, options)
        new = replace(new, idempotency=key, notify=self._allowed(options.notify))
        return self._start(new, ad_hoc(), wait)

    def restart(
        self,
        task_id: str,
        idempotency_key: str | None = None,
        by: Principal = ANYBODY,
        *,
        from_failed: bool = False,
    ) -> Submitted:
        """A new task of the same worker with the same parameters, priority, labels and timeout. Its parameters must fit
        the worker as it is defined now; what was left to a default keeps the value that it had. `from_failed`: of a
        chain, whose steps are those that it had, only what has not completed."""
        task = self.task(task_id)
        body = {"rest of" if from_failed else "restart of": task_id}
        key = idempotency(idempotency_key, task.worker, body, by)
        if (first := self._first(key)) is not None:
            return first
        again = self.chains.again(task, by)
        chain, definition = again or (None, self._again(task))
        hidden = self.secrets(task)
        new = NewTask(
            id=self._store.ids.new(),
            worker=definition.name,
            params=task.params if again else definition.parameters.check(task.params, hidden),
            created=time.time_ns(),
            priority=task.priority,
            labels=task.labels,
            timeout=task.timeout,
            idempotency=key,
            restart_of=task_id,
            secrets=tuple(sorted(hidden)),
            notify=(*definition.notify, *self._asked_for(task_id)),
            by=by.name or None,
            chain=self.chains.resumed(task) if from_failed else chain or chain_of(definition),
        )
        return self._start(new, definition, None)

    def _again(self, task: Task) -> WorkerDefinition:
        """That of the worker, if the task can be made once more."""
        try:
            definition = self._workers.usable(task.worker)
        except UnknownWorker:
            raise Conflict(f"the worker {task.worker} of this task is no longer there") from None
        if definition.parameters.uploads(task.params):
            raise Conflict(
                "the files of this task were kept for it alone: make a new task and send them again"
            )
        return definition

    def parameters(self, worker: str) -> Parameters:
        return self._workers.definition(worker).parameters

    def takes_files(self, worker: str) -> bool:
        """Whether there is such a worker, and a parameter of it takes a file."""
        try:
            return bool(self.parameters(worker).files)
        except UnknownWorker:
            return False

    def stage(self, size: int) -> Staged:
        """For the files of a submission that has so many bytes. StoreFull if there is no room for them."""
        self._store.uploads.admit(size)
        return self._store.uploads.stage()

    def _start_with(
        self, files: Staged, new: NewTask, definition: WorkerDefinition, wait: float | None
    ) -> Submitted:
        """Its files are on disk before the task is: what is answered has all that it needs."""
        files.keep(new.id)
        try:
            submitted = self._start(new, definition, wait)
        except TaskyError:
            with contextlib.suppress(StoreError):  # else the next start does it
                if self._store.reader.state(new.id) is None:
                    self._store.uploads.release(new.id)
            raise
        if not submitted.created:
            self._store.uploads.release(new.id)
        return submitted

    def _allowed(self, hooks: tuple[Hook, ...]) -> tuple[Hook, ...]:
        """The same; HostRefused if one leads where the operator has not allowed it."""
        for hook in hooks:
            host = Url.parse(hook.url).host
            if not self._hook_hosts.allows(host):
                raise HostRefused(f"notify: this server sends no notifications to {host}")
        return hooks

    def _asked_for(self, task_id: str) -> list[Hook]:
        """By the client that submitted the task. Whether it is still allowed is looked at again before it is sent."""
        return [hook for hook in self._store.reader.hooks(task_id) if not hook.trusted]

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

    def summary(self, task_id: str) -> Task | None:
        """As `tasks` has it; None if there is no such task."""
        return self._store.reader.summary(task_id)

    def sees(self, by: Principal, task_id: str, worker: str) -> bool:
        """Whether somebody may see a task of this worker."""
        if by.sees_task(worker, None):
            return True
        if not by.sees_task(worker, by.name):
            return False
        origin = self._store.reader.origin(task_id)
        return origin is not None and by.sees_task(*origin)

    def log_of(self, task_id: str) -> LogReader:
        """As `log`, for a task that there is, or was a moment ago."""
        return self._store.log(task_id)

    def state(self, task_id: str) -> State | None:
        return self._store.reader.state(task_id)

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
