"""What may start now: slots, priorities, limits, not-before times. Pure: no clock, no lock, no I/O.

A slot is taken before a task starts and released when its process has ended. Who takes and who waits is decided
here and nowhere else; the caller holds a lock around each call.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A task that waits. `not_before` is in ns since the epoch; task ids sort by creation."""

    task_id: str
    worker: str
    priority: int = 0
    not_before: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tasks of a worker run and wait."""

    running: int = 0
    queued: int = 0


_Ready = list[tuple[int, str]]


class Scheduler:
    """Slots for running tasks and a priority queue for the others.

    `max_tasks` bounds all running tasks together, `max_queued` all waiting ones, `limits` the running ones of a worker
    (0 or absent: no limit of its own).
    """

    def __init__(self, max_tasks: int, max_queued: int, limits: Mapping[str, int]) -> None:
        self._max_tasks: Final = max_tasks
        self._max_queued: Final = max_queued
        self._limits = dict(limits)
        self._running: Counter[str] = Counter()
        self._total_running = 0
        self._queued: Counter[str] = Counter()
        self._entries: dict[str, Entry] = {}
        self._expected = 0
        self._ready: dict[str, _Ready] = {}
        self._delayed: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._entries

    def set_limits(self, limits: Mapping[str, int]) -> None:
        """New limits; tasks that run above them go on."""
        self._limits = dict(limits)

    def reserve(self, worker: str) -> bool:
        """Takes a slot for a task that was not queued, if one is free and nobody waits for it."""
        if self._ready.get(worker) or not self._free(worker):
            return False
        self._take(worker)
        return True

    def expect(self) -> bool:
        """Keeps a place in the queue for a task that is being stored; False where the queue is full."""
        if len(self._entries) + self._expected >= self._max_queued:
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
        if entry.not_before is None:
            self._make_ready(entry)
        else:
            heapq.heappush(self._delayed, (entry.not_before, entry.task_id))

    def remove(self, task_id: str) -> Entry | None:
        """Takes a task out of the queue; None if it does not wait."""
        entry = self._entries.pop(task_id, None)
        if entry is not None:
            self._left(entry)
        return entry

    def release(self, worker: str) -> None:
        """Gives a slot back."""
        self._total_running -= 1
        self._running[worker] -= 1
        if not self._running[worker]:
            del self._running[worker]

    def pull(self, now: int) -> Iterator[Entry]:
        """Takes a slot for each task that may start now (`now`: ns since the epoch), the most urgent first."""
        self._wake_delayed(now)
        while entry := self._best():
            heapq.heappop(self._ready[entry.worker])
            del self._entries[entry.task_id]
            self._left(entry)
            self._take(entry.worker)
            yield entry

    def due(self) -> int | None:
        """When the next delayed task becomes ready, in ns since the epoch."""
        while self._delayed and self._delayed[0][1] not in self._entries:
            heapq.heappop(self._delayed)
        return self._delayed[0][0] if self._delayed else None

    def counts(self) -> dict[str, Counts]:
        """Per worker; workers with nothing to count are absent."""
        names = self._running.keys() | self._queued.keys()
        return {name: Counts(self._running[name], self._queued[name]) for name in names}

    def _free(self, worker: str) -> bool:
        limit = self._limits.get(worker, 0)
        return self._total_running < self._max_tasks and (
            not limit or self._running[worker] < limit
        )

    def _take(self, worker: str) -> None:
        self._total_running += 1
        self._running[worker] += 1

    def _left(self, entry: Entry) -> None:
        self._queued[entry.worker] -= 1
        if not self._queued[entry.worker]:
            del self._queued[entry.worker]

    def _make_ready(self, entry: Entry) -> None:
        ready = self._ready.setdefault(entry.worker, [])
        heapq.heappush(ready, (-entry.priority, entry.task_id))

    def _wake_delayed(self, now: int) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            entry = self._entries.get(heapq.heappop(self._delayed)[1])
            if entry is not None:
                self._make_ready(entry)

    def _best(self) -> Entry | None:
        best: tuple[int, str] | None = None
        if self._total_running >= self._max_tasks:
            return None
        for worker in list(self._ready):
            head = self._head(worker)
            if head is not None and (best is None or head < best) and self._free(worker):
                best = head
        return self._entries[best[1]] if best else None

    def _head(self, worker: str) -> tuple[int, str] | None:
        ready = self._ready[worker]
        while ready and ready[0][1] not in self._entries:  # removed while it waited
            heapq.heappop(ready)
        if not ready:
            del self._ready[worker]
            return None
        return ready[0]
