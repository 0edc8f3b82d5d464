"""Which tasks run, which wait, who watches them: everything that HTTP threads, the store's writer and the loop share.

One lock guards it, and nothing blocks while that is held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

from ..errors import QueueFull, ShuttingDown
from ..model.chain import AD_HOC
from ..model.retry import Retry
from ..model.states import State
from ..model.task import NewTask, Outcome
from ..model.worker import WorkerDefinition, ad_hoc
from .live import Live
from .queue import Counts, Entry, Instant, Scheduler
from .watch import Watcher, settle_all


class Register:
    """Every method may be called by any thread."""

    def __init__(
        self, definitions: Mapping[str, WorkerDefinition], max_tasks: int, max_queued: int
    ) -> None:
        self._lock: Final = threading.Lock()
        self._definitions = _with_ad_hoc(definitions)
        self._scheduler: Final = Scheduler(
            max_tasks, max_queued, _limits(definitions), _chains(self._definitions)
        )
        self._live: Final[dict[str, Live]] = {}
        self._watchers: Final[dict[str, list[Watcher]]] = {}
        self._closed = False
        self._held = False

    def close(self) -> list[Watcher]:
        """From now on nothing comes in and nothing starts. Gives those who watch a task that waits: in vain."""
        with self._lock:
            self._closed = True
            waiting = [task_id for task_id in self._watchers if task_id in self._scheduler]
            return [watcher for task_id in waiting for watcher in self._watchers.pop(task_id)]

    @property
    def closed(self) -> bool:
        return self._closed

    def hold(self, held: bool) -> None:
        """Whether nothing starts, for a while: what comes in meanwhile waits, however full the queue is."""
        with self._lock:
            self._held = held

    @property
    def held(self) -> bool:
        return self._held

    @property
    def over(self) -> bool:
        """Closed, and nothing is live any more."""
        with self._lock:
            return self._closed and not self._live

    def redefine(self, definitions: Mapping[str, WorkerDefinition]) -> None:
        with self._lock:
            self._definitions = _with_ad_hoc(definitions)
            self._scheduler.set_limits(_limits(definitions), _chains(self._definitions))

    @property
    def definitions(self) -> Mapping[str, WorkerDefinition]:
        return self._definitions

    def retry_of(self, worker: str) -> Retry:
        """As it is defined now; a worker that was removed retries nothing."""
        definition = self._definitions.get(worker)
        return Retry() if definition is None else definition.retry

    # ------------------------------------------------------------------ in

    def admit(self, new: NewTask, definition: WorkerDefinition, now: int) -> Live | None:
        """A slot for a task that is about to be stored; None: it has a place in the queue.

        Raises QueueFull or ShuttingDown.
        """
        with self._lock:
            if self._closed:
                raise ShuttingDown
            due = new.not_before is None or new.not_before <= now
            # Whether it takes a slot is what the scheduler thinks, though a reload may have come in between.
            now_defined = self._definitions.get(new.worker)
            if now_defined is not None and _is_chain(now_defined) is not _is_chain(definition):
                due = False
            if due and not self._held and self._scheduler.reserve(new.worker):
                timeout = definition.timeout if new.timeout is None else new.timeout
                live = Live(
                    new.id,
                    new.worker,
                    definition,
                    now,
                    priority=new.priority,
                    params=new.params,
                    secrets=new.secrets,
                    timeout=timeout,
                    is_chain=_is_chain(definition),
                )
                self._live[new.id] = live
                return live
            if not self._scheduler.expect(beyond=self._held):
                raise QueueFull
            return None

    def enqueue(self, entry: Entry) -> list[Watcher]:
        """The stored task of an `admit` takes its place in the queue. Gives those who watch it in vain."""
        with self._lock:
            self._scheduler.expected(entry)
            return self._in_vain(entry)

    def restore(self, entry: Entry) -> list[Watcher]:
        """A task that was in the queue before comes back to it. Gives those who watch it in vain."""
        with self._lock:
            self._live.pop(entry.task_id, None)
            self._scheduler.add(entry)
            return self._in_vain(entry)

    def _in_vain(self, entry: Entry) -> list[Watcher]:
        return self._watchers.pop(entry.task_id, []) if self._closed else []

    def adopt(self, live: Live) -> None:
        """A task that another server has started runs here from now on."""
        with self._lock:
            self._scheduler.occupy(live.worker, weightless=live.is_chain)
            self._live[live.task_id] = live

    def turn_away(self, task_id: str, *, waits: bool) -> list[Watcher]:
        """The task of an `admit` was not stored: it loses its place in the queue, but not its slot. Gives who
        watched it."""
        with self._lock:
            if waits:
                self._scheduler.expected(None)
            self._live.pop(task_id, None)
            return self._watchers.pop(task_id, [])

    def start(self, now: Instant, freed: Live | None = None) -> tuple[list[Live], int | None]:
        """Gives back the slot of `freed`, whose process has ended (it is live until its end is stored). Then gives the
        queued tasks that have a slot now, and how long until the next delayed one is ready, in ns."""
        with self._lock:
            if freed is not None:
                self._scheduler.release(freed.worker, weightless=freed.is_chain)
            if self._closed or self._held:
                return [], None
            lives = [self._take(entry, now) for entry in self._scheduler.pull(now)]
            return lives, self._scheduler.wait(now)

    def _take(self, entry: Entry, now: Instant) -> Live:
        definition = self._definitions.get(entry.worker)
        live = _live(entry, definition, now)
        self._live[entry.task_id] = live
        return live

    def definition(self, worker: str) -> WorkerDefinition | None:
        """As it is now."""
        return self._definitions.get(worker)

    # ------------------------------------------------------------------ out

    def withdraw(self, task_id: str, now: Instant) -> tuple[Entry, Live] | None:
        """A task that waits leaves the queue, canceled: it is live, without a slot, until that is stored. None if it
        does not wait."""
        with self._lock:
            entry = self._scheduler.remove(task_id)
            if entry is None:
                return None
            live = _live(entry, None, now)
            live.outcome = canceled(live, now.wall)
            self._live[task_id] = live
            return entry, live

    def forget(self, task_id: str) -> list[Watcher]:
        """The task's end is stored; who waits for it."""
        with self._lock:
            self._live.pop(task_id, None)
            return self._watchers.pop(task_id, [])

    # ------------------------------------------------------------------ look

    def live(self, task_id: str) -> Live | None:
        return self._live.get(task_id)

    def lives(self) -> list[Live]:
        with self._lock:
            return list(self._live.values())

    def is_queued(self, task_id: str) -> bool:
        with self._lock:
            return task_id in self._scheduler

    def counts(self) -> dict[str, Counts]:
        with self._lock:
            return self._scheduler.counts()

    def waiting(self) -> list[Entry]:
        """The tasks in the queue."""
        with self._lock:
            return self._scheduler.entries()

    # ------------------------------------------------------------------ watchers

    def release(self) -> None:
        """Who watches is told to wait no longer: as far as the task is known to be stored."""
        with self._lock:
            stored = [each for each in self._watchers if self._is_stored(each)]
            watchers = [watcher for each in stored for watcher in self._watchers.pop(each)]
        settle_all(watchers, ShuttingDown())

    def _is_stored(self, task_id: str) -> bool:
        live = self._live.get(task_id)
        return task_id in self._scheduler or (live is not None and live.process is not None)

    def watch(self, task_id: str, give_up: Callable[[Watcher], None]) -> Watcher:
        """For a task that was admitted and is about to be stored."""
        watcher = Watcher(task_id, give_up)
        with self._lock:
            self._watchers.setdefault(task_id, []).append(watcher)
        return watcher

    def watch_live(self, task_id: str, give_up: Callable[[Watcher], None]) -> Watcher | None:
        """None for a task that has ended, or waits and will not start any more."""
        watcher = Watcher(task_id, give_up)
        with self._lock:
            waits = not self._closed and task_id in self._scheduler
            if task_id not in self._live and not waits:
                return None
            self._watchers.setdefault(task_id, []).append(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        with self._lock:
            watchers = self._watchers.get(watcher.task_id, [])
            if watcher in watchers:
                watchers.remove(watcher)
            if not watchers:
                self._watchers.pop(watcher.task_id, None)


def canceled(live: Live, now: int) -> Outcome:
    """The end of a task that waited."""
    return Outcome(state=State.CANCELED, finished=now, duration=live.duration())


def _live(entry: Entry, definition: WorkerDefinition | None, now: Instant) -> Live:
    return Live(
        entry.task_id,
        entry.worker,
        definition,
        now.wall,
        priority=entry.priority,
        attempt=entry.attempt,
        began=entry.began,
        waited=entry.waited(now),
        is_chain=definition is not None and _is_chain(definition),
    )


def _is_chain(definition: WorkerDefinition) -> bool:
    return definition.chain is not None


def _with_ad_hoc(definitions: Mapping[str, WorkerDefinition]) -> Mapping[str, WorkerDefinition]:
    return {**definitions, AD_HOC: ad_hoc()}


def _chains(definitions: Mapping[str, WorkerDefinition]) -> frozenset[str]:
    return frozenset(name for name, one in definitions.items() if _is_chain(one))


def _limits(definitions: Mapping[str, WorkerDefinition]) -> dict[str, int]:
    return {name: definition.max_tasks for name, definition in definitions.items()}
