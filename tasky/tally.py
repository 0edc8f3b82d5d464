"""Counting what happens, in any thread, for less than a microsecond. Imports nothing of ours, and knows no format: what
is counted becomes text where somebody asks for it (web.exposition)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

#: Seconds: of a task's run, of its wait for a slot. From what ends at once to what takes a day.
LONG: Final = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10800, 43200, 86400)
#: Seconds: of a start, a commit, a turn of a loop, an answer.
SHORT: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
#: Of things done together.
SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

Labels = tuple[str, ...]


class Reading(NamedTuple):
    """A histogram at one moment: how many values were not above each bound (and above its predecessor), how many were
    above the last one, and the sum of all."""

    bounds: Sequence[float]
    counts: Sequence[int]
    sum: float


class Histogram:
    """How many values there were of which size."""

    __slots__ = ("_bounds", "_counts", "_lock", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds: Final = bounds
        self._counts: Final = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock: Final = threading.Lock()

    def observe(self, value: float) -> None:
        place = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[place] += 1
            self._sum += value

    def read(self) -> Reading:
        with self._lock:
            return Reading(self._bounds, tuple(self._counts), self._sum)


class Count:
    """How often something has happened, by labels."""

    __slots__ = ("_counts", "_lock")

    def __init__(self) -> None:
        self._counts: Final[Counter[Labels]] = Counter()
        self._lock: Final = threading.Lock()

    def add(self, *labels: str) -> None:
        with self._lock:
            self._counts[labels] += 1

    def read(self) -> Mapping[Labels, int]:
        with self._lock:
            return dict(self._counts)


T = TypeVar("T")


class ByLabels(Generic[T]):
    """One of something for each set of labels, made when it is first asked for."""

    __slots__ = ("_all", "_lock", "_make")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Final = make
        self._all: Final[dict[Labels, T]] = {}
        self._lock: Final = threading.Lock()

    def of(self, *labels: str) -> T:
        found = self._all.get(labels)
        if found is None:
            with self._lock:
                found = self._all.setdefault(labels, self._make())
        return found

    def all(self) -> Mapping[Labels, T]:
        with self._lock:
            return dict(self._all)


class Names:
    """Keeps the number of different labels within bounds: what is new beyond `most` of them is `other`."""

    __slots__ = ("_known", "_most")

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._known: Final[dict[str, str]] = {}

    def bounded(self, name: str) -> str:
        known = self._known
        if name in known:
            return name
        if len(known) >= self._most:
            return OTHER
        return known.setdefault(name, name)


OTHER: Final = "other"
