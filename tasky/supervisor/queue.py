"""What may start now: slots, priorities, limits, not-before times. Pure: no clock, no lock, no I/O.

A slot is taken before a task starts and released when its process has ended. Who takes and who waits is decided
here and nowhere else; the caller holds a lock around each call.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple


class Instant(NamedTuple):
    """A moment by two clocks, in ns: `wall` since the epoch, which can be set; `steady` since a start, which cannot."""

    wall: int
    steady: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A task that waits; task ids sort by creation. `not_before` is by the wall clock: a client chose it. `resumes`,
    the end of the pause before another `attempt`, `began`, the start of the first one, and `since`, when it came into
    the queue, are by the steady clock."""

    task_id: str
    worker: str
    priority: int = 0
    not_before: int | None = None
    attempt: int = 1
    resumes: int | None = None
    began: int | None = None
    since: int | None = None

    def waited(self, now: Instant) -> int:
        """For how long it could have started, in ns."""
        waited = 0 if self.since is None else now.steady - self.since
        if self.resumes is not None:
            waited = min(waited, now.steady - self.resumes)
        if self.not_before is not None:
            waited = min(waited, now.wall - self.not_before)
        return max(0, waited)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tasks of a worker run and wait; and how many processes wait for one."""

    running: int = 0
    queued: int = 0
    waiting: int = 0


_Heap = list[tuple[int, str]]


class Scheduler:
    """Slots for running tasks and a priority queue for the others.

    `max_tasks` bounds all running tasks together, `max_queued` all waiting ones, `limits` the running ones of a worker
    (0 or absent: no limit of its own). Tasks of `weightless` workers do not count among all: they have others run.
    """

    def __init__(
        self,
        max_tasks: int,
        max_queued: int,
        limits: Mapping[str, int],
        weightless: frozenset[str] = frozenset(),
    ) -> None:
        self._max_tasks: Final = max_tasks
        self._max_queued: Final = max_queued
        self._limits = dict(limits)
        self._weightless = weightless
        self._running: Counter[str] = Counter()
        self._total_running = 0
        self._queued: Counter[str] = Counter()
        self._entries: dict[str, Entry] = {}
        self._expected = 0
        #: Who waits for a slot only. A heap may still have one who left since, and came back.
        self._waiting: set[str] = set()
        self._ready: dict[str, _Heap] = {}
        self._delayed: _Heap = []
        self._pausing: _Heap = []

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._entries

    def set_limits(
        self, limits: Mapping[str, int], weightless: frozenset[str] = frozenset()
    ) -> None:
        """New limits; tasks that run above them go on."""
        self._limits = dict(limits)
        self._weightless = weightless

    def reserve(self, worker: str) -> bool:
        """Takes a slot for a task that was not queued, if one is free and nobody waits for it."""
        if self._ready.get(worker) or not self._free(worker):
            return False
        self._take(worker)
        return True

    def occupy(self, worker: str, *, weightless: bool = False) -> None:
        """Takes a slot for a task that runs already, however many do."""
        self._total_running += not weightless
        self._running[worker] += 1

    def expect(self, *, beyond: bool = False) -> bool:
        """Keeps a place in the queue for a task that is being stored; False where the queue is full, unless it may go
        `beyond` that."""
        if not beyond and len(self._entries) + self._expected >= self._max_queued:
            return False
        self._expected += 1
        return True

    def expected(self, entry: Entry | None) -> None:
        """The task of an `expect` is stored (or, with None, will not come)."""
        self._expected -= 1
        if entry is not None:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Puts a task into the queue, however full it is (a start must take back what was promised)."""
        self._entries[entry.task_id] = entry
        self._queued[entry.worker] += 1
        if entry.resumes is not None:
            heapq.heappush(self._pausing, (entry.resumes, entry.task_id))
        elif entry.not_before is not None:
            heapq.heappush(self._delayed, (entry.not_before, entry.task_id))
        else:
            self._make_ready(entry)

    def remove(self, task_id: str) -> Entry | None:
        """Takes a task out of the queue; None if it does not wait."""
        entry = self._entries.pop(task_id, None)
        if entry is not None:
            self._left(entry)
        return entry

    def release(self, worker: str, *, weightless: bool = False) -> None:
        """Gives a slot back; `weightless` as it was when it was taken."""
        self._total_running -= not weightless
        self._running[worker] -= 1
        if not self._running[worker]:
            del self._running[worker]

    def pull(self, now: Instant) -> Iterator[Entry]:
        """Takes a slot for each task that may start now, the most urgent first."""
        self._wake(self._delayed, now.wall)
        self._wake(self._pausing, now.steady)
        while entry := self._best():
            heapq.heappop(self._ready[entry.worker])
            del self._entries[entry.task_id]
            self._left(entry)
            self._take(entry.worker)
            yield entry

    def entries(self) -> list[Entry]:
        """All that wait."""
        return list(self._entries.values())

    def wait(self, now: Instant) -> int | None:
        """How long until the next delayed task is ready, in ns; None where there is none."""
        times = (self._first(self._delayed), now.wall), (self._first(self._pausing), now.steady)
        return min((max(0, due - since) for due, since in times if due is not None), default=None)

    def counts(self) -> dict[str, Counts]:
        """Per worker; workers with nothing to count are absent."""
        names = self._running.keys() | self._queued.keys()
        return {name: Counts(self._running[name], self._queued[name]) for name in names}

    def _free(self, worker: str) -> bool:
        limit = self._limits.get(worker, 0)
        return (worker in self._weightless or self._total_running < self._max_tasks) and (
            not limit or self._running[worker] < limit
        )

    def _take(self, worker: str) -> None:
        self._total_running += worker not in self._weightless
        self._running[worker] += 1

    def _left(self, entry: Entry) -> None:
        self._waiting.discard(entry.task_id)
        self._queued[entry.worker] -= 1
        if not self._queued[entry.worker]:
            del self._queued[entry.worker]

    def _make_ready(self, entry: Entry) -> None:
        self._waiting.add(entry.task_id)
        ready = self._ready.setdefault(entry.worker, [])
        heapq.heappush(ready, (-entry.priority, entry.task_id))

    def _wake(self, delayed: _Heap, now: int) -> None:
        while delayed and delayed[0][0] <= now:
            due, task_id = heapq.heappop(delayed)
            entry = self._entries.get(task_id)
            if entry is not None and due in (entry.not_before, entry.resumes):
                self._make_ready(entry)

    def _first(self, delayed: _Heap) -> int | None:
        while delayed and delayed[0][1] not in self._entries:  # removed while it waited
            heapq.heappop(delayed)
        return delayed[0][0] if delayed else None

    def _best(self) -> Entry | None:
        best: tuple[int, str] | None = None
        full = self._total_running >= self._max_tasks
        for worker in list(self._weightless & self._ready.keys() if full else self._ready):
            head = self._head(worker)
            if head is not None and (best is None or head < best) and self._free(worker):
                best = head
        return self._entries[best[1]] if best else None

    def _head(self, worker: str) -> tuple[int, str] | None:
        ready = self._ready[worker]
        while ready and ready[0][1] not in self._waiting:  # it left
            heapq.heappop(ready)
        if not ready:
            del self._ready[worker]
            return None
        return ready[0]
