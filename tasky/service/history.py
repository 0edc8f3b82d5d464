"""What has happened lately, by worker and in steps of time: for plots, not for accounting. It is kept in memory, within
bounds, and begins with what the store knows of the time before the start.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ..model.states import State
from ..model.task import Outcome
from ..store import EndRow
from ..supervisor import Counts, Observer
from ..tally import Names

_SECOND: Final = 1_000_000_000
#: Different names of workers: a catalogue that changes for years must not fill the memory.
_MOST_WORKERS: Final = 1000
_NOTHING: Final = Counts()


class Window(StrEnum):
    """How far back somebody looks."""

    SHORT = "15m"
    MIDDLE = "2h"
    LONG = "24h"


#: The length of a step in seconds, and how many there are.
STEPS: Final[Mapping[Window, tuple[int, int]]] = MappingProxyType(
    {Window.SHORT: (10, 90), Window.MIDDLE: (60, 120), Window.LONG: (900, 96)}
)
#: The time from one look at what runs and waits to the next, in seconds: no step is without one.
LOOK: Final = 10
#: What is known before the start comes from the last so many seconds.
REACH: Final = max(length * many for length, many in STEPS.values())


@dataclass(slots=True)
class Sums:
    """Of the tasks of a worker that have ended in some time. Of those that ran at all: how many, and how long."""

    completed: int = 0
    failed: int = 0
    canceled: int = 0
    ran: int = 0
    run_ns: int = 0
    longest_ns: int = 0

    def add(self, state: State, run_ns: int) -> None:
        self.completed += state is State.COMPLETED
        self.failed += state is State.FAILED
        self.canceled += state is State.CANCELED
        if run_ns:
            self.ran += 1
            self.run_ns += run_ns
            self.longest_ns = max(self.longest_ns, run_ns)

    def include(self, other: Sums) -> None:
        self.completed += other.completed
        self.failed += other.failed
        self.canceled += other.canceled
        self.ran += other.ran
        self.run_ns += other.run_ns
        self.longest_ns = max(self.longest_ns, other.longest_ns)


@dataclass(slots=True)
class _Step:
    """By worker. `counts` is the most that was seen; None if nobody has looked."""

    ended: dict[str, Sums] = field(default_factory=dict)
    counts: dict[str, Counts] | None = None

    def add(self, worker: str, state: State, run_ns: int) -> None:
        self.ended.setdefault(worker, Sums()).add(state, run_ns)

    def look(self, counts: Mapping[str, Counts]) -> None:
        before = self.counts or {}
        self.counts = {
            worker: Counts(
                running=max(seen.running, counts.get(worker, _NOTHING).running),
                queued=max(seen.queued, counts.get(worker, _NOTHING).queued),
            )
            for worker in before.keys() | counts.keys()
            for seen in (before.get(worker, _NOTHING),)
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A step: when it began (ns), what ended in it, and the most that ran and waited at a time; None: nobody looked."""

    start: int
    sums: Sums
    running: int | None
    queued: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """`workers` are those with something to tell: the sums of the whole window."""

    now: int
    window: Window
    points: list[Point]
    workers: Mapping[str, Sums]


class History(Observer):
    """An observer of the supervisor, which costs it some microseconds for each end; `look` is for whoever has the time,
    each LOOK seconds. Any thread."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock: Final = clock
        self._began: Final = clock()
        self._names: Final = Names(_MOST_WORKERS)
        self._lock: Final = threading.Lock()
        self._steps: Final[dict[Window, dict[int, _Step]]] = {window: {} for window in Window}
        self._has_past = False

    def ended(
        self,
        task_id: str,  # noqa: ARG002
        worker: str,
        outcome: Outcome,
        run_ns: int,
        waited_ns: int,  # noqa: ARG002
    ) -> None:
        name, now = self._names.bounded(worker), self._clock()
        with self._lock:
            for step in self._at(now):
                step.add(name, outcome.state, run_ns)

    def look(self, counts: Mapping[str, Counts]) -> None:
        """At what runs and waits now."""
        some = {worker: each for worker, each in counts.items() if each.running or each.queued}
        now = self._clock()
        with self._lock:
            for step in self._at(now):
                step.look(some)

    def remember(self, before: Callable[[int, int], Iterable[EndRow]]) -> None:
        """Once, what had ended when it began: `before` gives the ends between two times (ns)."""
        with self._lock:
            if self._has_past:
                return
            self._has_past = True
        ends = list(before(self._began - REACH * _SECOND, self._began))
        with self._lock:
            for end in ends:
                name = self._names.bounded(end.worker)
                for step in self._at(end.finished):
                    step.add(name, end.state, end.run_ns)

    def overview(self, window: Window, sees: Callable[[str], bool]) -> Overview:
        """Of the workers that somebody may see."""
        length, many = STEPS[window]
        now = self._clock()
        last = now // (length * _SECOND)
        total: dict[str, Sums] = {}
        points = []
        with self._lock:
            steps = self._steps[window]
            for number in range(last - many + 1, last + 1):
                step = steps.get(number, _Step())
                sums = Sums()
                for worker, each in step.ended.items():
                    if sees(worker):
                        sums.include(each)
                        total.setdefault(worker, Sums()).include(each)
                points.append(_point(number * length * _SECOND, sums, step.counts, sees))
        return Overview(now=now, window=window, points=points, workers=total)

    def _at(self, moment: int) -> Iterator[_Step]:
        """The step of each window in which a moment is. What is too old for one goes."""
        for window, steps in self._steps.items():
            length, many = STEPS[window]
            number = moment // (length * _SECOND)
            if number not in steps:
                steps[number] = _Step()
                while len(steps) > many:
                    del steps[min(steps)]
            if number in steps:  # it may be the oldest itself
                yield steps[number]


def _point(
    start: int, sums: Sums, counts: Mapping[str, Counts] | None, sees: Callable[[str], bool]
) -> Point:
    if counts is None:
        return Point(start=start, sums=sums, running=None, queued=None)
    seen = [each for worker, each in counts.items() if sees(worker)]
    return Point(
        start=start,
        sums=sums,
        running=sum(each.running for each in seen),
        queued=sum(each.queued for each in seen),
    )
