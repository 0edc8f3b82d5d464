"""How a task comes in: admitted, stored, and started if a slot is free."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from ..crash import Point, crash_at
from ..errors import ShuttingDown, TaskyError
from ..model.states import State
from ..model.task import NewTask
from ..model.worker import WorkerDefinition
from ..store import Store
from .ends import Ends
from .live import Live
from .observer import Observer
from .promise import Promise
from .queue import Entry
from .register import Register
from .starts import Starts
from .watch import Submission, Watcher, settle_all

#: Told the id of a task that is stored, or why it is not.
Stored: TypeAlias = Callable[[str | None, TaskyError | None], None]


class Intake:
    """For any thread."""

    def __init__(
        self, store: Store, register: Register, starts: Starts, ends: Ends, observer: Observer
    ) -> None:
        self._store: Final = store
        self._register: Final = register
        self._starts: Final = starts
        self._ends: Final = ends
        self._observer: Final = observer

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
        watcher = self._register.watch(new.id, self.unwatch) if watch else None
        from_watcher = watcher is not None and new.idempotency is None
        stored: Promise[str] = Promise()
        crash_at(Point.SUBMITTED)
        self._insert(new, live, now, stored.settle, durable=not from_watcher)
        if from_watcher:
            return Submission(new.id, True, watcher)
        task_id = stored.get()
        created = task_id == new.id
        return Submission(task_id, created, watcher if created else None)

    def post(self, new: NewTask, definition: WorkerDefinition, stored: Stored) -> None:
        """`submit` of a task that nobody waits for."""
        now = time.time_ns()
        live = self._register.admit(new, definition, now)
        self._insert(new, live, now, stored, durable=True)

    def _insert(
        self, new: NewTask, live: Live | None, now: int, stored: Stored, *, durable: bool
    ) -> None:
        self._store.writer.post(
            self._store.insert(new, now if live else None),
            durable=durable,
            done=partial(self._inserted, new, live, stored),
        )

    def _inserted(
        self,
        new: NewTask,
        live: Live | None,
        stored: Stored,
        task_id: str | None,
        error: TaskyError | None,
    ) -> None:
        """In the writer's thread: the task is stored (or was before, or cannot be)."""
        crash_at(Point.INSERTED)
        if task_id != new.id:
            settle_all(self._register.turn_away(new.id, waits=live is None), error)
            self._starts.dispatch(freed=live)
            self._ends.stop_loop_if_over()
        elif live is not None:
            self._observer.queued(new.id, new.worker)
            self._starts.launch(live)
        else:
            entry = Entry(
                task_id=new.id,
                worker=new.worker,
                priority=new.priority,
                not_before=new.not_before,
                since=time.monotonic_ns(),
            )
            self._observer.queued(new.id, new.worker)
            self._observer.changed(new.id, new.worker, State.QUEUED)
            settle_all(self._register.enqueue(entry), ShuttingDown())
            self._starts.dispatch()
        stored(task_id, error)

    def unwatch(self, watcher: Watcher) -> None:
        """In the HTTP thread of a watcher whose time is up. It learns here if its task could not be stored."""
        self._store.writer.sync()
        self._register.unwatch(watcher)
