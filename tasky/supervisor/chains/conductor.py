"""The thread in which chains go on: it reads what their tasks gave, evaluates expressions, has tasks made.

It is told of the ends of tasks as any observer is; what it has done to others is done by the supervisor's loop.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

from ...crash import Point, crash_at
from ...errors import QueueFull, ShuttingDown, StoreError, TaskyError
from ...logs import about
from ...model.chain.records import End, Key, Order
from ...model.states import State
from ...model.task import Failure, FailureCode, NewTask, Outcome, Part, Task
from ...model.worker import WorkerDefinition
from ...store import Store, chains
from ..observer import Observer
from .conduct import Asked, Conduct
from .opening import opened
from .telling import Teller

log = logging.getLogger(__name__)

#: What cannot be made or read now is tried again after this pause, in ns.
_AGAIN: Final = 1_000_000_000

#: Makes a new task of an order of a chain's task: raises a TaskyError that says why it cannot be.
Prepare: TypeAlias = Callable[[Order, Task], tuple[NewTask, WorkerDefinition]]


class Conductor(Observer):
    """`submit(new, definition, stored)` has a task stored and started; `stored(task_id, error)` is called when that is
    done. `cancel(task_id, grace)`, `pause(task_id)` and `resume(task_id)` are commands that may come too late.
    `later(ns, call)` has something called in the loop's thread. `ended(conduct)` is called once for each."""

    def __init__(
        self,
        store: Store,
        observer: Observer,
        *,
        submit: Callable[
            [NewTask, WorkerDefinition, Callable[[str | None, TaskyError | None], None]], None
        ],
        cancel: Callable[[str, int], None],
        pause: Callable[[str], None],
        resume: Callable[[str], None],
        interrupted: Callable[[Conduct], None],
        later: Callable[[int, Callable[[], object]], object],
        ended: Callable[[Conduct], None],
    ) -> None:
        self.prepare: Prepare = _nothing_prepared
        self._store: Final = store
        self._teller: Final = Teller(store, observer)
        self._submit: Final = submit
        self._cancel: Final = cancel
        self._pause: Final = pause
        self._resume: Final = resume
        self._interrupted: Final = interrupted
        self._later: Final = later
        self._ended: Final = ended
        self._asked: Final = Asked(self._halt, self._freeze, self._thaw, self.go, self._interrupt)
        self._queue: Final[queue.SimpleQueue[Callable[[], object] | None]] = queue.SimpleQueue()
        #: The chain that a task is made for, and its place in that.
        self._parents: Final[dict[str, tuple[Conduct, Key]]] = {}
        self._thread: Final = threading.Thread(target=self._run, name="conductor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def begin(
        self,
        task_id: str,
        run: int,
        document: Mapping[str, Any],
        done: Callable[[Conduct], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Makes a Conduct of a chain's task, from where it was, if it was begun before a restart. `document` is the
        plan where the task has none of its own. `done` or `failed` is called in this thread; then `go`. Any thread."""
        self._queue.put(partial(self._begin, task_id, run, document, done, failed))

    def go(self, conduct: Conduct) -> None:
        """It may go on now. Any thread."""
        self._queue.put(partial(self._go_on, conduct))

    # ------------------------------------------------------------------ what is observed

    def started(
        self,
        task_id: str,
        worker: str,  # noqa: ARG002
        attempt: int,  # noqa: ARG002
        waited_ns: int,  # noqa: ARG002
    ) -> None:
        found = self._parents.get(task_id)
        if found is not None and found[0].paused:  # it came out of the queue
            self._pause(task_id)

    def ended(
        self,
        task_id: str,
        worker: str,  # noqa: ARG002
        outcome: Outcome,
        run_ns: int,  # noqa: ARG002
        waited_ns: int,  # noqa: ARG002
    ) -> None:
        found = self._parents.pop(task_id, None)
        if found is not None:
            conduct, key = found
            end = End(outcome.state, task_id, outcome.failure)
            self._queue.put(partial(self._child_ended, conduct, key, end))

    # ------------------------------------------------------------------ what is asked for, in the loop's thread

    def _halt(self, conduct: Conduct, grace: int, for_good: bool) -> None:
        self._queue.put(partial(self._stop, conduct, grace, for_good))

    def _freeze(self, conduct: Conduct) -> None:
        self._queue.put(partial(self._to_all, conduct, self._pause))

    def _thaw(self, conduct: Conduct) -> None:
        self._queue.put(partial(self._to_all, conduct, self._resume))
        self.go(conduct)

    def _interrupt(self, conduct: Conduct) -> None:
        conduct.suspended = True
        self._interrupted(conduct)

    # ------------------------------------------------------------------ in the conductor's thread

    def _run(self) -> None:
        while (call := self._queue.get()) is not None:
            try:
                call()
            except Exception:  # the top of the thread: one chain's trouble must not end the others
                log.exception("unexpected error in the conductor of chains")

    def _begin(
        self,
        task_id: str,
        run: int,
        document: Mapping[str, Any],
        done: Callable[[Conduct], None],
        failed: Callable[[Exception], None],
    ) -> None:
        try:
            conduct = opened(self._store, task_id, run, document, self._asked)
            self._find_children(conduct)
        except StoreError as error:
            log.error("a chain cannot be read yet: %s", error, extra=about(task=task_id))
            again = partial(self.begin, task_id, run, document, done, failed)
            self._later(_AGAIN, again)
        except Exception as error:  # noqa: BLE001 - it is told
            failed(error)
        else:
            done(conduct)

    def _find_children(self, conduct: Conduct) -> None:
        """Those that were made before a restart. One that has ended before we were told of its end is found so."""
        conduct.course.catch_up()
        for child, key in conduct.course.live().items():
            self._parents[child] = conduct, key
        records, _ = self._store.reader.course(conduct.task.id, conduct.run)
        for record in records:
            if record.end is None:
                continue
            if self._parents.pop(record.task_id, None) is not None:
                conduct.course.ended(record.key, record.end)

    def _child_ended(self, conduct: Conduct, key: Key, end: End) -> None:
        crash_at(Point.STEP_ENDED)
        conduct.course.ended(key, end)
        if end.state is not State.COMPLETED:
            reason = end.failure.message if end.failure else "canceled"
            self._teller.note(conduct, f"{conduct.course.place(key)} {end.state.lower()}: {reason}")
        self._go_on(conduct)

    def _stop(self, conduct: Conduct, grace: int, for_good: bool) -> None:
        """The last steps are not stopped but for good."""
        if conduct.over:
            return
        conduct.grace = grace
        if conduct.reason is not None:
            halt = chains.halt(conduct.task.id, conduct.reason)
            self._store.writer.post(halt, durable=False)
        spared = conduct.course.at_last and not for_good
        conduct.course.stop(for_good=for_good)
        for order in conduct.waiting:  # it will not be made
            conduct.course.ended(order.key, End(State.CANCELED))
        conduct.waiting.clear()
        if not spared:
            self._to_all(conduct, lambda task_id: self._cancel(task_id, grace))
        self._go_on(conduct)

    def _to_all(self, conduct: Conduct, command: Callable[[str], None]) -> None:
        for task_id in conduct.course.live():
            command(task_id)

    def _go_on(self, conduct: Conduct) -> None:
        if conduct.over or conduct.suspended or conduct.paused or conduct.resting:
            return
        try:
            orders = [*conduct.waiting, *conduct.course.orders()]
            conduct.waiting.clear()
            while orders:
                for order in orders:
                    self._make(conduct, order)
                orders = conduct.course.orders()
            over = conduct.course.is_over and not conduct.coming
            if over:
                self._teller.conclude(conduct)
        except StoreError as error:
            log.error("a chain cannot go on yet: %s", error, extra=about(task=conduct.task.id))
            self._later(_AGAIN, partial(self.go, conduct))
            return
        self._teller.tell(conduct)
        if over:
            conduct.over = True
            crash_at(Point.CHAIN_OVER)
            self._ended(conduct)

    def _make(self, conduct: Conduct, order: Order) -> None:
        """Has the task of an order made; one that cannot be has failed."""
        if conduct.suspended:
            return
        key = order.key
        try:
            new, definition = self.prepare(order, conduct.task)
            new = replace(new, part=Part(conduct.task.id, conduct.run, *key))
        except TaskyError as error:
            failure = Failure(code=FailureCode.SPAWN, message=f"it cannot be made: {error.message}")
            conduct.course.ended(key, End(State.FAILED, None, failure))
            self._teller.note(conduct, f"{conduct.course.place(key)} failed: {failure.message}")
            return
        self._parents[new.id] = conduct, key
        conduct.coming[new.id] = key
        crash_at(Point.STEP_ORDERED)
        try:
            self._submit(new, definition, partial(self._stored, conduct, order, new.id))
        except TaskyError as error:
            self._not_made(conduct, order, new.id, error)

    def _stored(
        self,
        conduct: Conduct,
        order: Order,
        task_id: str,
        _: str | None,
        error: TaskyError | None,
    ) -> None:
        """In the writer's thread."""
        if error is None:
            crash_at(Point.STEP_STORED)
            self._queue.put(partial(self._made, conduct, order, task_id))
        else:
            self._queue.put(partial(self._not_made, conduct, order, task_id, error))

    def _made(self, conduct: Conduct, order: Order, task_id: str) -> None:
        del conduct.coming[task_id]
        if task_id in self._parents:  # it has not ended meanwhile
            conduct.course.made(order.key, task_id)
            self._teller.note(conduct, f"{conduct.course.place(order.key)}: {task_id}")
        if conduct.paused:
            self._pause(task_id)
        if conduct.reason is not None and not conduct.course.at_last:
            self._cancel(task_id, conduct.grace)
        self._teller.tell(conduct)

    def _not_made(self, conduct: Conduct, order: Order, task_id: str, error: TaskyError) -> None:
        """It is tried again: a full queue, or disk, does not stay so."""
        self._parents.pop(task_id, None)
        del conduct.coming[task_id]
        if isinstance(error, ShuttingDown):  # the next server goes on from here
            return
        if not isinstance(error, (QueueFull, StoreError)):
            log.error("a step cannot be made: %s", error, extra=about(task=conduct.task.id))
        conduct.waiting.append(order)
        self._later(_AGAIN, partial(self.go, conduct))


def _nothing_prepared(order: Order, _: Task) -> tuple[NewTask, WorkerDefinition]:
    raise TaskyError(f"there is nobody to make a task of {order.worker}")
