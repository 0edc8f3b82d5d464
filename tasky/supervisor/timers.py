"""Calls to come, on the monotonic clock in ns. Pure: the caller says what time it is. For one thread."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Final

#: Fewer cancelled timers than this are not worth a clean-up.
_MANY: Final = 64


class Timer:
    """A call to come, or one that was called or cancelled."""

    __slots__ = ("_call", "_timers")

    def __init__(self, timers: Timers, call: Callable[[], object]) -> None:
        self._timers: Final = timers
        self._call: Callable[[], object] | None = call

    @property
    def over(self) -> bool:
        return self._call is None

    def cancel(self) -> None:
        """May be called more than once, and too late."""
        self.take()

    def take(self) -> Callable[[], object] | None:
        """The call, which now is the caller's to make; None if it is over."""
        call, self._call = self._call, None
        if call is not None:
            self._timers.one_is_over()
        return call


class Timers:
    """A heap. Cancelled timers stay in it for a while, but are never more than those that count: a timeout of hours
    for each of many short tasks takes no memory for hours."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._order: Final = itertools.count()
        self._over = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: int, call: Callable[[], object]) -> Timer:
        timer = Timer(self, call)
        heapq.heappush(self._heap, (at, next(self._order), timer))
        return timer

    def next(self) -> int | None:
        """When the first one is due."""
        heap = self._heap
        while heap and heap[0][2].over:
            heapq.heappop(heap)
            self._over -= 1
        return heap[0][0] if heap else None

    def take_due(self, now: int) -> Callable[[], object] | None:
        """The next call that is due."""
        first = self.next()
        if first is None or first > now:
            return None
        call = self._heap[0][2].take()
        self.next()
        return call

    def one_is_over(self) -> None:
        self._over += 1
        if self._over > _MANY and self._over * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if not entry[2].over]
            heapq.heapify(self._heap)
            self._over = 0
